import Causality
import Documents
import Testing

@testable import ChangeCoding

/// Around the number of names from which they are hashed.
@Suite struct NameTableTests {
  @Test(arguments: [0, 1, 2, 7, 8, 9, 10, 100])
  func namesKeepTheNumbersTheyWereGiven(count: Int) {
    var table = NameTable<String>()
    for number in 0..<count {
      let isNew = table.insert("name \(number)")
      #expect(isNew)
    }
    #expect(table.count == count)
    for number in 0..<count {
      #expect(table[number] == "name \(number)")
      #expect(table.number(of: "name \(number)") == number)
      let isNew = table.insert("name \(number)")
      #expect(!isNew)
    }
    #expect(table.number(of: "another") == nil)
    #expect(table.count == count)
  }

  @Test(arguments: [1, 8, 9, 20])
  func aSlotRemembersItsLastEvent(count: Int) {
    var writes = LastWrites()
    for round in 0..<3 as Range<UInt32> {
      for key in 0..<count {
        let slot = LastWrites.Slot.key(container: 0, key: key)
        let before = writes.replace(slot, with: event(key, round))
        #expect(before == (round == 0 ? nil : event(key, round - 1)))
      }
    }
  }

  private func event(_ key: Int, _ index: UInt32) -> EventID {
    EventID(change: ChangeID(origin: testOrigin(1), sequence: UInt64(key + 1)), index: index)
  }

  @Test(arguments: [6, 7, 8, 9, 30])
  func blocksOfManyNamesComeBack(count: Int) throws {
    let changes = (1...count).map { number in
      let origin = testOrigin(number)
      let seen = number > 1 ? [ChangeID(origin: testOrigin(number - 1), sequence: 1)] : []
      return Change(
        id: ChangeID(origin: origin, sequence: 1), lamport: UInt64(number), time: .epoch,
        dependencies: seen,
        edits: (1...number).map { document in
          DocumentEdit(
            document: testDocument(document), parents: document < number ? seen : [],
            operations: [
              Operation(.root, .set(Key("key \(number)"), .null, replaces: [])),
              Operation(
                .child(parent: .root, key: Key("key \(number)"), kind: .map, generation: nil),
                .set(Key("key \(document)"), .null, replaces: [])),
            ])
        })
    }
    let block = ChangeBlock.encode(changes)
    #expect(try ChangeBlock.decode(block) == changes)
  }
}
