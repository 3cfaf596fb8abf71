import ArgumentParser
import CommandKit
import FoundationEssentials
import JSONCoding
import SimulationKit

struct Sweep: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs many seeds of some scenarios and reports the broken promises.",
    discussion: """
      One seed in twenty runs twice, and both runs must be the same, event by event. Before \
      anything else a run that must fail is tried: a simulator that lets it pass is blind. With \
      --json every run is one line.
      """)

  @Argument(help: "Scenarios: names, or JSON files. All that are shipped when none is given.")
  var scenarios: [String] = []

  @Option(help: "The first and the last seed, as A..B.")
  var seeds: SeedRange = SeedRange(range: 1...100)

  @Option(
    name: .customLong("for"), help: "Go on with further seeds for so long, such as 8h or 90m.",
    transform: CommandArgument.duration)
  var duration: Duration?

  @Option(help: "How many runs go on at once, each in a process of its own.")
  var jobs: Int = 1

  @Option(help: "Keep the plans that broke a promise in this folder.")
  var keepFailures: String?

  @Option(
    help: """
      Run every plan in this program, too: another build of skerry-sim, which has to give the same \
      runs.
      """)
  var against: String?

  @Option(help: "Plant this bug first, and stop at the first seed that finds it.")
  var sabotage: String?

  @Flag(help: "Fail also when a fault or an event worth seeing never happened.")
  var coverage = false

  @Flag(help: "Print one JSON object for each run.")
  var json = false

  func validate() throws {
    guard (1...64).contains(jobs) else { throw ValidationError("--jobs takes 1 to 64.") }
    _ = try SabotageArgument.checked(sabotage)
    if let against, !FileManager.default.isExecutableFile(atPath: against) {
      throw ValidationError("There is no program '\(against)'.")
    }
  }

  func run() throws {
    let chosen = try ScenarioArgument.scenarios(scenarios)
    if let keepFailures {
      try FileManager.default.createDirectory(
        atPath: keepFailures, withIntermediateDirectories: true)
    }
    let pool = try WorkerPool(jobs: jobs)
    try Canary.mustFail(in: pool)
    var tally = Tally()
    let bar = ProgressBar(label: "sweep")
    let planned = duration == nil ? UInt64(chosen.count) * UInt64(seeds.range.count) : 0
    let started = ContinuousClock.now
    var orders = Orders(
      scenarios: chosen, seeds: seeds.range, sabotage: sabotage, otherBuild: against)
    try pool.run {
      if let duration {
        guard ContinuousClock.now - started < duration else { return nil }
        return orders.next(beyondRange: true)
      }
      return orders.next(beyondRange: false)
    } done: { order, report in
      tally.add(report)
      bar.show(
        done: UInt64(tally.runs), remaining: planned - min(planned, UInt64(tally.runs)),
        unit: tally.failures == 0 ? "runs" : "runs, \(tally.failures) failed")
      if json { try StandardOutput.show(line: report.json.text()) }
      guard !report.isOK else { return true }
      if !json {
        bar.finish()
        try StandardOutput.show(line: Story.summary(of: report))
      }
      if let keepFailures {
        try Story.write(
          Array(order.plan.json.text().utf8),
          to: "\(keepFailures)/\(order.plan.scenario)-\(order.plan.seed).plan.json")
      }
      return sabotage == nil
    }
    bar.finish()
    try tally.finish(after: ContinuousClock.now - started, json: json)
    if coverage { try tally.requireCoverage() }
    guard tally.failures == 0 else {
      throw CommandFailure(sentence: "\(tally.failures) of \(tally.runs) runs failed")
    }
  }
}

/// The plans of a sweep, one after the other: each seed of all scenarios before the next seed.
struct Orders {
  private let scenarios: [Scenario]
  private let sabotage: String?
  private let otherBuild: String?
  private let last: UInt64
  private var seed: UInt64
  private var index = 0

  init(
    scenarios: [Scenario], seeds: ClosedRange<UInt64>, sabotage: String?, otherBuild: String?
  ) {
    self.scenarios = scenarios
    self.sabotage = sabotage
    self.otherBuild = otherBuild
    seed = seeds.lowerBound
    last = seeds.upperBound
  }

  mutating func next(beyondRange: Bool) -> Order? {
    if index == scenarios.count {
      guard seed < .max else { return nil }
      index = 0
      seed += 1
    }
    guard beyondRange || seed <= last, scenarios.indices.contains(index) else { return nil }
    defer { index += 1 }
    return Order(
      plan: scenarios[index].plan(seed: seed), sabotage: sabotage, isRunTwice: seed % 20 == 0,
      otherBuild: otherBuild)
  }
}

/// A run that must fail.
enum Canary {
  static func mustFail(in pool: WorkerPool) throws {
    guard let scenario = Scenario.named("canary") else { return }
    let report = try pool.run(Order(plan: scenario.plan(seed: 1)))
    guard report.violations.contains(where: { $0.promise == "P2" }) else {
      throw CommandFailure(
        sentence: "a run that must fail has passed: the simulator does not see broken promises")
    }
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

/// What a sweep has seen so far.
struct Tally {
  private(set) var runs = 0
  private(set) var failures = 0
  private var events = 0
  private var deliveries = 0
  private var virtualMilliseconds = 0
  private var faults: [String: Int] = [:]
  private var coverage: [String: Int] = [:]

  mutating func add(_ report: RunReport) {
    runs += 1
    if !report.isOK { failures += 1 }
    events += report.events
    deliveries += report.deliveries
    virtualMilliseconds += report.virtualMilliseconds
    for fault in report.faults { faults[fault.name, default: 0] += fault.count }
    for event in report.coverage { coverage[event.name, default: 0] += event.count }
  }

  /// The faults and events that never happened, sorted.
  var missing: [String] {
    Coverage.expectedFaults.filter { faults[$0] == nil }
      + Coverage.expectedEvents.filter { coverage[$0] == nil }
  }

  /// How often each happened, in the order in which they are expected.
  var counts: [(name: String, count: Int)] {
    Coverage.expectedFaults.map { ("fault \($0)", faults[$0] ?? 0) }
      + Coverage.expectedEvents.map { ($0, coverage[$0] ?? 0) }
  }

  func requireCoverage() throws {
    guard missing.isEmpty else {
      throw CommandFailure(sentence: "never happened: \(missing.joined(separator: ", "))")
    }
  }

  func finish(after duration: Duration, json: Bool) throws {
    let seconds =
      Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    let perSecond = Int(Double(deliveries) / max(seconds, 0.001))
    let timesFaster = Int(Double(virtualMilliseconds) / 1000 / max(seconds, 0.001))
    let text =
      "\(runs) runs, \(failures) failed; \(events) events; \(deliveries) operations delivered, "
      + "\(perSecond) a second; \(timesFaster) times real time"
    if json { StandardError.write(text + "\n") } else { try StandardOutput.show(line: text) }
  }
}
