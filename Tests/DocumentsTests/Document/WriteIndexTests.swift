import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite("Writes to places")
struct WriteIndexTests {
  @Test("it finds the writes to a key from any operation on, while the history grows")
  func writes() throws {
    var replica = DocumentReplica(0)
    var index = WriteIndex()
    var random = SeededGenerator(seed: 3)
    let keys: [Key] = ["a", "b", "c"]
    for _ in 0..<200 {
      let key = try #require(keys.randomElement(using: &random))
      try replica.edit { try $0.set(DocumentPath([.key(key.text)]), to: 1) }
      if Int.random(in: 0..<5, using: &random) > 0 { continue }
      let others = try replica.history().others
      let first = Int.random(in: 0...others.count, using: &random)
      for key in keys {
        let place = WrittenPlace(container: .root, key: key)
        let expected = others.indices.filter { $0 >= first && others[$0].operation.place == place }
        #expect(index.writes(to: place, from: first, in: others) == expected.reversed())
      }
    }
  }
}
