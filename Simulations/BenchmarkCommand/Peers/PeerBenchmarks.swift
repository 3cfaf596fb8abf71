import CommandKit
import Foundation
import JSONCoding

/// Other engines beside ours, on the same traces in the same run: Loro, yrs (pycrdt) and Automerge,
/// those of them that Python can import.
struct PeerBenchmarks {
  /// The program that runs Python.
  let python: String

  func run(_ bench: Bench, traces: String) throws {
    let known = try Python(python, arguments: ["--list"]).text
      .split(whereSeparator: \.isWhitespace)
    guard !known.isEmpty else {
      StandardError.say(
        "no other engine was measured: no \(python) imports loro, pycrdt or automerge",
        as: "skerry-bench")
      return
    }
    let lines = try Python(python, arguments: [traces, String(bench.runs)])
    while let line = lines.nextLine() {
      guard case .object(let object)? = try? JSONValue(parsing: line),
        case .string(let name)? = object["name"], case .string(let subject)? = object["subject"],
        case .string(let unit)? = object["unit"], let figures = Figures(object)
      else {
        lines.stop()
        throw CommandFailure(sentence: "an engine measured by \(python) reports '\(line)'")
      }
      bench.report(name, subject, unit: unit, figures)
    }
    try lines.finish()
  }
}

extension Figures {
  fileprivate init?(_ object: JSONObject) {
    guard let min = object["min"]?.number, let median = object["median"]?.number,
      let max = object["max"]?.number, case .integer(let runs)? = object["runs"]
    else { return nil }
    self.init(min: min, median: median, max: max, runs: Int(clamping: runs))
  }
}

extension JSONValue {
  fileprivate var number: Double? {
    switch self {
    case .double(let number): number
    case .integer(let number): Double(number)
    default: nil
    }
  }
}

/// The script `peers.py`, running; its lines as they come.
private final class Python {
  private let process = Process()
  private let output = Pipe()
  private var pending = Data()

  init(_ program: String, arguments: [String]) throws {
    process.executableURL = URL(filePath: "/usr/bin/env")
    let script = String(decoding: PackageResources.peers_py, as: UTF8.self)
    process.arguments = [program, "-c", script] + arguments
    process.standardOutput = output
    try process.run()
  }

  /// All that it prints; nothing when there is no such program.
  var text: String {
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : ""
  }

  /// Nil at the end.
  func nextLine() -> String? {
    while true {
      if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
        defer { pending = Data(pending[pending.index(after: end)...]) }
        return String(decoding: pending[..<end], as: UTF8.self)
      }
      let more = output.fileHandleForReading.availableData
      if more.isEmpty { return nil }
      pending.append(more)
    }
  }

  func stop() {
    process.terminate()
    process.waitUntilExit()
  }

  func finish() throws {
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw CommandFailure(sentence: "the measurements of other engines ended early; see above")
    }
  }
}
