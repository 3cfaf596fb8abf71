import ArgumentParser
import JSONCoding
import SimulationKit

struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the scenarios that come with the simulator.")

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() {
    if json {
      let scenarios = Scenario.shipped.map { scenario -> JSONValue in
        ["name": .string(scenario.name), "about": .string(scenario.about)]
      }
      print((["scenarios": .array(scenarios)] as JSONValue).text())
    } else {
      for scenario in Scenario.shipped { print("\(scenario.name)\n    \(scenario.about)") }
    }
  }
}
