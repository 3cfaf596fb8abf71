import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// What becomes of nodes that two people move at once; the first four are those of Kleppmann,
/// Mulligan, Gomes and Beresford, 2021.
@Suite("Trees edited by two at once")
struct TreeCasesTests {
  /// What both see afterwards, and the conflicts that are told of it.
  private func after(
    _ left: (Editor) throws -> Void, _ right: (Editor) throws -> Void
  ) throws -> String {
    var (one, two) = try apartWithTree()
    try one.edit(left)
    try two.edit(right)
    try meet(&one, &two)
    for replica in [one, two] { replica.document.trees[0].checkInvariants() }
    return try one.document.outline()
  }

  @Test("a node moved to two places stands at that of the later move")
  func oneNodeToTwoPlaces() throws {
    let result = try after({ try $0.move("b", to: "c") }, { try $0.move("b", to: "d") })
    #expect(result == "a(c) d(b)")
  }

  @Test("two nodes moved under each other: the later move has no effect")
  func underEachOther() throws {
    let result = try after({ try $0.move("b", to: "c") }, { try $0.move("c", to: "b") })
    #expect(result == "a(c(b)) d")
  }

  @Test("a cycle through three nodes")
  func aLongCycle() throws {
    var replicas = (0..<3).map { DocumentReplica($0) }
    try replicas[0].edit { editor in
      try editor.make(["tree"], .tree)
      for name in ["a", "b", "c"] { try editor.node(name) }
    }
    for index in 1...2 { try replicas[index].receive(replicas[0].log) }
    try replicas[0].edit { try $0.move("a", to: "b") }
    try replicas[1].edit { try $0.move("b", to: "c") }
    try replicas[2].edit { try $0.move("c", to: "a") }
    for _ in 0..<2 {
      for target in 0..<3 {
        for source in 0..<3 {
          try replicas[target].receive(replicas[target].missing(from: replicas[source]))
        }
      }
    }
    for replica in replicas {
      #expect(try replica.document.outline() == "c(b(a))")
      #expect(replica.document.encodeState() == replicas[0].document.encodeState())
    }
  }

  @Test("a move in effect gives way when an older one comes that it would make a cycle with")
  func anOlderMoveTakesTheEffectOfANewerOne() throws {
    var (one, two) = try apartWithTree()
    try one.edit { try $0.move("b", to: "c") }
    // Newer in the total order, and here first.
    try two.edit { try $0.set(["k"], to: 1) }
    try two.edit { try $0.move("c", to: "b") }
    #expect(try two.document.outline() == "a(b(c)) d")
    let outcome = try two.receive(two.missing(from: one))
    #expect(outcome.usedHistory)
    #expect(try two.document.outline() == "a(c(b)) d")
    // When whoever moved it last moves it away, what had no effect stays without.
    try two.edit { try $0.move("b", to: nil) }
    #expect(try two.document.outline() == "b a(c) d")
    try one.receive(one.missing(from: two))
    #expect(one.document.encodeState() == two.document.encodeState())
  }

  @Test("a node removed and moved: the later one counts")
  func moveAgainstRemoval() throws {
    let moved = try after({ try $0.remove("b") }, { try $0.move("b", to: "d") })
    #expect(moved == "a(c) d(b)")
    let removed = try after({ try $0.move("b", to: "d") }, { try $0.remove("b") })
    #expect(removed == "a(c) d")
  }

  @Test("a child moved out of a node that is removed stays")
  func outOfWhatIsRemoved() throws {
    for isLater in [false, true] {
      let remove: (Editor) throws -> Void = { try $0.remove("a") }
      let move: (Editor) throws -> Void = { try $0.move("b", to: "d") }
      #expect(try after(isLater ? remove : move, isLater ? move : remove) == "d(b)")
    }
  }

  @Test("a node moved into one that is removed goes with it, and comes back with it")
  func intoWhatIsRemoved() throws {
    for isLater in [false, true] {
      let remove: (Editor) throws -> Void = { try $0.remove("a") }
      let move: (Editor) throws -> Void = { try $0.move("d", to: "b") }
      #expect(try after(isLater ? remove : move, isLater ? move : remove) == "")
    }
    var (one, two) = try apartWithTree()
    try one.edit { try $0.remove("a") }
    try two.edit { try $0.move("d", to: "b") }
    try two.edit { try $0.move("a", to: nil) }
    try two.edit { try $0.node("e", in: "a") }
    try meet(&one, &two)
    #expect(try one.document.outline() == "")
    try two.edit { try $0.node("f") }
    #expect(try two.document.outline() == "f")
  }

  @Test("what is written into a removed node is there when it comes back")
  func editsOfARemovedNodeAreKept() throws {
    var (one, two) = try apartWithTree()
    try two.edit { try $0.set(["k"], to: 1) }
    try one.edit { try $0.remove("a") }
    try two.edit { try $0.set(["tree", 0, 1, "name"], to: "C") }
    try two.edit { try $0.move("a", to: "d") }
    try meet(&one, &two)
    #expect(try one.document.outline() == "d(a(b C))")
  }

  @Test("what each puts at one place in a row stays in a row")
  func rowsDoNotInterleave() throws {
    let left: (Editor) throws -> Void = { editor in
      for name in ["1", "2", "3"] { try editor.node(name, in: "d") }
    }
    let right: (Editor) throws -> Void = { editor in
      for name in ["x", "y", "z"] { try editor.node(name, in: "d") }
    }
    #expect(try after(left, right) == "a(b c) d(x y z 1 2 3)")
  }

  @Test("a node put beside one that moves away stays where it was put")
  func besideWhatMovesAway() throws {
    let result = try after(
      { try $0.node("n", in: "a", at: 1) }, { try $0.move("b", to: "d") })
    #expect(result == "a(n c) d(b)")
  }

  @Test("two who make one tree have made one")
  func oneTreeMadeByTwo() throws {
    var (one, two) = try apart { try $0.set(["k"], to: 1) }
    for (name, isOne) in [("a", true), ("b", false)] {
      let make: (Editor) throws -> Void = { editor in
        try editor.make(["tree"], .tree)
        try editor.node(name)
      }
      if isOne { try one.edit(make) } else { try two.edit(make) }
    }
    try meet(&one, &two)
    #expect(try one.document.outline() == "b a")
  }

  @Test("a tree removed while somebody edits it, and made again, is a new one")
  func aTreeMadeAgain() throws {
    var (one, two) = try apartWithTree()
    try one.edit { editor in
      try editor.delete(["tree"])
      try editor.make(["tree"], .tree)
      try editor.node("new")
    }
    try two.edit { try $0.move("b", to: "c") }
    try meet(&one, &two)
    #expect(try one.document.outline() == "new")
  }
}
