import ByteCoding
import Causality
import Documents
import JSONCoding
import TestSupport
import Testing

@testable import ChangeCoding

@Suite struct TreeOperationTests {
  private let node = EventID(change: ChangeID(origin: testOrigin(4), sequence: 300), index: 2)
  private let sibling = EventID(change: ChangeID(origin: testOrigin(5), sequence: 1), index: 0)

  private var tree: ContainerID {
    .child(
      parent: .child(parent: .root, key: "m", kind: .map, generation: sibling), key: "é",
      kind: .tree, generation: nil)
  }

  private var operations: [Operation] {
    let inner = ContainerID.element(node, .tree)
    return [
      Operation(tree, .createNode(TreePlace())),
      Operation(tree, .createNode(TreePlace(in: node, after: sibling))),
      Operation(inner, .moveNode(node, TreePlace(in: sibling))),
      Operation(inner, .moveNode(node, TreePlace(after: sibling))),
      Operation(inner, .deleteNode(node)),
    ]
  }

  private func change(_ operations: [Operation], sequence: UInt64 = 1) -> Change {
    Change(
      id: ChangeID(origin: testOrigin(3), sequence: sequence), lamport: 9,
      time: .epoch,
      edits: [DocumentEdit(document: testDocument(1), parents: [], operations: operations)])
  }

  @Test func operationsComeBack() throws {
    let changes = [change(operations)]
    let block = ChangeBlock.encode(changes)
    #expect(try ChangeBlock.decode(block) == changes)
  }

  @Test func operationsAreTheseBytes() {
    let container = "02" + "02c3a9" + "04" + "03" + "016d" + "00" + event(5) + "00"
    let inner = "01" + "04" + event(4)
    let expected = [
      (17, container + "00"), (17, container + "03" + event(4) + event(5)),
      (18, inner + event(4) + "01" + event(5)), (18, inner + event(4) + "02" + event(5)),
      (19, inner + event(4)),
    ]
    for (operation, (code, bytes)) in zip(operations, expected) {
      let other = OtherAction(operation)
      #expect(other?.code == UInt64(code))
      #expect(other.map { Hexadecimal.encode($0.bytes) } == bytes)
      #expect(other?.eventCount == 1)
    }
  }

  private func event(_ origin: Int) -> String {
    Hexadecimal.encode(testOrigin(origin).bytes) + (origin == 4 ? "ac0202" : "0100")
  }

  /// Whoever does not know trees, or what these bytes say, keeps them as they are.
  @Test func whatIsNoOperationOfATreeIsKept() throws {
    for operation in operations {
      let known = try #require(OtherAction(operation))
      var wrong: [OtherAction] = []
      for index in known.bytes.indices {
        var other = known
        other.bytes[index] ^= 0x81
        wrong.append(other)
        other.bytes = Array(known.bytes[..<index])
        wrong.append(other)
      }
      wrong.append(OtherAction(code: known.code, eventCount: 2, bytes: known.bytes))
      wrong.append(OtherAction(code: known.code, eventCount: 1, bytes: known.bytes + [0]))
      for other in wrong {
        let read = other.operation(in: .current)
        let written = try #require(OtherAction(read))
        #expect(written.code == other.code)
        #expect(written.eventCount == other.eventCount)
        #expect(written.bytes == other.bytes)
      }
      guard case .unknown = wrong.last?.operation(in: .current).action else {
        Issue.record("\(operation) was read with a byte too many")
        continue
      }
    }
  }

  /// An earlier release holds operations of trees as unknown ones: nothing shows, nothing is lost,
  /// and read anew by this release they are a tree.
  @Test func whatAnEarlierReleaseKeptComesToLife() throws {
    let id = ChangeID(origin: testOrigin(3), sequence: 1)
    let document = Document(id: testDocument(1))
    let editor = document.beginEdit(id, lamport: 1)
    try editor.make(["tree"], .tree)
    try editor.createNode(["tree"], at: 0, ["n": 1])
    try editor.createNode(["tree", 0], at: 0, ["n": 2])
    try editor.moveNode(["tree", 0], from: 0, to: ["tree"], at: 0)
    let edit = try #require(try editor.finish())
    let changes = [Change(id: id, lamport: 1, time: .epoch, edits: [edit])]
    let block = ChangeBlock.encode(changes)

    let earlier = try ChangeBlock.decode(block).map { change -> Change in
      var change = change
      for index in change.edits[0].operations.indices {
        let operation = change.edits[0].operations[index]
        guard let other = OtherAction(operation), other.code > BlockLayout.resolveCode else {
          continue
        }
        change.edits[0].operations[index] = Operation(
          .root, .unknown(code: other.code, eventCount: other.eventCount, bytes: other.bytes))
      }
      return change
    }
    #expect(earlier != changes)
    let old = Document(id: testDocument(1))
    _ = try old.merge(earlier.compactMap { IncomingEdit($0, document: testDocument(1)) }) {
      DocumentHistory(document: testDocument(1))
    }
    #expect(try old.json() == ["tree": ["children": []]])
    // What it hands on is what it got.
    #expect(ChangeBlock.encode(earlier) == block)

    let read = try [IncomingEdit](decoding: ChangeBlock.encode(earlier), document: testDocument(1))
    let anew = try Document.replaying(testDocument(1), read)
    #expect(anew.encodeState() == document.encodeState())
    #expect(try anew.json(at: ["tree", 0, "n"]) == 2)
    #expect(try anew.json(at: ["tree", 1, "n"]) == 1)
  }
}
