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
    let file = try decode(SequentialFile.self, from: "sequential", name)
    return SequentialTrace(
      name: name, endContent: file.endContent,
      patches: file.txns.flatMap { $0.patches.map(\.patch) })
  }

  package func concurrent(_ name: String) throws -> ConcurrentTrace {
    let file = try decode(ConcurrentFile.self, from: "concurrent", name)
    for (index, transaction) in file.txns.enumerated() {
      guard transaction.parents.allSatisfy({ (0..<index).contains($0) }),
        (0..<file.numAgents).contains(transaction.agent)
      else {
        throw TraceError("transaction \(index) of the trace '\(name)' names what does not exist")
      }
    }
    return ConcurrentTrace(
      name: name, endContent: file.endContent, agentCount: file.numAgents,
      transactions: file.txns.map {
        ConcurrentTrace.Transaction(
          parents: $0.parents, agent: $0.agent, patches: $0.patches.map(\.patch))
      })
  }

  private func decode<File: Decodable>(
    _ type: File.Type, from kind: String, _ name: String
  ) throws -> File {
    let file = "\(path)/\(kind)/\(name).json.gz"
    guard FileManager.default.fileExists(atPath: file) else {
      throw TraceError("there is no trace '\(file)'. \(TraceFolder.advice)")
    }
    do {
      return try JSONDecoder().decode(type, from: try TraceFolder.unzip(file))
    } catch let error as DecodingError {
      throw TraceError("'\(file)' is not a \(kind) trace: \(error)")
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

private struct SequentialFile: Decodable {
  struct Transaction: Decodable {
    var patches: [PatchRow]
  }

  var endContent: String
  var txns: [Transaction]
}

private struct ConcurrentFile: Decodable {
  struct Transaction: Decodable {
    var parents: [Int]
    var agent: Int
    var patches: [PatchRow]
  }

  var endContent: String
  var numAgents: Int
  var txns: [Transaction]
}
