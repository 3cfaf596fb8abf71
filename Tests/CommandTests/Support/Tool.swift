import Foundation
import JSONCoding
import Testing

/// Runs the programs that were built beside these tests, as processes of their own.
struct Tool {
  let name: String
  /// Beside what the tests have.
  var environment: [String: String] = [:]

  static let skerry = Tool(name: "skerry")

  struct Outcome {
    var status: Int32
    var output: String
    var errors: String

    var lines: [Substring] { output.split(separator: "\n") }

    /// Standard output as one JSON value.
    func json() throws -> JSONValue { try JSONValue(parsing: output) }

    /// Standard output as one JSON value a line.
    func jsonLines() throws -> [JSONValue] { try lines.map { try JSONValue(parsing: String($0)) } }
  }

  /// Where the programs are: beside the running test bundle.
  static let folder: URL = {
    let running = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent()
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let candidates =
      [running] + Bundle.allBundles.map { $0.bundleURL.deletingLastPathComponent() }
      + [package.appending(path: ".build/debug")]
    return candidates.first {
      FileManager.default.isExecutableFile(atPath: $0.appending(path: "skerry").path)
    } ?? running
  }()

  /// Runs to the end. `input` becomes standard input.
  func run(
    _ arguments: String..., input: String? = nil, seconds: Double = 180,
    location: SourceLocation = #_sourceLocation
  ) async throws -> Outcome {
    try await run(arguments, input: input, seconds: seconds, location: location)
  }

  func run(
    _ arguments: [String], input: String? = nil, seconds: Double = 180,
    location: SourceLocation = #_sourceLocation
  ) async throws -> Outcome {
    let running = try start(arguments, input: input)
    return try await running.end(within: seconds, location: location)
  }

  /// Runs to the end and expects exit status 0.
  @discardableResult
  func succeed(
    _ arguments: String..., input: String? = nil, seconds: Double = 180,
    location: SourceLocation = #_sourceLocation
  ) async throws -> Outcome {
    try await succeed(arguments, input: input, seconds: seconds, location: location)
  }

  @discardableResult
  func succeed(
    _ arguments: [String], input: String? = nil, seconds: Double = 180,
    location: SourceLocation = #_sourceLocation
  ) async throws -> Outcome {
    let outcome = try await run(arguments, input: input, seconds: seconds, location: location)
    #expect(
      outcome.status == 0, "\(name) \(arguments): \(outcome.errors)", sourceLocation: location)
    return outcome
  }

  /// - Parameter isFedLater: standard input is what ``RunningTool/feed(_:)`` gives.
  func start(
    _ arguments: [String], input: String? = nil, isFedLater: Bool = false
  ) throws -> RunningTool {
    try RunningTool(
      program: Tool.folder.appending(path: name), arguments: arguments, input: input,
      feeding: isFedLater ? Pipe() : nil, environment: environment)
  }
}

/// A process that was started; its output goes into files, so that nothing can block it.
final class RunningTool {
  let process = Process()
  private let folder: URL
  private let feeding: Pipe?
  private let stopped = AsyncStream<Void>.makeStream()

  var processID: Int32 { process.processIdentifier }

  init(
    program: URL, arguments: [String], input: String?, feeding: Pipe? = nil,
    environment: [String: String]
  ) throws {
    self.feeding = feeding
    folder = FileManager.default.temporaryDirectory.appending(
      path: "skerry-tool-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for name in ["out", "err", "in"] {
      let contents = Data((name == "in" ? input ?? "" : "").utf8)
      try contents.write(to: folder.appending(path: name))
    }
    process.executableURL = program
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["SWIFT_BACKTRACE": "enable=no"], uniquingKeysWith: { $1 }
    ).merging(environment, uniquingKeysWith: { $1 })
    process.standardInput =
      try feeding ?? FileHandle(forReadingFrom: folder.appending(path: "in"))
    process.standardOutput = try FileHandle(forWritingTo: folder.appending(path: "out"))
    process.standardError = try FileHandle(forWritingTo: folder.appending(path: "err"))
    let stopped = stopped.continuation
    process.terminationHandler = { _ in stopped.finish() }
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    try? FileManager.default.removeItem(at: folder)
  }

  var output: String { text("out") }
  var errors: String { text("err") }

  private func text(_ name: String) -> String {
    String(decoding: (try? Data(contentsOf: folder.appending(path: name))) ?? Data(), as: UTF8.self)
  }

  /// Waits for a line of standard output that begins with `prefix`, and gives what follows.
  func line(after prefix: String, within seconds: Double = 90) async throws -> String {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
      let text = output
      for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      where line.hasPrefix(prefix) {
        return String(line.dropFirst(prefix.count))
      }
      guard process.isRunning else { break }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw ToolError(description: "no line '\(prefix)…' came: \(output) \(errors)")
  }

  func feed(_ text: String) {
    feeding?.fileHandleForWriting.write(Data(text.utf8))
  }

  func endInput() {
    try? feeding?.fileHandleForWriting.close()
  }

  func signal(_ number: Int32) {
    kill(process.processIdentifier, number)
  }

  /// Waits for the process to end; kills it when that takes too long.
  func end(
    within seconds: Double = 90, location: SourceLocation = #_sourceLocation
  ) async throws -> Tool.Outcome {
    let guardian = Task { [process] in
      try await Task.sleep(for: .seconds(seconds))
      kill(process.processIdentifier, SIGKILL)
    }
    for await _ in stopped.stream {}
    guardian.cancel()
    process.waitUntilExit()
    let status =
      process.terminationReason == .exit
      ? process.terminationStatus : 128 + process.terminationStatus
    return Tool.Outcome(status: status, output: output, errors: errors)
  }
}

struct ToolError: Error, CustomStringConvertible {
  var description: String
}

/// A folder for one test, gone afterwards.
final class Scratch {
  let url: URL

  /// - Parameter inMemory: where nothing waits for a disk, if the system has such a place.
  init(inMemory: Bool = false) throws {
    let memory = URL(filePath: "/dev/shm")
    let hasMemory = inMemory && FileManager.default.isWritableFile(atPath: memory.path)
    url = (hasMemory ? memory : FileManager.default.temporaryDirectory)
      .appending(path: "skerry-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
  }

  func path(_ name: String) -> String { url.appending(path: name).path }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

  /// Every file of the folder, to see that nothing was left behind.
  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
  }
}

extension JSONValue {
  subscript(key: String) -> JSONValue? { objectValue?[key] }
}
