import Causality
import DocumentModel
import Documents
import JSONCoding
import Testing

@testable import SimulationKit

/// Documents of which something was done at once, and ledgers that have too little or too much.
@Suite("The checkers of ledgers and drafts")
struct ConflictCheckerTests {
  private static let id = DocumentID(high: 1, low: 1)
  private static let text = ContainerID.child(
    parent: .root, key: "body", kind: .text, generation: nil)
  private static let list = ContainerID.child(
    parent: .root, key: "items", kind: .list, generation: nil)

  private static func change(
    _ origin: UInt64, _ sequence: UInt64 = 1, after parents: [ChangeID], _ operations: [Operation]
  ) -> Change {
    Change(
      id: ChangeID(origin: Origin(high: 0, low: origin), sequence: sequence),
      lamport: parents.isEmpty ? 1 : sequence + 1, time: Timestamp(clampingMilliseconds: 0),
      edits: [DocumentEdit(document: id, parents: parents, operations: operations)])
  }

  private static let first = change(
    1, after: [],
    [
      Operation(.root, .make("body", .text, isAnew: false, replaces: [])),
      Operation(text, .insertText(at: 0, "low tide")),
      Operation(.root, .make("items", .list, isAnew: false, replaces: [])),
      Operation(
        list, .insertElements(at: 0, [.value(.integer(1)), .value(.integer(2)), .value(.null)])),
    ])

  /// The element that holds 1: the tenth event of the first change.
  private static let element = EventID(change: first.id, index: 10)

  private func document(_ changes: [Change]) throws -> (Document, DocumentHistory) {
    let edits = changes.compactMap { IncomingEdit($0, document: Self.id) }
    let document = Document(id: Self.id)
    _ = try document.merge(edits) { DocumentHistory(document: Self.id) }
    var history = DocumentHistory(document: Self.id)
    try history.append(contentsOf: edits)
    return (document, history)
  }

  @Test(
    "P7: a ledger without what two did at once, and one with more than that",
    arguments: [
      (
        "marks", Operation(text, .mark(from: 0, to: 3, "link", .string("a"), .none)),
        Operation(text, .mark(from: 2, to: 5, "link", .string("b"), .none))
      ),
      (
        "passages", Operation(text, .remove(at: 0, count: 4)),
        Operation(text, .insertText(at: 2, "w and slo"))
      ),
      (
        "removals", Operation(list, .remove(at: 0, count: 1)),
        Operation(list, .setElement(element, .value(.integer(7)), replaces: [element]))
      ),
      (
        "positions", Operation(list, .insertElements(at: 2, [.moved(element)])),
        Operation(list, .insertElements(at: 3, [.moved(element)]))
      ),
    ])
  func ledgers(what: String, left: Operation, right: Operation) throws {
    func moving(_ operation: Operation) -> [Operation] {
      guard case .insertElements = operation.action else { return [operation] }
      return [operation, Operation(Self.list, .remove(at: 0, count: 1))]
    }
    let changes = [
      Self.first, Self.change(2, after: [Self.first.id], moving(left)),
      Self.change(3, after: [Self.first.id], moving(right)),
    ]
    let (document, history) = try document(changes)
    let listed = try document.conflicts(in: history)
    #expect(listed.count == 1)
    let expectation = ConflictChecker.Expectation(Model(changes), of: Self.id)
    let nothing = ConflictChecker.Expectation(Model(changes.dropLast()), of: Self.id)
    func verdict(_ expectation: ConflictChecker.Expectation, _ listed: [Conflict]) -> String? {
      let found = ConflictChecker.check(
        node: 0, expectation: expectation, document: document, listed: listed, at: 1)
      #expect(found.map(\.promise) ?? "P7" == "P7")
      return found?.what
    }
    #expect(verdict(expectation, listed) == nil)
    #expect(verdict(expectation, [])?.contains(what) == true)
    #expect(verdict(nothing, listed)?.contains(what) == true)
    #expect(verdict(expectation, listed + listed)?.contains(what) == true)
  }

  @Test("P7: a draft that was merged into something else, or in silence")
  func drafts() throws {
    func setting(_ origin: UInt64, _ title: String) -> Change {
      Self.change(
        origin, after: [Self.first.id],
        [Operation(.root, .set("title", .string(title), replaces: []))])
    }
    let changes = [Self.first, setting(2, "Flow")]
    let (main, history) = try document(changes)
    let edits = [setting(9, "Ebb")].compactMap { IncomingEdit($0, document: Self.id) }
    let merging = try Document.merging(edits, lamport: 9, in: history)
    let editor = main.beginEdit(
      ChangeID(origin: Origin(high: 0, low: 3), sequence: 1), lamport: 9)
    try editor.merge(merging, in: history)
    let edit = try #require(try editor.finish())
    let (merged, whole) = try document(
      changes + [
        Self.change(3, after: edit.parents, edit.operations)
      ])
    let draft = Workload.Draft(id: Self.id, document: Self.id, edits: edits)
    func verdict(
      told: [Conflict], shown: Document?, listed: [Conflict]
    ) -> Violation? {
      DraftChecker.check(
        node: 0, Workload.Merge(draft: draft, conflicts: told), into: changes.reversed(),
        shown: shown, listed: listed, at: 1)
    }
    let listed = try merged.conflicts(in: whole)
    #expect(verdict(told: merging.conflicts, shown: merged, listed: listed) == nil)
    #expect(verdict(told: [], shown: merged, listed: listed)?.promise == "P7")
    #expect(verdict(told: merging.conflicts, shown: merged, listed: [])?.promise == "P7")
    let (old, _) = try document(changes)
    #expect(verdict(told: merging.conflicts, shown: old, listed: listed)?.promise == "P7")
    #expect(verdict(told: merging.conflicts, shown: nil, listed: listed)?.promise == "P7")
  }
}
