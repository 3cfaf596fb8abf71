import Foundation

/// A folder of recorded editing traces: gzipped JSON files in `sequential` and `concurrent`.
///
/// The project holds none of them. They are published, with their licences, by Joseph Gentle at
/// github.com/josephg/editing-traces; their format is described there.
package struct TraceFolder: Sendable {
  package let path: String

  package init(path: String) {
    self.path = path
  }

  /// The environment variable that names the folder.
  package static let variable = "SKERRY_TRACES"

  /// What to tell somebody who has no traces.
  package static let advice =
    "Set \(variable) to a folder with 'sequential' and 'concurrent' traces; they are published at "
    + "github.com/josephg/editing-traces."

  /// The folder that the environment names, if any.
  package static var fromEnvironment: TraceFolder? {
    guard let path = ProcessInfo.processInfo.environment[variable], !path.isEmpty else {
      return nil
    }
    return TraceFolder(path: path)
  }

  package func sequential(_ name: String) throws -> SequentialTrace {
    guard case .sequential(let trace) = try TraceFolder.trace(file: file("sequential", name))
    else { throw TraceError("the trace '\(name)' is not a sequential one") }
    return trace
  }

  package func concurrent(_ name: String) throws -> ConcurrentTrace {
    guard case .concurrent(let trace) = try TraceFolder.trace(file: file("concurrent", name))
    else { throw TraceError("the trace '\(name)' is not a concurrent one") }
    return trace
  }

  private func file(_ kind: String, _ name: String) -> String {
    "\(path)/\(kind)/\(name).json.gz"
  }

  /// A trace of either kind.
  package enum Trace {
    case sequential(SequentialTrace)
    case concurrent(ConcurrentTrace)
  }

  /// Reads one file, which is gzipped JSON.
  package static func trace(file path: String) throws -> Trace {
    guard FileManager.default.fileExists(atPath: path) else {
      throw TraceError("there is no trace '\(path)'. \(TraceFolder.advice)")
    }
    let name = String(
      path.split(separator: "/").last?.prefix { $0 != "." } ?? Substring(path))
    do {
      let file = try JSONDecoder().decode(TraceFile.self, from: try unzip(path))
      return file.kind == "concurrent"
        ? .concurrent(try file.concurrent(name)) : .sequential(file.sequential(name))
    } catch let error as DecodingError {
      throw TraceError("'\(path)' is not a trace: \(error)")
    }
  }

  private static func unzip(_ file: String) throws -> Data {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["gzip", "-dc", file]
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw TraceError("gzip cannot unpack '\(file)'")
    }
    return data
  }
}

/// Why a trace cannot be read: a sentence.
package struct TraceError: Error, CustomStringConvertible {
  package var description: String

  init(_ description: String) {
    self.description = description
  }
}

private struct PatchRow: Decodable {
  var patch: TracePatch

  init(from decoder: any Decoder) throws {
    var row = try decoder.unkeyedContainer()
    patch = TracePatch(
      position: try row.decode(Int.self), deleteCount: try row.decode(Int.self),
      insertion: try row.decode(String.self))
  }
}

private struct TraceFile: Decodable {
  struct Transaction: Decodable {
    var parents: [Int]?
    var agent: Int?
    var patches: [PatchRow]
  }

  var kind: String?
  var endContent: String
  var numAgents: Int?
  var txns: [Transaction]

  func sequential(_ name: String) -> SequentialTrace {
    SequentialTrace(
      name: name, endContent: endContent, patches: txns.flatMap { $0.patches.map(\.patch) })
  }

  func concurrent(_ name: String) throws -> ConcurrentTrace {
    let agentCount = numAgents ?? 0
    let transactions = try txns.enumerated().map { index, transaction in
      guard let parents = transaction.parents, parents.allSatisfy((0..<index).contains),
        let agent = transaction.agent, (0..<agentCount).contains(agent)
      else {
        throw TraceError("transaction \(index) of the trace '\(name)' names what does not exist")
      }
      return ConcurrentTrace.Transaction(
        parents: parents, agent: agent, patches: transaction.patches.map(\.patch))
    }
    return ConcurrentTrace(
      name: name, endContent: endContent, agentCount: agentCount, transactions: transactions)
  }
}
