import Causality
import TestSupport
import Testing

@testable import Documents

@Suite("Sets of changes")
struct ChangeSetTests {
  private static func random(_ random: inout SeededGenerator) -> Set<ChangeID> {
    var changes: Set<ChangeID> = []
    for _ in 0..<Int.random(in: 0...14, using: &random) {
      changes.insert(
        ChangeID(
          origin: testOrigin(Int.random(in: 0...2, using: &random)),
          sequence: UInt64.random(in: 1...9, using: &random)))
    }
    return changes
  }

  private static let all = (0..<3).flatMap { origin in
    (1..<11).map { ChangeID(origin: testOrigin(origin), sequence: UInt64($0)) }
  }

  @Test("they hold what sets of the same changes hold", arguments: 0..<6)
  func asSets(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      let (left, right) = (Self.random(&random), Self.random(&random))
      let (one, other) = (
        ChangeSet(left.shuffled(using: &random)), ChangeSet(right.shuffled(using: &random))
      )
      var difference = one
      difference.subtract(other)
      let union = one.union(other)
      for change in Self.all {
        #expect(one.contains(change) == left.contains(change), "seed \(seed)")
        #expect(union.contains(change) == left.union(right).contains(change), "seed \(seed)")
        #expect(
          difference.contains(change) == left.subtracting(right).contains(change), "seed \(seed)")
      }
      #expect(one.isDisjoint(with: other) == left.isDisjoint(with: right), "seed \(seed)")
      #expect(one == ChangeSet(left) && difference == ChangeSet(left.subtracting(right)))
      #expect(one.isEmpty == left.isEmpty)
    }
  }

  @Test("marks and names name changes that go on under another origin by their new names")
  func renaming() {
    let (old, new) = (testOrigin(1), testOrigin(5))
    // Changes 3 and 4 of the old origin become 1 and 2 of the new one.
    func name(_ change: ChangeID) -> ChangeID {
      change.origin == old && change.sequence >= 3
        ? ChangeID(origin: new, sequence: change.sequence - 2) : change
    }
    func change(_ origin: Origin, _ sequence: UInt64) -> ChangeID {
      ChangeID(origin: origin, sequence: sequence)
    }
    var mark = UndoMark(
      UndoStack.Step(direction: .undo, edit: ChangeSet([change(old, 2), change(old, 3)])))
    mark.note(0, count: 2, for: EventID(change: change(old, 4), index: 7))
    mark.note(2, count: 1, for: EventID(change: change(old, 4), index: 9))
    #expect(mark.standings.count == 1)
    #expect(UndoMark(mark.action) == mark)
    let renamed = UndoMark(UndoMark.renaming(mark.action, name))
    #expect(renamed?.edit == ChangeSet([change(old, 2), change(new, 1)]))
    #expect(renamed?.standings.map(\.root.change) == [change(new, 2)])
    #expect(renamed?.standings.map(\.count) == [3])

    let version = VersionVector([
      .init(origin: testOrigin(0), sequence: 8), .init(origin: old, sequence: 4),
    ])
    let named = VersionName(name: "draft", version: version)
    #expect(VersionName(named.action) == named)
    #expect(
      VersionName(VersionName.renaming(named.action, name))?.version
        == VersionVector([
          .init(origin: testOrigin(0), sequence: 8), .init(origin: old, sequence: 2),
          .init(origin: new, sequence: 2),
        ]))
    #expect(VersionName.renaming(.deleteDocument, name) == .deleteDocument)
  }
}
