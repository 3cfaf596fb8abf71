import Foundation
import JSONCoding
import Skerry
import TestSupport
import Testing

@Suite("skerry apply, when the power fails")
struct PowerLossTests {
  private let scratch: Scratch
  /// In memory where that can be: what is checked there has survived already.
  private let images: Scratch

  init() throws {
    scratch = try Scratch()
    images = try Scratch(inMemory: true)
  }

  /// Writes its number into two documents, so that half of it would show.
  private static func line(_ number: Int, _ documents: [String]) -> String {
    let edits = documents.map {
      #"{"doc":"\#($0)","ops":[{"op":"set","path":["n"],"value":\#(number)}]}"#
    }
    return #"{"id":\#(number),"docs":[\#(edits.joined(separator: ","))]}"# + "\n"
  }

  /// How many of the lines are in the store; nil when it has one of them in part.
  private static func number(in replica: Replica) async throws -> Int? {
    let numbers = try await replica.read { reading in
      try reading.documents().map { try reading.json($0.id, path: ["n"]).integerValue ?? -1 }
    }
    guard numbers.count == 2, numbers[0] == numbers[1] else { return nil }
    return Int(numbers[0])
  }

  @Test(
    "has what it has answered and no half of anything, whatever of the unsynced is lost or torn",
    .enabled(if: WriteRecorder.compiler != nil, "the recorder needs a C compiler"))
  func everyBoundary() async throws {
    let store = scratch.path("a.skerry")
    try await Tool.skerry.succeed("init", store)
    let make = #"{"doc":null,"ops":[{"op":"set","path":["n"],"value":0}]}"#
    let made = try await Tool.skerry.succeed("apply", store, input: make + "\n" + make).jsonLines()
    let documents = made.compactMap { $0["docs"]?.arrayValue?.first?.stringValue }
    let before = [UInt8](try Data(contentsOf: URL(filePath: store)))
    let recorder = try WriteRecorder(in: scratch)
    var skerry = Tool.skerry
    skerry.environment = recorder.environment(for: store)

    // A line at a time, each in a commit of its own; then it closes the store.
    let lineCount = 10
    let running = try skerry.start(["apply", store], isFedLater: true)
    for number in 1...lineCount {
      running.feed(Self.line(number, documents))
      _ = try await running.line(after: #"{"id":\#(number),"#)
    }
    running.endInput()
    let outcome = try await running.end()
    #expect(outcome.status == 0, "\(outcome.errors)")
    let steps = try recorder.steps()
    #expect(steps.count { $0.action == .sync } > lineCount)
    #expect(Set(steps.map(\.file)) == Set(WriteRecorder.File.allCases))

    var disk = RecordedDisk(database: before)
    var chance = SeededGenerator(seed: 5)
    var seen: Set<[[UInt8]]> = []
    let output = Array(outcome.output.utf8)
    for (index, step) in steps.enumerated() {
      disk.take(step)
      let answered = output.prefix(disk.outputBytes).count { $0 == 0x0A }
      for fate in RecordedDisk.Fate.allCases {
        let files = disk.contents(fate, using: &chance)
        let key = WriteRecorder.File.allCases.map { files[$0] ?? [] } + [[UInt8(answered)]]
        guard seen.insert(key).inserted else { continue }
        try await check(files, answered...lineCount, "step \(index) of \(steps.count), \(fate)")
      }
    }
    #expect(disk.outputBytes == output.count, "answers are told from writes by their number")
    #expect(seen.count > steps.count, "\(seen.count) of \(steps.count) steps")
  }

  private func check(
    _ files: [WriteRecorder.File: [UInt8]], _ lines: ClosedRange<Int>, _ comment: Comment
  ) async throws {
    let image = images.path("image")
    for (file, bytes) in files {
      try Data(bytes).write(to: URL(filePath: image + file.suffix))
    }
    let replica = try await Replica.open(at: image)
    let found = try await Self.number(in: replica)
    #expect(lines.contains(try #require(found, comment)), comment)
    #expect(try await replica.check() == [], comment)
    await replica.close()
    try FileManager.default.removeItem(atPath: image)
  }
}
