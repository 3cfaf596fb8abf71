import ArgumentParser
import CommandKit
import JSONCoding
import SimulationKit

struct CoverageReport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coverage",
    abstract: "Says how often each kind of fault and each event worth seeing happens.",
    discussion: "What never happens makes the exit status 1: nobody has looked there.")

  @Argument(help: "Scenarios: names, or JSON files. All that are shipped when none is given.")
  var scenarios: [String] = []

  @Option(help: "The first and the last seed, as A..B.")
  var seeds: SeedRange = SeedRange(range: 1...20)

  @Option(help: "How many runs go on at once, each in a process of its own.")
  var jobs: Int = 1

  @Flag(help: "Print one JSON object for each kind.")
  var json = false

  func validate() throws {
    guard (1...64).contains(jobs) else { throw ValidationError("--jobs takes 1 to 64.") }
  }

  func run() throws {
    let chosen = try ScenarioArgument.scenarios(scenarios)
    let pool = try WorkerPool(jobs: jobs)
    var tally = Tally()
    let bar = ProgressBar(label: "coverage")
    let planned = UInt64(chosen.count) * UInt64(seeds.range.count)
    var orders = Orders(scenarios: chosen, seeds: seeds.range, sabotage: nil, otherBuild: nil)
    try pool.run {
      orders.next(beyondRange: false)
    } done: { _, report in
      tally.add(report)
      bar.show(
        done: UInt64(tally.runs), remaining: planned - min(planned, UInt64(tally.runs)),
        unit: "runs")
      return true
    }
    bar.finish()
    for (name, count) in tally.counts {
      if json {
        let line: JSONValue = ["name": .string(name), "count": .count(count)]
        try StandardOutput.show(line: line.text())
      } else {
        let number = String(count)
        try StandardOutput.show(
          line: String(repeating: " ", count: max(0, 8 - number.count)) + number + "  " + name)
      }
    }
    try tally.requireCoverage()
  }
}
