import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// What people are told who did two things to a tree at once.
@Suite("Conflicts in trees")
struct TreeConflictTests {
  private func together(
    _ left: (Editor) throws -> Void, _ right: (Editor) throws -> Void
  ) throws -> (DocumentReplica, DocumentReplica) {
    var (one, two) = try apartWithTree()
    try one.edit(left)
    try two.edit(right)
    try meet(&one, &two)
    return (one, two)
  }

  /// Every side can be taken, which ends the conflict everywhere.
  private func outlines(
    after left: (Editor) throws -> Void, _ right: (Editor) throws -> Void, sideCount: Int = 2
  ) throws -> [String] {
    try (0..<sideCount).map { side in
      var (one, two) = try together(left, right)
      let conflict = try #require(try one.conflicts().first)
      #expect(conflict.sides.count == sideCount)
      try one.resolve(conflict, taking: .side(side))
      try meet(&one, &two)
      #expect(try two.conflicts().isEmpty, "side \(side)")
      for choice in [ConflictChoice.base, .value(1)] {
        var (again, _) = try together(left, right)
        #expect(throws: EditError(.wrongKind, "")) { try again.resolve(conflict, taking: choice) }
      }
      return try two.document.outline()
    }
  }

  @Test("a node moved to two places is listed at the one where it stands")
  func moveAgainstMove() throws {
    let (one, _) = try together({ try $0.move("b", to: nil, at: 2) }, { try $0.move("b", to: "d") })
    let found = try one.conflicts()
    #expect(found.map(\.kind) == [.position])
    #expect(found.first?.path == ["tree", 1, 0])
    #expect(found.first?.sides.map(\.parent) == [["tree"], ["tree", 1]])
    #expect(found.first?.sides.map(\.index) == [2, 0])
    let name = found.first?.sides.last?.value?.objectValue?["value"]
    #expect(name == ["name": "b"])
    let outlines = try outlines(
      after: { try $0.move("b", to: nil, at: 2) }, { try $0.move("b", to: "d") })
    #expect(outlines == ["a(c) d b", "a(c) d(b)"])
  }

  @Test("two who move a node to one spot have decided alike")
  func sameMove() throws {
    let (one, _) = try together({ try $0.move("b", to: "d") }, { try $0.move("b", to: "d") })
    #expect(try one.conflicts().isEmpty)
  }

  @Test("moved by both under different parents that one removes: the removal is a side of its own")
  func moveAgainstRemoval() throws {
    let removeThenMove = try outlines(
      after: { try $0.remove("b") }, { try $0.move("b", to: "d") })
    #expect(removeThenMove == ["a(c) d", "a(c) d(b)"])
    let moveThenRemove = try outlines(
      after: { try $0.move("b", to: "d") }, { try $0.remove("b") })
    #expect(moveThenRemove == ["a(c) d(b)", "a(c) d"])
    let (one, _) = try together({ try $0.move("b", to: "d") }, { try $0.remove("b") })
    // Where it would come back to.
    #expect(try one.conflicts().map(\.path) == [["tree", 1, 0]])
    #expect(try one.conflicts().first?.sides.map { $0.value == nil } == [false, true])
  }

  @Test("a move that would have made a cycle is listed, with where the node stands instead")
  func moveWithoutEffect() throws {
    var (one, two) = try together({ try $0.move("b", to: "c") }, { try $0.move("c", to: "b") })
    let conflict = try #require(try one.conflicts().first)
    #expect(try one.conflicts().count == 1)
    #expect(conflict.kind == .position)
    #expect(conflict.path == ["tree", 0, 0])
    #expect(conflict.sides.map(\.parent) == [["tree", 0, 0, 0], ["tree", 0]])
    #expect(throws: EditError(.cycle, "")) { try one.resolve(conflict, taking: .side(0)) }
    try one.resolve(conflict, taking: .side(1))
    try meet(&one, &two)
    #expect(try two.document.outline() == "a(c(b)) d")
    #expect(try two.conflicts().isEmpty)
  }

  @Test("writing into a node that is removed: the node can be had back with what was written")
  func editAgainstRemoval() throws {
    let edits: [(Editor) throws -> Void] = [
      { try $0.set(["tree", 0, "name"], to: "A") }, { try $0.node("e", in: "b") },
      { try $0.set(["tree", 0, 0, "name"], to: "B") }, { try $0.move("d", to: "b") },
    ]
    let expected = ["A(b c) d", "a(b(e) c) d", "a(B c) d", "a(b(d) c)"]
    for (edit, back) in zip(edits, expected) {
      for isFirst in [false, true] {
        let remove: (Editor) throws -> Void = { try $0.remove("a") }
        let (one, _) = try together(isFirst ? edit : remove, isFirst ? remove : edit)
        let found = try one.conflicts()
        #expect(found.map(\.kind) == [.removal])
        #expect(found.first?.path == ["tree", 0])
        #expect(found.first?.base?.objectValue?["value"] == ["name": "a"])
        #expect(found.first?.base?.objectValue?["children"]?.arrayValue?.count == 2)
        let outlines = try outlines(
          after: isFirst ? edit : remove, isFirst ? remove : edit)
        #expect(outlines == [back, try one.document.outline()])
      }
    }
  }

  @Test("values in nodes collide like those of any map, and are named by where the node stands")
  func values() throws {
    let (one, _) = try together(
      { editor in
        try editor.set(["tree", 0, 1, "name"], to: "x")
        try editor.move("d", to: nil, at: 0)
      }, { try $0.set(["tree", 0, 1, "name"], to: "y") })
    let conflict = try #require(try one.conflicts().first)
    #expect(conflict.kind == .value)
    #expect(conflict.path == ["tree", 1, 1, "value", "name"])
    #expect(conflict.base == "c")
    #expect(try one.document.json(at: conflict.path) == conflict.sides.last?.value)
  }

  @Test("a tree removed as a whole while somebody edits a node")
  func treeRemoved() throws {
    let (one, _) = try together(
      { try $0.delete(["tree"]) }, { try $0.set(["tree", 0, "name"], to: "A") })
    #expect(try one.conflicts().map(\.kind) == [.removal])
    #expect(try one.conflicts().first?.path == ["tree"])
  }

  @Test("what one does who has seen the other is no conflict")
  func oneAfterTheOther() throws {
    var (one, two) = try apartWithTree()
    for (name, parent) in [("b", "c"), ("c", "d"), ("b", "a"), ("d", "b")] {
      try one.edit { try $0.move(name, to: parent) }
      try meet(&one, &two)
      try two.edit { try $0.set(["k"], to: .string(name)) }
      try meet(&one, &two)
    }
    try one.edit { try $0.remove("a") }
    try meet(&one, &two)
    #expect(try two.conflicts().isEmpty)
  }
}
