import ByteCoding
import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite struct TreeStateCodingTests {
  /// Nodes that were made, moved within and between parents and removed, and a move without effect.
  private func worn() throws -> DocumentReplica {
    var (left, right) = try apartWithTree()
    try left.edit { editor in
      try editor.move("b", to: "c")
      try editor.move("d", to: nil, at: 0)
    }
    try right.edit { editor in
      try editor.move("c", to: "b")
      try editor.remove("d")
      try editor.node("e", in: "a", at: 0)
    }
    try meet(&left, &right)
    return left
  }

  @Test func aTreeIsTheseBytes() throws {
    var replica = DocumentReplica(0)
    try replica.edit { editor in
      try editor.make(["tree"], .tree)
      try editor.createNode(["tree"], at: 0)
      try editor.createNode(["tree", 0], at: 0)
    }
    try replica.edit { editor in
      try editor.moveNode(["tree", 0], from: 0, to: ["tree"], at: 1)
      try editor.delete(["tree", 0])
    }
    let origin = "00000000000000000000000000000001"
    let frontier = "01" + "000200"
    let containers = "03" + "0000" + "000101" + "0000" + "000102" + "01000474726565" + "04"
    let root = "01" + "0474726565" + "01" + "000100" + "01" + "080400"
    let nodes = "00" + "00"
    let tree =
      "04" + "00" + "000101" + "01" + "0000" + "00" + "000102" + "00" + "0100" + "01" + "000200"
      + "01" + "01" + "00" + "02" + "02" + "000201" + "00" + "00"
    let state = replica.document.encodeState()
    #expect(
      Hexadecimal.encode(state.dropLast(4))
        == "01" + "00000000000000d00000000000000001" + "01" + origin + frontier + containers
        + root + nodes + tree)
    #expect(try Document(id: documentID, state: state).encodeState() == state)
  }

  @Test func theStateHoldsEverything() throws {
    let replica = try worn()
    let state = replica.document.encodeState()
    let opened = try Document(id: documentID, state: state)
    #expect(opened.encodeState() == state)
    #expect(opened.canonicalJSON() == replica.document.canonicalJSON())
    #expect(try opened.json() == replica.document.json())
    opened.trees[0].checkInvariants()
    #expect(opened.trees[0].placements.contains { !$0.isEffective })
  }

  /// Bytes that are wrong behind a right checksum: refused, or the one encoding of what they say.
  @Test(arguments: 0..<8)
  func wrongStatesAreRefusedOrCanonical(seed: UInt64) throws {
    var random = SeededGenerator(seed: 31_000 + seed)
    let state = try worn().document.encodeState()
    var accepted = 0
    for _ in 0..<300 {
      var bytes = Array(state.dropLast(4))
      let index = Int.random(in: (bytes.count / 2)..<bytes.count, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1: bytes[index] = UInt8.random(in: 0...5, using: &random)
      case 2: bytes.removeSubrange(index..<min(bytes.count, index + 3))
      default: bytes.insert(UInt8.random(in: 0...5, using: &random), at: index)
      }
      var whole = ByteWriter()
      whole.write(raw: bytes)
      whole.write(fixed: CRC32C.checksum(bytes))
      do {
        let document = try Document(id: documentID, state: whole.bytes)
        #expect(document.encodeState() == whole.bytes)
        for index in document.trees.indices { document.trees[index].checkInvariants() }
        _ = document.canonicalJSON()
        accepted += 1
      } catch {}
    }
    #expect(accepted > 0)
  }
}
