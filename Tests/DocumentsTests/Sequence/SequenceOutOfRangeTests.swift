import Causality
import Documents
import Testing

/// Positions that do not exist: they have no effect, cost nothing, and are counted.
@Suite("Sequence operations out of range")
struct SequenceOutOfRangeTests {
  private func merge(
    _ build: (inout SequenceLog) throws -> Void, events: Int, from: [Int] = [], length: Int = 0
  ) throws -> SequenceMerge {
    var graph = EventGraph()
    var log = SequenceLog(.text)
    try log.appendInsert(version: 0, position: 0, text: "abcde")
    _ = try graph.append(origin: 0, sequence: 1, eventCount: 5, parents: [])
    _ = try graph.append(origin: 1, sequence: 1, eventCount: events, parents: [4])
    try build(&log)
    return try SequenceWalker.merge(
      graph: graph, log: log, ranks: [0, 1], from: [4], to: graph.frontier, length: 5,
      isSound: true)
  }

  @Test(
    "an insertion is taken at the end and not beyond it",
    arguments: [4, 5, 6, SequenceLog.positionMax])
  func insertion(position: Int) throws {
    let result = try merge(
      { try $0.appendInsert(version: 5, position: position, text: "xy") }, events: 2)
    #expect(result.ineffectiveEventCount == (position <= 5 ? 0 : 2))
    #expect(result.patches.count == (position <= 5 ? 1 : 0))
  }

  @Test("a deletion takes what is there", arguments: [0, 3, 4, 5, 6, SequenceLog.positionMax])
  func deletion(position: Int) throws {
    let result = try merge(
      { try $0.appendDelete(version: 5, position: position, count: 2) }, events: 2)
    let effective = max(0, min(2, 5 - position))
    #expect(result.ineffectiveEventCount == 2 - effective)
    #expect(result.patches.reduce(0) { $0 + $1.count } == effective)
  }

  @Test("a backward deletion begins to count where the text does", arguments: [3, 4, 5, 6, 7, 8])
  func backwardDeletion(position: Int) throws {
    let result = try merge(
      { try $0.appendDelete(version: 5, position: position, count: 4, backward: true) },
      events: 4)
    let beyond = min(4, max(0, position - 4))
    #expect(result.ineffectiveEventCount == beyond)
    #expect(result.patches.reduce(0) { $0 + $1.count } == 4 - beyond)
    if beyond < 4 { #expect(result.patches.first?.position == position - 3) }
  }

  @Test("a deletion of more than any text holds costs no more than one of what is there")
  func hugeDeletion() throws {
    let count = SequenceLog.unitCountMax
    let result = try merge(
      { try $0.appendDelete(version: 5, position: 1, count: count) }, events: count)
    #expect(result.patches.reduce(0) { $0 + $1.count } == 4)
    #expect(result.ineffectiveEventCount == count - 4)
  }

  @Test("the log refuses what no sequence could have")
  func refused() throws {
    var log = SequenceLog(.text)
    #expect(throws: SequenceError.self) {
      try log.appendInsert(version: 0, position: -1, text: "x")
    }
    #expect(throws: SequenceError.emptyOperation(version: 0)) {
      try log.appendInsert(version: 0, position: 0, text: "")
    }
    #expect(throws: SequenceError.self) { try log.appendDelete(version: 0, position: 0, count: 0) }
    #expect(throws: SequenceError.self) {
      try log.appendDelete(version: 0, position: 1, count: 3, backward: true)
    }
    #expect(throws: SequenceError.self) {
      try log.appendDelete(version: 0, position: .max, count: .max)
    }
    #expect(throws: SequenceError.self) {
      try log.appendDelete(version: 0, position: 0, count: SequenceLog.unitCountMax + 1)
    }
    #expect(throws: SequenceError.self) {
      try log.appendDelete(version: 0, position: SequenceLog.positionMax + 1, count: 1)
    }
    #expect(throws: SequenceError.self) {
      try log.appendDelete(version: SequenceLog.versionMax + 1, position: 0, count: 1)
    }
    #expect(throws: SequenceError.wrongContent(version: 0)) {
      try log.appendInsert(version: 0, position: 0, itemCount: 1)
    }
    let bytes: [UInt8] = [0x61, 0xFF]
    #expect(throws: SequenceError.invalidUTF8(version: 0)) {
      try bytes.withUnsafeBufferPointer { utf8 throws in
        _ = try log.appendInsert(version: 0, position: 0, utf8: utf8)
      }
    }
    #expect(log.isEmpty && log.contentCount == 0)
    try log.appendInsert(version: 7, position: 0, text: "x")
    #expect(throws: SequenceError.versionNotAscending(version: 7, last: 7)) {
      try log.appendInsert(version: 7, position: 0, text: "x")
    }
  }

  @Test("a state that is not what the history makes is noticed")
  func damage() throws {
    var graph = EventGraph()
    var log = SequenceLog(.text)
    _ = try graph.append(origin: 0, sequence: 1, eventCount: 5, parents: [])
    try log.appendInsert(version: 0, position: 0, text: "abcde")
    _ = try graph.append(origin: 0, sequence: 2, eventCount: 2, parents: [4])
    try log.appendDelete(version: 5, position: 3, count: 2)
    _ = try graph.append(origin: 1, sequence: 1, eventCount: 1, parents: [4])
    try log.appendInsert(version: 7, position: 5, text: "x")
    for length in [-1, 0, 2, 4, 1 << 31] {
      #expect(throws: SequenceError.self) {
        try SequenceWalker.merge(
          graph: graph, log: log, ranks: [0, 1], from: [6], to: [7], length: length,
          isSound: false)
      }
    }
    let sound = try SequenceWalker.merge(
      graph: graph, log: log, ranks: [0, 1], from: [6], to: [7], length: 3)
    #expect(sound.map(\.position) == [3])
  }
}
