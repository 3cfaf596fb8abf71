import Documents
import TestSupport
import Testing

@testable import ReplicaStore

@Suite("What a transaction keeps of its documents")
struct DocumentTableTests {
  @Test("is what a dictionary would keep, in order", arguments: 0..<16)
  func isADictionary(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var table = DocumentTable<Int>()
    var expected: [DocumentID: Int] = [:]
    for step in 0..<200 {
      let id = DocumentID(high: 0, low: .random(in: 0..<5, using: &random))
      let value = Int.random(in: 0..<3, using: &random) == 0 ? nil : step
      table[id] = value
      expected[id] = value
      #expect(table[id] == value, "seed \(seed), step \(step)")
      #expect(
        table.sorted.map(\.id) == expected.keys.sorted()
          && table.sorted.allSatisfy { expected[$0.id] == $0.value }, "seed \(seed), step \(step)")
    }
  }
}
