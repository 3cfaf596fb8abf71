import ArgumentParser
import CommandKit
import FoundationEssentials
import JSONCoding
import SimulationKit

struct Shrink: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes a failing plan as small as it can be while the same promise breaks.",
    discussion: "The smaller plan is written beside the given one, or where --output says.")

  @Argument(help: "The plan, as 'run' and 'sweep' write them.")
  var plan: String

  @Option(help: "Where the smaller plan goes.")
  var output: String?

  @Option(help: "Plant this bug first.")
  var sabotage: String?

  @Option(help: "How many plans are tried at most.")
  var tries: Int = 3_000

  @Flag(help: "Print the report of the smaller plan as one JSON object.")
  var json = false

  func validate() throws {
    guard (1...1_000_000).contains(tries) else {
      throw ValidationError("--tries takes 1 to 1000000.")
    }
    _ = try SabotageArgument.checked(sabotage)
  }

  func run() throws {
    let whole = try ScenarioArgument.plan(atPath: plan)
    let target = output ?? Self.name(beside: plan)
    try Story.write([], to: target)
    let pool = try WorkerPool(jobs: 1)
    let small = try Shrinking.shrink(whole, in: pool, sabotage: sabotage, tries: tries)
    try Story.write(Array(small.json.text().utf8), to: target)
    let report = try pool.run(Order(plan: small, sabotage: sabotage))
    if json {
      try StandardOutput.show(line: report.json.text())
    } else {
      try StandardOutput.show(line: Story.summary(of: report))
      try StandardOutput.show(
        line: "\(whole.itemCount) items became \(small.itemCount), in '\(target)'")
    }
  }

  private static func name(beside path: String) -> String {
    let suffix = ".plan.json"
    return path.hasSuffix(suffix)
      ? String(path.dropLast(suffix.count)) + ".small" + suffix : path + ".small" + suffix
  }
}

/// Shrinking in a worker, with progress.
enum Shrinking {
  static func shrink(
    _ plan: Plan, in pool: WorkerPool, sabotage: String?, promises: [String] = [], tries: Int
  ) throws -> Plan {
    var promises = promises
    if promises.isEmpty {
      let report = try pool.run(Order(plan: plan, sabotage: sabotage))
      guard let promise = report.violations.first?.promise else {
        throw CommandFailure(sentence: "the plan breaks no promise, so there is nothing to shrink")
      }
      promises = [promise]
    }
    let bar = ProgressBar(label: "shrink")
    defer { bar.finish() }
    var shrinker = Shrinker(plan, triesMax: tries) { tried, best in
      bar.show(
        done: UInt64(tried), remaining: UInt64(max(0, tries - tried)),
        unit: "plans, \(best.itemCount) items left")
    } fails: { candidate in
      try pool.run(Order(plan: candidate, sabotage: sabotage, promises: promises)).violations
        .contains { promises.contains($0.promise) }
    }
    return try shrinker.shrink()
  }
}
