import ArgumentParser
import CommandKit
import FoundationEssentials
import JSONCoding
import SimulationKit

/// Runs one plan in front of a person or a script.
enum Story {
  /// - Parameters:
  ///   - bug: what is planted into the engine.
  ///   - trace: the file that gets every event as a JSON line.
  ///   - timeline: the file that gets the picture.
  ///   - command: what makes this run again, for the picture; nil for `run` with this seed.
  static func tell(
    _ plan: Plan, with bug: PlantedBug?, until: Int? = nil, trace: String? = nil,
    timeline: String? = nil,
    command: String? = nil, json: Bool
  ) throws {
    var lines: [UInt8] = []
    var picture = Timeline()
    picture.command = command
    var story = StoryLines(hasColour: hasColour)
    // A place that cannot be written is found out before the run, not after it.
    for path in [trace, timeline].compactMap(\.self) { try write([], to: path) }
    let report = try Simulation.run(plan, with: bug, until: until) { event in
      if trace != nil {
        event.write(to: &lines)
        lines.append(UInt8(ascii: "\n"))
      }
      if timeline != nil { picture.add(event) }
      if !json, let line = story.line(for: event) { print(line) }
    }
    if let trace { try write(lines, to: trace) }
    if let timeline {
      picture.conclude(report)
      try write(picture.html(), to: timeline)
    }
    print(json ? report.json.text() : summary(of: report))
    if !json, let counting = story.counting { print(counting) }
    guard report.isOK else {
      let kept = "\(plan.scenario)-\(plan.seed).plan.json"
      try write(Array(plan.json.text().utf8), to: kept)
      throw CommandFailure(sentence: "a promise was broken; the plan is kept in '\(kept)'")
    }
  }

  private static var hasColour: Bool {
    let refusal = ThisProcess.environment("NO_COLOR") ?? ""
    return StandardOutput.isTerminal && refusal.isEmpty
  }

  static func summary(of report: RunReport) -> String {
    var lines = [
      "seed \(report.seed) of \(report.scenario): \(report.events) events in "
        + "\(report.virtualMilliseconds / 1000) virtual seconds, "
        + (report.converged ? "converged" : "did not converge")
    ]
    let faults = report.faults.map { "\($0.name) \($0.count)" }.joined(separator: ", ")
    lines.append("  faults: \(faults.isEmpty ? "none" : faults)")
    lines.append("  trace \(report.traceHash.prefix(16))  state \(report.stateDigest.prefix(16))")
    for violation in report.violations {
      lines.append(
        "  BROKEN \(violation.promise) at \(violation.atMilliseconds) ms: \(violation.what)")
    }
    return lines.joined(separator: "\n")
  }

  static func write(_ bytes: [UInt8], to path: String) throws {
    guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else {
      throw CommandFailure(
        sentence: "'\(path)' cannot be written; check that its folder exists and is yours.")
    }
  }
}

/// Finds what a command line names: a shipped scenario, or a file.
enum ScenarioArgument {
  static func scenario(_ text: String) throws -> Scenario {
    if let shipped = Scenario.named(text) { return shipped }
    guard FileManager.default.fileExists(atPath: text) else {
      let names = Scenario.shipped.map(\.name).joined(separator: ", ")
      throw ValidationError(
        "'\(text)' is neither a scenario (\(names)) nor a file.")
    }
    return try Scenario(json: try json(atPath: text))
  }

  /// Those named, or all that are shipped but the one that must fail.
  static func scenarios(_ texts: [String]) throws -> [Scenario] {
    texts.isEmpty
      ? Scenario.shipped.filter { $0.name != "canary" } : try texts.map { try scenario($0) }
  }

  static func plan(atPath path: String) throws -> Plan {
    try Plan(json: try json(atPath: path))
  }

  private static func json(atPath path: String) throws -> JSONValue {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CommandFailure(sentence: "'\(path)' cannot be read")
    }
    do {
      return try JSONValue(parsing: data)
    } catch {
      throw CommandFailure(sentence: "'\(path)' is \(error)")
    }
  }
}
