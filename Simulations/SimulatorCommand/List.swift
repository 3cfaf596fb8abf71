import ArgumentParser
import JSONCoding
import SimulationKit

struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the scenarios that come with the simulator.")

  @Flag(help: "Print one JSON object for each.")
  var json = false

  func run() {
    if json {
      for scenario in Scenario.shipped {
        let line: JSONValue = ["name": .string(scenario.name), "about": .string(scenario.about)]
        print(line.text())
      }
    } else {
      for scenario in Scenario.shipped { print("\(scenario.name)\n    \(scenario.about)") }
    }
  }
}
