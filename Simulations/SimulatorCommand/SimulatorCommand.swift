import ArgumentParser
import CommandKit

@main
struct SimulatorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "skerry-sim",
    abstract: "Runs replicas in a virtual world and checks that every promise holds.",
    discussion: """
      A seed makes a plan: who writes what and when, who cannot reach whom, who crashes. The plan \
      makes the run: the engine that ships, under virtual time, on a virtual network. The same \
      plan gives the same run, event by event, in every process.

        skerry-sim list
        skerry-sim run ring-partition --seed 7
        skerry-sim sweep ring-partition star-partition mesh-partition --seeds 1..200 --jobs 2
      """,
    version: "skerry-sim 0.1.0",
    subcommands: [
      List.self, Run.self, Sweep.self, Replay.self, Shrink.self, CoverageReport.self,
      SabotageList.self, Histories.self,
      Work.self,
    ])

  static func main() async {
    await ProgramRunner.main(SimulatorCommand.self)
  }
}
