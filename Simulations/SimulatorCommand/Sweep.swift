import ArgumentParser
import CommandKit
import FoundationEssentials
import JSONCoding
import SimulationKit

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

struct Sweep: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs many seeds of some scenarios and reports the broken promises.",
    discussion: """
      One seed in twenty runs twice, and both runs must be the same, event by event. With --json
      every run is one line.
      """)

  @Argument(help: "Scenarios: names, or JSON files. All that are shipped when none is given.")
  var scenarios: [String] = []

  @Option(help: "The first and the last seed, as A..B.")
  var seeds: SeedRange = SeedRange(range: 1...100)

  @Option(help: "How many runs go on at once.")
  var jobs: Int = 1

  @Option(help: "Keep the plans that broke a promise in this folder.")
  var keepFailures: String?

  @Flag(help: "Print one JSON object for each run.")
  var json = false

  func validate() throws {
    guard (1...64).contains(jobs) else { throw ValidationError("--jobs takes 1 to 64.") }
  }

  func run() async throws {
    let chosen =
      scenarios.isEmpty ? Scenario.shipped : try scenarios.map(ScenarioArgument.scenario)
    if let keepFailures {
      try FileManager.default.createDirectory(
        atPath: keepFailures, withIntermediateDirectories: true)
    }
    let total = chosen.count * seeds.range.count
    var plans = chosen.lazy.flatMap { scenario in
      seeds.range.lazy.map { scenario.plan(seed: $0) }
    }.makeIterator()
    var tally = Tally(total: total, showsProgress: isatty(STDERR_FILENO) == 1)
    let started = ContinuousClock.now
    try await withThrowingTaskGroup(of: (Plan, RunReport, Bool).self) { group in
      for _ in 0..<jobs {
        if let plan = plans.next() { group.addTask { try Sweep.runChecked(plan) } }
      }
      while let (plan, report, repeats) = try await group.next() {
        if let next = plans.next() { group.addTask { try Sweep.runChecked(next) } }
        tally.add(report, repeats: repeats)
        if json { print(report.json.text()) }
        guard !report.isOK || !repeats else { continue }
        if !json { print(Story.summary(of: report)) }
        if !repeats {
          tally.sentence("seed \(plan.seed) of \(plan.scenario) runs differently twice")
        }
        if let keepFailures {
          try Story.write(
            Array(plan.json.text().utf8),
            to: "\(keepFailures)/\(plan.scenario)-\(plan.seed).plan.json")
        }
      }
    }
    tally.finish(after: ContinuousClock.now - started, json: json)
    guard tally.failures == 0 else {
      throw CommandFailure(sentence: "\(tally.failures) of \(total) runs failed")
    }
  }

  /// Runs a plan, one in twenty twice; false when the two runs differ.
  private static func runChecked(_ plan: Plan) throws -> (Plan, RunReport, Bool) {
    let report = try Simulation.run(plan)
    guard plan.seed % 20 == 0 else { return (plan, report, true) }
    return (plan, report, try Simulation.run(plan) == report)
  }
}

/// The seeds `A..B`, both included.
struct SeedRange: ExpressibleByArgument {
  var range: ClosedRange<UInt64>

  init(range: ClosedRange<UInt64>) {
    self.range = range
  }

  init?(argument: String) {
    let ends = argument.split(separator: "..", maxSplits: 1).compactMap { UInt64($0) }
    guard ends.count == 2, ends[0] <= ends[1], ends[1] - ends[0] < 100_000_000 else { return nil }
    range = ends[0]...ends[1]
  }

  var defaultValueDescription: String { "\(range.lowerBound)..\(range.upperBound)" }
}

/// What a sweep has seen so far, shown as it goes on.
private struct Tally {
  let total: Int
  let showsProgress: Bool
  private(set) var done = 0
  private(set) var failures = 0
  private var events = 0
  private var virtualMilliseconds = 0
  private var faults: [String: Int] = [:]

  init(total: Int, showsProgress: Bool) {
    self.total = total
    self.showsProgress = showsProgress
  }

  mutating func add(_ report: RunReport, repeats: Bool) {
    done += 1
    if !report.isOK || !repeats { failures += 1 }
    events += report.events
    virtualMilliseconds += report.virtualMilliseconds
    for fault in report.faults { faults[fault.name, default: 0] += fault.count }
    guard showsProgress else { return }
    let width = 30
    let filled = width * done / max(total, 1)
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    let end = failures == 0 ? "" : ", \(failures) failed"
    sentence("\r\(bar) \(done) of \(total)\(end)", terminator: done == total ? "\n" : "")
  }

  func sentence(_ text: String, terminator: String = "\n") {
    // Not worth a failure: the sweep's result does not depend on who reads along.
    let bytes = Array((text + terminator).utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  func finish(after duration: Duration, json: Bool) {
    let seconds =
      Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    let perSecond = Int(Double(events) / max(seconds, 0.001))
    let timesFaster = Int(Double(virtualMilliseconds) / 1000 / max(seconds, 0.001))
    let counts = faults.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    let text =
      "\(done) runs, \(failures) failed; \(events) events, \(perSecond) a second; "
      + "\(timesFaster) times real time; faults: \(counts.joined(separator: ", "))"
    if json { sentence(text) } else { print(text) }
  }
}
