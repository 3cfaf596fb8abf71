import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// What registers, counters and lists must hold, worked out from the set of changes alone: an entry
/// lives when no operation replaces it, a counter is a sum, an element lives when nobody removed
/// it.
@Suite struct RegisterOracleTests {
  @Test(arguments: 0..<16)
  func registersCountersAndListsEqualTheOracle(seed: UInt64) throws {
    var random = SeededGenerator(seed: 77 + seed)
    var replicas = (0..<3).map { DocumentReplica($0) }
    // Who removed which element is only known where it was done.
    var removed: Set<EventID> = []
    try replicas[0].edit { editor in
      try editor.make(["list"], .list)
      try editor.make(["sum"], .counter)
    }
    for index in 1...2 { try replicas[index].receive(replicas[0].log) }
    for _ in 0..<80 {
      let mine = Int.random(in: 0..<3, using: &random)
      let key = PathStep.key(["x", "y", "z"].randomElement(using: &random) ?? "x")
      switch Int.random(in: 0..<8, using: &random) {
      case 0, 1:
        let value = Int64.random(in: 0...5, using: &random)
        try replicas[mine].edit { try $0.set(DocumentPath([key]), to: .integer(value)) }
      case 2:
        if (try? replicas[mine].document.json(at: DocumentPath([key]))) != nil {
          try replicas[mine].edit { try $0.delete(DocumentPath([key])) }
        }
      case 3:
        try replicas[mine].edit { try $0.increment(["sum"], by: 3) }
      case 4, 5:
        let document = replicas[mine].document
        let order = document.lists[0].order
        let at = Int.random(in: 0...order.count, using: &random)
        let count = Int.random(in: 0...min(2, order.count - at), using: &random)
        removed.formUnion(order[at..<(at + count)])
        try replicas[mine].edit {
          try $0.splice(["list"], at: at, delete: count, insert: [.integer(Int64(at)), .null])
        }
      default:
        let other = replicas[Int.random(in: 0..<3, using: &random)]
        try replicas[mine].receive(replicas[mine].missing(from: other))
      }
    }
    for target in 0..<3 {
      for source in 0..<3 {
        try replicas[target].receive(replicas[target].missing(from: replicas[source]))
      }
    }
    var written: [String: [EventID: Int64]] = [:]
    var replaced: Set<EventID> = []
    var sum: Int64 = 0
    var inserted: Set<EventID> = []
    for incoming in replicas[0].log {
      var event = EventID(change: incoming.change, index: 0)
      for operation in incoming.edit.operations {
        switch operation.action {
        case .set(let key, .integer(let value), let replaces):
          written[key.text, default: [:]][event] = value
          replaced.formUnion(replaces)
        case .delete(_, let replaces): replaced.formUnion(replaces)
        case .increment(let amount): sum += amount
        case .insertElements(_, let elements):
          for offset in elements.indices {
            inserted.insert(
              EventID(change: event.change, index: event.index + UInt32(offset)))
          }
        default: break
        }
        event.index += UInt32(operation.eventCount)
      }
    }
    for replica in replicas {
      #expect(try replica.document.json(at: ["sum"]) == .integer(sum))
      let list = replica.document.lists[0].order
      #expect(Set(list) == inserted.subtracting(removed))
      #expect(Set(list).count == list.count)
      for key in ["x", "y", "z"] {
        let alive = (written[key] ?? [:]).filter { !replaced.contains($0.key) }
        let entries = (try? replica.document.entries(at: [.key(key)])) ?? []
        #expect(
          Dictionary(uniqueKeysWithValues: entries.map { ($0.event, $0.json) })
            == alive.mapValues { .integer($0) })
        #expect(entries.map(\.stamp) == entries.map(\.stamp).sorted())
      }
    }
  }
}
