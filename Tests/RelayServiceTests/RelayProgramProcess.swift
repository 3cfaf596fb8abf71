import Foundation
import RelayTestSupport
import Synchronization
import TestSupport
import Testing

/// The real `skerry-relay`, as a process of its own.
final class RelayProgramProcess: Sendable {
  /// `tcp://` and `ws://` addresses are made of it.
  let endpoint: String
  private let process: Mutex<Process>
  private let errors: TemporaryFolder

  static var program: URL {
    (Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments[0]))
      .deletingLastPathComponent().appending(path: "skerry-relay")
  }

  init(data: String, listen: String = "127.0.0.1:0", options: [String] = []) throws {
    let process = Process()
    process.executableURL = RelayProgramProcess.program
    process.arguments = ["serve", "--listen", listen, "--data", data] + options
    let output = Pipe()
    process.standardOutput = output
    errors = TemporaryFolder()
    errors.write([], to: "stderr")
    process.standardError = FileHandle(forWritingAtPath: errors.file("stderr"))
    try process.run()
    var line: [UInt8] = []
    while let byte = try output.fileHandleForReading.read(upToCount: 1)?.first, byte != 10 {
      line.append(byte)
    }
    let text = String(decoding: line, as: UTF8.self)
    let prefix = "listening on "
    try #require(text.hasPrefix(prefix), "the first line was: \(text)")
    endpoint = String(text.dropFirst(prefix.count))
    self.process = Mutex(process)
  }

  deinit {
    process.withLock { if $0.isRunning { kill($0.processIdentifier, SIGKILL) } }
  }

  /// Sends a signal and waits for the end.
  /// - Returns: the exit status, or the signal as a negative number.
  func end(by signal: Int32) -> Int32 {
    process.withLock { process in
      kill(process.processIdentifier, signal)
      process.waitUntilExit()
      return process.terminationReason == .exit
        ? process.terminationStatus : -process.terminationStatus
    }
  }

  var isRunning: Bool { process.withLock { $0.isRunning } }

  var standardError: String {
    String(decoding: errors.read("stderr"), as: UTF8.self)
  }

  /// The number of a line `metrics on http://HOST:PORT/metrics` on standard error.
  var metrics: String? {
    let mark = "metrics on http://"
    guard let start = standardError.range(of: mark)?.upperBound else { return nil }
    return String(standardError[start...].prefix { $0 != "/" })
  }

  /// Runs the program to its end.
  static func run(_ arguments: [String]) throws -> (status: Int32, output: String, error: String) {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    let (output, error) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = error
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let complaint = error.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (
      process.terminationStatus, String(decoding: text, as: UTF8.self),
      String(decoding: complaint, as: UTF8.self)
    )
  }
}
