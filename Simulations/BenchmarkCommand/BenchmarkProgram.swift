import ArgumentParser
import CommandKit
import EditingTraces

/// `skerry-bench`: what things cost. Every measurement first checks that its result is right.
@main
struct BenchmarkProgram: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "skerry-bench",
    abstract: "Measures the engine and checks that what it measures is right.",
    discussion: """
      Build it for release (swift build -c release). The text measurements replay recorded editing
      traces, which the project does not hold: --traces or SKERRY_TRACES name the folder.
      Times are what one core needs; compare ratios to the floors of the same run.
      """,
    version: "skerry-bench 0.1.0")

  @Argument(help: "What to measure: 'list', or any of text, store, simulator.")
  var names: [String] = ["text", "store"]

  @Option(help: "The folder with the traces.")
  var traces: String?

  @Option(help: "How often each thing is measured.")
  var runs = 5

  @Flag(help: "One JSON object a line.")
  var json = false

  static func main() async {
    await ProgramRunner.main(BenchmarkProgram.self)
  }

  func validate() throws {
    guard (1...1000).contains(runs) else { throw ValidationError("--runs takes 1 to 1000.") }
    for name in names where name != "list" && Benchmarks.named[name] == nil {
      let known = Benchmarks.named.keys.sorted().joined(separator: ", ")
      throw ValidationError("There is no measurement '\(name)'; there is list, \(known).")
    }
  }

  func run() throws {
    if names.contains("list") {
      for name in Benchmarks.named.keys.sorted() { print(name) }
      return
    }
    let bench = Bench(runs: runs, isJSON: json)
    for name in names {
      try Benchmarks.named[name]?(bench) {
        guard let folder = traces.map({ TraceFolder(path: $0) }) ?? TraceFolder.fromEnvironment
        else { throw CommandFailure(sentence: TraceFolder.advice) }
        return folder
      }
    }
  }
}

enum Benchmarks {
  /// The folder is asked for by those that replay traces.
  static let named: [String: @Sendable (Bench, () throws -> TraceFolder) throws -> Void] = [
    "text": { try TextBenchmarks.run($0, $1()) },
    "store": { try StoreBenchmarks.run($0, $1()) },
    "simulator": { bench, _ in try SimulatorBenchmarks.run(bench) },
  ]
}
