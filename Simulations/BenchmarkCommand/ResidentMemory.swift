import CommandKit
import Foundation
import Skerry

/// What a process takes of the machine's memory with a store open and nothing else.
enum ResidentMemory {
  static let openCount = 100

  /// Starts this program again, which opens the store and reads documents of it.
  static func ofAnotherProcess(opening path: String) throws -> Double {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: try FileManager.default.destinationOfSelf)
    process.arguments = ["--resident-with", path]
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    guard process.terminationStatus == 0, let bytes = Double(text) else {
      throw CommandFailure(sentence: "what a process takes of memory cannot be told: \(text)")
    }
    return bytes
  }

  /// What the other process does: prints the bytes.
  static func print(opening path: String) async throws {
    let replica = try await Replica.open(at: path)
    let opened = try await replica.read { reading in
      try reading.documents(limit: openCount).map { summary in
        try reading.json(summary.id, path: [])
      }.count
    }
    guard opened == openCount, let bytes = own else {
      throw CommandFailure(sentence: "what a process takes of memory cannot be told")
    }
    Swift.print(bytes)
    await replica.close()
  }

  /// Nil where the system does not tell.
  private static var own: Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
      let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
        .flatMap({ Int($0) })
    else { return nil }
    return kibibytes * 1_024
  }
}

extension FileManager {
  fileprivate var destinationOfSelf: String {
    get throws {
      (try? destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }
  }
}
