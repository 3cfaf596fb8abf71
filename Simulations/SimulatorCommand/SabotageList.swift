import ArgumentParser
import CommandKit
import JSONCoding
import SimulationKit

struct SabotageList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sabotages",
    abstract: "Lists the bugs that can be planted, or hunts them.",
    discussion: """
      A bug is planted with --sabotage NAME in run, sweep and shrink, in builds for debugging and \
      in those with the trait Sabotages. With --hunt each is planted in turn: some seed has to \
      find it, and the plan that did has to shrink to a few items; else the exit status is 1.
      """)

  @Argument(help: "Only these.")
  var names: [String] = []

  @Flag(help: "Plant each and look for it.")
  var hunt = false

  @Option(help: "With --hunt, how many seeds are tried for each.")
  var seeds: Int = 1_000

  @Option(help: "With --hunt, how many runs go on at once.")
  var jobs: Int = 1

  @Option(help: "With --hunt, how many plans are tried while one shrinks.")
  var tries: Int = 400

  @Flag(help: "Print one JSON object for each.")
  var json = false

  func validate() throws {
    for name in names { _ = try SabotageArgument.bug(name) }
    guard (1...64).contains(jobs) else { throw ValidationError("--jobs takes 1 to 64.") }
    guard (1...1_000_000).contains(seeds) else {
      throw ValidationError("--seeds takes 1 to 1000000.")
    }
    guard (1...1_000_000).contains(tries) else {
      throw ValidationError("--tries takes 1 to 1000000.")
    }
  }

  func run() throws {
    let bugs = names.isEmpty ? SabotageCatalogue.all : try names.map(SabotageArgument.bug)
    guard hunt else {
      for bug in bugs {
        try StandardOutput.show(
          line: json ? Self.json(bug).text() : "\(bug.name)\n    \(bug.about)")
      }
      return
    }
    try SabotageArgument.requireBuild()
    let pool = try WorkerPool(jobs: jobs)
    var escaped: [String] = []
    for bug in bugs {
      let catchOfBug = try look(for: bug, in: pool)
      if catchOfBug.map({ $0.items > Shrinker.itemsWanted }) ?? true { escaped.append(bug.name) }
      try report(bug, catchOfBug)
    }
    guard escaped.isEmpty else {
      throw CommandFailure(
        sentence: "not found, or not shrunk to \(Shrinker.itemsWanted) items: "
          + escaped.joined(separator: ", "))
    }
  }

  private struct Catch {
    var seed: UInt64
    var promise: String
    var items: Int
  }

  private func look(for bug: PlantedBug, in pool: WorkerPool) throws -> Catch? {
    guard let scenario = Scenario.named(bug.scenario) else { return nil }
    let bar = ProgressBar(label: bug.name)
    var tried = 0
    var found: (plan: Plan, promise: String)?
    var done = 0
    try pool.run {
      guard found == nil, tried < seeds else { return nil }
      // The one that is known comes first, then all.
      let seed = tried == 0 ? bug.seed : UInt64(tried)
      tried += 1
      return Order(
        plan: scenario.plan(seed: seed), sabotage: bug.name, promises: bug.promises)
    } done: { order, report in
      done += 1
      bar.show(done: UInt64(done), remaining: UInt64(max(0, seeds - done)), unit: "seeds")
      guard let first = report.violations.first(where: { bug.promises.contains($0.promise) })
      else { return true }
      // Of several workers the lowest seed wins, so that a hunt repeats.
      if found.map({ order.plan.seed < $0.plan.seed }) ?? true {
        found = (order.plan, first.promise)
      }
      return false
    }
    bar.finish()
    guard let found else { return nil }
    let small = try Shrinking.shrink(
      found.plan, in: pool, sabotage: bug.name, promises: bug.promises, tries: tries)
    return Catch(seed: found.plan.seed, promise: found.promise, items: small.itemCount)
  }

  private func report(_ bug: PlantedBug, _ found: Catch?) throws {
    if json {
      var object = Self.json(bug).objectValue ?? [:]
      object["caught"] = .bool(found != nil)
      if let found {
        object["seed"] = .count(found.seed)
        object["broken"] = .string(found.promise)
        object["items"] = .count(found.items)
      }
      try StandardOutput.show(line: JSONValue.object(object).text())
    } else if let found {
      let name = bug.name + String(repeating: " ", count: max(1, 32 - bug.name.count))
      try StandardOutput.show(
        line: "\(name)seed \(found.seed), \(found.promise), \(found.items) items")
    } else {
      try StandardOutput.show(line: "\(bug.name): NOT FOUND in \(seeds) seeds of \(bug.scenario)")
    }
  }

  private static func json(_ bug: PlantedBug) -> JSONValue {
    [
      "name": .string(bug.name), "scenario": .string(bug.scenario),
      "promise": .string(bug.promises.first ?? ""), "about": .string(bug.about),
    ]
  }
}

/// Finds the bug that a command line names.
enum SabotageArgument {
  static func bug(_ name: String) throws -> PlantedBug {
    guard let bug = SabotageCatalogue.named(name) else {
      throw ValidationError(
        "There is no sabotage '\(name)'; 'skerry-sim sabotages' lists them.")
    }
    return bug
  }

  /// Nil for no name.
  static func checked(_ name: String?) throws -> PlantedBug? {
    guard let name else { return nil }
    let found = try bug(name)
    try requireBuild()
    return found
  }

  static func requireBuild() throws {
    guard PlantedBug.canBePlanted else {
      throw CommandFailure(
        sentence: "this build has no sabotages; build for debugging, or with --traits Sabotages")
    }
  }
}
