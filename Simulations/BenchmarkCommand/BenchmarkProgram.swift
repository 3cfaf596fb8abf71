import ArgumentParser
import CommandKit
import EditingTraces

/// `skerry-bench`: what things cost. Every measurement first checks that its result is right.
@main
struct BenchmarkProgram: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "skerry-bench",
    abstract: "Measures the engine and checks that what it measures is right.",
    discussion: """
      Build it for release (swift build -c release). The text measurements replay recorded editing \
      traces, which the project does not hold: --traces or SKERRY_TRACES name the folder. \
      Times are what one core needs; compare ratios to the floors of the same run. Where Python \
      can import loro, pycrdt or automerge, 'text' measures them on the same traces afterwards.
      """,
    version: "skerry-bench 0.1.0")

  @Argument(
    help: """
      What to measure: 'list', or any of text, store, sync, keystroke, relay, search, simulator, \
      growth, or one part of store.
      """)
  var names: [String] = []

  @Option(help: "The folder with the traces.")
  var traces: String?

  @Option(help: "A trace file of your own for 'text', instead of the folder's; can be repeated.")
  var trace: [String] = []

  @Option(help: "The Python that has other engines' packages; 'none' leaves them out.")
  var python = "python3"

  @Option(help: "How often each thing is measured.")
  var runs = 5

  @Option(
    help: """
      Each sync of the disk takes at least so many microseconds, also for the bare SQLite beside: \
      how it is on a slower disk.
      """)
  var syncTime: Int?

  @Flag(help: "One JSON object a line.")
  var json = false

  static func main() async {
    await ProgramRunner.main(BenchmarkProgram.self)
  }

  /// What the measurement of memory starts this program again with.
  @Option(help: .hidden)
  var residentWith: String?

  func validate() throws {
    guard (1...1000).contains(runs) else { throw ValidationError("--runs takes 1 to 1000.") }
    if let syncTime, !(1...900_000).contains(syncTime) {
      throw ValidationError("--sync-time takes 1 to 900000.")
    }
    for name in names where name != "list" && Benchmarks.named[name] == nil {
      let known = Benchmarks.named.keys.sorted().joined(separator: ", ")
      throw ValidationError("There is no measurement '\(name)'; there is list, \(known).")
    }
  }

  func run() async throws {
    if let residentWith { return try await ResidentMemory.print(opening: residentWith) }
    if names.contains("list") {
      for name in Benchmarks.named.keys.sorted() { print(name) }
      return
    }
    if let syncTime { SlowerDisk.begin(syncTime: .microseconds(syncTime)) }
    let bench = Bench(runs: runs, isJSON: json)
    let asked = trace.isEmpty ? ["text", "store"] : ["text"]
    for name in names.isEmpty ? asked : names {
      try await Benchmarks.named[name]?(bench, self)
    }
  }

  func folder() throws -> TraceFolder {
    guard let folder = traces.map({ TraceFolder(path: $0) }) ?? TraceFolder.fromEnvironment
    else { throw CommandFailure(sentence: TraceFolder.advice) }
    return folder
  }
}

enum Benchmarks {
  typealias Measurement = @Sendable (Bench, BenchmarkProgram) async throws -> Void

  static let named: [String: Measurement] = {
    var named = whole
    for part in StoreBenchmarks.Part.allCases {
      named[part.name] = { try await StoreBenchmarks.run($0, $1, [part]) }
    }
    return named
  }()

  private static let whole: [String: Measurement] = [
    "text": { bench, program in
      for file in program.trace { try TextBenchmarks.run(bench, file: file) }
      guard program.trace.isEmpty else { return }
      let folder = try program.folder()
      try TextBenchmarks.run(bench, folder)
      if program.python != "none" {
        try PeerBenchmarks(python: program.python).run(bench, traces: folder.path)
      }
    },
    "store": { bench, program in
      // Before anything is measured.
      _ = try program.folder()
      try await StoreBenchmarks.run(bench, program, StoreBenchmarks.Part.quick)
    },
    "keystroke": { bench, _ in try await SyncBenchmarks.runKeystrokes(bench) },
    "sync": { bench, program in
      // Without recorded keystrokes some are made up.
      try await SyncBenchmarks.run(bench, try? program.folder())
    },
    "relay": { bench, _ in try await RelayBenchmarks.run(bench) },
    "search": { bench, _ in try SearchBenchmarks.run(bench) },
    "simulator": { bench, _ in try SimulatorBenchmarks.run(bench) },
    "growth": { bench, _ in try GrowthBenchmarks.run(bench) },
    "growth.versions": { bench, _ in try GrowthBenchmarks.versions(bench) },
  ]
}
