import Foundation
import JSONCoding
import Testing

@Suite("skerry apply, killed", .serialized)
struct KillTests {
  private let scratch: Scratch
  private let skerry = Tool.skerry

  init() throws {
    scratch = try Scratch()
  }

  private var store: String { scratch.path("a.skerry") }

  private func number(of document: String) async throws -> Int {
    let value = try await skerry.succeed("get", store, document, "n").json()
    guard case .integer(let number) = value else { return -1 }
    return Int(number)
  }

  /// Each line writes its number into two documents, so that half of one would show.
  private func lines(_ numbers: Range<Int>, _ documents: [String]) -> String {
    numbers.map { number in
      let edits = documents.map {
        #"{"doc":"\#($0)","ops":[{"op":"set","path":["n"],"value":\#(number)}]}"#
      }
      return #"{"id":\#(number),"docs":[\#(edits.joined(separator: ","))]}"#
    }.joined(separator: "\n")
  }

  @Test("takes no answer back and leaves no half, wherever it is when it dies")
  func killed() async throws {
    try await skerry.succeed("init", store)
    let make = #"{"doc":null,"ops":[{"op":"set","path":["n"],"value":0}]}"#
    let made = try await skerry.succeed("apply", store, input: make + "\n" + make).jsonLines()
    let documents = made.compactMap { $0["docs"]?.arrayValue?.first?.stringValue }
    try #require(documents.count == 2)
    var seed: UInt64 = 1
    var shown = 0
    var cutShort = 0
    for round in 1...10 {
      let count = 20_000
      let first = shown + 1
      let running = try skerry.start(
        ["apply", store], input: lines(first..<(first + count), documents))
      // Somewhere between the first answer and the last.
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let wanted = Int(seed >> 33) % 2_000_000
      let deadline = ContinuousClock.now + .seconds(60)
      while running.process.isRunning, running.output.utf8.count <= wanted,
        ContinuousClock.now < deadline
      {
        try await Task.sleep(for: .milliseconds(3))
      }
      running.signal(SIGKILL)
      let outcome = try await running.end()
      // The last line of the output can be cut off; it is no answer then.
      let answers = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
        .dropLast()
      let answered = try answers.last.map { try JSONValue(parsing: String($0)) }
      for answer in answers { #expect(answer.contains(#""ok":true"#)) }
      if answers.count < count { cutShort += 1 }
      let (one, two) = (
        try await number(of: documents[0]), try await number(of: documents[1])
      )
      #expect(one == two, "round \(round): half of a line")
      if case .integer(let last)? = answered?["id"] {
        #expect(one >= Int(last), "round \(round): \(last) was answered, \(one) is there")
      }
      shown = one
    }
    #expect(cutShort > 3)
    let doctor = try await skerry.succeed("doctor", store)
    #expect(doctor.output.contains("Nothing is wrong"))
  }
}
