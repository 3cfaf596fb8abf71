import Documents
import Testing

@Suite("Sequence log")
struct SequenceLogTests {
  @Test("operations that continue each other become one run")
  func runs() throws {
    var log = SequenceLog(.text)
    try log.appendInsert(version: 0, position: 3, text: "ab")
    try log.appendInsert(version: 2, position: 5, text: "ç")
    try log.appendDelete(version: 3, position: 5, count: 1)
    try log.appendDelete(version: 4, position: 4, count: 1)
    try log.appendDelete(version: 5, position: 3, count: 1)
    try log.appendDelete(version: 6, position: 0, count: 2)
    try log.appendDelete(version: 8, position: 0, count: 1)
    try log.appendInsert(version: 20, position: 0, text: "👍")
    #expect(
      (0..<log.runCount).map { log[$0] } == [
        SequenceRun(version: 0, count: 3, position: 3, kind: .insert, content: 0),
        SequenceRun(version: 3, count: 3, position: 5, kind: .deleteBackward, content: 3),
        SequenceRun(version: 6, count: 3, position: 0, kind: .deleteForward, content: 3),
        SequenceRun(version: 20, count: 1, position: 0, kind: .insert, content: 3),
      ])
    #expect(log.text(ofContent: 0..<4) == "abç👍")
    #expect(log.text(ofContent: 2..<3) == "ç")
    #expect(log.text(ofContent: 3..<4) == "👍")
    #expect(log.text(ofContent: 1..<1) == "")
    #expect((0...21).map { log.firstRun(from: $0) }[8...10] == [2, 3, 3])
  }

  @Test("forgetting the end and appending it again is as if nothing had been", arguments: 0...12)
  func truncation(version: Int) throws {
    func build(_ log: inout SequenceLog, from start: Int) throws {
      for event in start..<12 {
        switch event {
        case 0..<5:
          let letters: [String] = ["a", "é", "b", "👍", "\0"]
          try log.appendInsert(version: event, position: event, text: letters[event])
        case 5..<8: try log.appendDelete(version: event, position: 9 - event, count: 1)
        default: try log.appendInsert(version: event, position: event - 7, text: "ñ")
        }
      }
    }
    var log = SequenceLog(.text)
    try build(&log, from: 0)
    let runs = (0..<log.runCount).map { log[$0] }
    let text = log.text(ofContent: 0..<log.contentCount)
    log.truncate(toVersion: version)
    try build(&log, from: version)
    #expect((0..<log.runCount).map { log[$0] } == runs)
    #expect(log.text(ofContent: 0..<log.contentCount) == text)
  }

  @Test("a list counts items and keeps none")
  func items() throws {
    var log = SequenceLog(.items)
    try log.appendInsert(version: 0, position: 0, itemCount: 3)
    try log.appendInsert(version: 3, position: 3, itemCount: 1 << 20)
    #expect(log.runCount == 1 && log.contentCount == 3 + (1 << 20))
    #expect(throws: SequenceError.wrongContent(version: 9)) {
      try log.appendInsert(version: 9, position: 0, text: "x")
    }
    #expect(throws: SequenceError.self) {
      try log.appendInsert(
        version: 1 << 30, position: 0, itemCount: SequenceLog.unitCountMax - log.contentCount + 1)
    }
    try log.appendInsert(
      version: 1 << 30, position: 0, itemCount: SequenceLog.unitCountMax - log.contentCount)
  }
}
