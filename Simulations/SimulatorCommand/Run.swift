import ArgumentParser
import SimulationKit

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs one seed of a scenario and tells the story.",
    discussion: "A broken promise makes the exit status 1 and leaves the plan in a file.")

  @Argument(help: "A scenario's name, or a JSON file that describes one.")
  var scenario: String

  @Option(help: "Which member of the family of plans.")
  var seed: UInt64 = 1

  @Option(help: "Write every event as a JSON line into this file.")
  var trace: String?

  @Option(help: "Write a picture of the run into this HTML file; it needs no other.")
  var timeline: String?

  @Option(help: "Plant this bug first; 'skerry-sim sabotages' lists them.")
  var sabotage: String?

  @Flag(help: "Print the report as one JSON object.")
  var json = false

  func run() throws {
    let plan = try ScenarioArgument.scenario(scenario).plan(seed: seed)
    let bug = try SabotageArgument.checked(sabotage)
    let command = bug.map {
      "skerry-sim run \(scenario) --seed \(seed) --sabotage \($0.name)"
    }
    try Story.tell(
      plan, with: bug, trace: trace, timeline: timeline, command: command, json: json)
  }
}

struct Replay: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a plan that was kept in a file.")

  @Argument(help: "The plan, as 'run' and 'sweep' write them.")
  var plan: String

  @Option(help: "Plant this bug first; 'skerry-sim sabotages' lists them.")
  var sabotage: String?

  @Option(help: "Stop at this virtual millisecond, without healing and without the final checks.")
  var until: Int?

  @Option(help: "Write every event as a JSON line into this file.")
  var trace: String?

  @Option(help: "Write a picture of the run into this HTML file; it needs no other.")
  var timeline: String?

  @Flag(help: "Print the report as one JSON object.")
  var json = false

  func run() throws {
    let bug = try SabotageArgument.checked(sabotage)
    let command =
      "skerry-sim replay \(plan)" + (until.map { " --until \($0)" } ?? "")
      + (bug.map { " --sabotage \($0.name)" } ?? "")
    try Story.tell(
      try ScenarioArgument.plan(atPath: plan), with: bug, until: until, trace: trace,
      timeline: timeline, command: command, json: json)
  }
}
