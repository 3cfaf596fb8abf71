import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite("Folded histories, at random")
struct FoldingPropertyTests {
  /// A document whose history was folded, beside the replicas that keep everything.
  private struct Folded {
    var state: [UInt8]
    var floor: VersionVector
    var edits: [IncomingEdit] = []

    func history() throws -> DocumentHistory {
      var history = try DocumentHistory(documentID, from: state, at: floor)
      try history.append(contentsOf: edits)
      return history
    }

    /// The document after more edits, merged with no more history than that.
    func document(after new: [IncomingEdit]) throws -> Document {
      let document = try Document(history: try history())
      document.releaseHistory()
      _ = try document.merge(new) { try history() }
      return document
    }
  }

  private func described(_ conflicts: [Conflict]) -> [String] { conflicts.map { "\($0)" } }

  @Test("what is folded makes no difference to anything that comes later", arguments: 0..<6)
  func foldingChangesNothing(part: UInt64) throws {
    var comparisons = 0
    for seed in part * 20..<part * 20 + 20 { try live(seed, &comparisons) }
    #expect(comparisons > 20, "hardly anything was folded")
  }

  private func live(_ seed: UInt64, _ comparisons: inout Int) throws {
    var random = SeededGenerator(seed: 71_000 + seed)
    var replicas = (0..<Int.random(in: 1...3, using: &random)).map { DocumentReplica($0) }
    var folded: Folded?
    for _ in 0..<5 {
      try RandomEditing.work(&replicas, steps: Int.random(in: 5...40, using: &random), &random)
      try meet(&replicas)
      let whole = replicas[0]
      if var before = folded {
        let known = Set(before.edits.map(\.change))
        let isKnown = { (edit: IncomingEdit) in
          before.floor.contains(edit.change) || known.contains(edit.change)
        }
        let new = shuffledCausally(
          whole.log.filter { !isKnown($0) }, seen: Set(whole.log.filter(isKnown).map(\.change)),
          &random)
        let document = try before.document(after: new)
        before.edits += new
        folded = before
        try compare(document, before, whole, seed)
        comparisons += 1
      }
      if Bool.random(using: &random) { try decideAll(&replicas, seed, &random) }
      if folded == nil || Bool.random(using: &random) {
        folded = try fold(folded, replicas[0]) ?? folded
      }
    }
  }

  /// Folds all that everybody has.
  private func fold(_ folded: Folded?, _ replica: DocumentReplica) throws -> Folded? {
    var history = try replica.history()
    if let folded {
      history = try folded.history()
      let missing = replica.log.filter { !history.hasChange($0.change) }
      try history.append(contentsOf: missing)
    }
    switch try replica.document.folding(history, at: replica.vector) {
    case .nothing, .kept: return nil
    case .folded(let state, let rest):
      #expect(rest.isEmpty)
      return Folded(state: state, floor: replica.vector)
    }
  }

  private func compare(
    _ document: Document, _ folded: Folded, _ whole: DocumentReplica, _ seed: UInt64
  ) throws {
    let (history, wholeHistory) = (try folded.history(), try whole.history())
    let state = whole.document.encodeState()
    let hasMerged = document.encodeState() == state
    #expect(hasMerged, "seed \(seed): merged, it is another document")
    let hasOpened = try Document(history: history).encodeState() == state
    #expect(hasOpened, "seed \(seed): opened, it is another document")
    #expect(
      described(try document.conflicts(in: history))
        == described(try whole.document.conflicts(in: wholeHistory)), "seed \(seed)")
    var middle = folded.floor
    for edit in folded.edits.prefix(folded.edits.count / 2) { middle.advance(to: edit.change) }
    for (from, to) in [
      (folded.floor, whole.vector), (middle, whole.vector), (whole.vector, folded.floor),
      (folded.floor, middle),
    ] {
      #expect(history.reaches(from) && history.reaches(to))
      let found = anonymous(
        try document.patches(from: from, to: to, in: history), folded.floor)
      let expected = anonymous(
        try whole.document.patches(from: from, to: to, in: wholeHistory), folded.floor)
      #expect(found == expected, "seed \(seed)")
    }
    try compareUndo(document, history, whole, wholeHistory, seed)
  }

  /// Without the authors of what is folded: where several of them have written one after the other
  /// nothing tells any more where one has begun.
  private func anonymous(_ patches: [DocumentPatch], _ floor: VersionVector) -> [DocumentPatch] {
    patches.reduce(into: []) { joined, patch in
      guard case .text(var text) = patch.action else { return joined.append(patch) }
      if let author = text.author, floor.contains(author) { text.author = nil }
      if let last = joined.last, last.path == patch.path, case .text(var before) = last.action,
        before.author == nil, text.author == nil, text.removed == 0,
        text.position == before.position + before.inserted.unicodeScalars.count
      {
        before.inserted += text.inserted
        joined[joined.count - 1].action = .text(before)
      } else {
        joined.append(DocumentPatch(patch.path, .text(text)))
      }
    }
  }

  /// Whoever takes back what they have done since then gets the same.
  private func compareUndo(
    _ document: Document, _ history: DocumentHistory, _ whole: DocumentReplica,
    _ wholeHistory: DocumentHistory, _ seed: UInt64
  ) throws {
    let origin = whole.origin
    let stack = UndoStack(of: { $0 == origin }, in: history)
    guard let step = stack.undo else { return }
    func undone(_ document: Document, _ history: DocumentHistory) throws -> String {
      let copy = document.copy()
      copy.releaseHistory()
      let change = ChangeID(origin: origin, sequence: whole.vector[origin] + 1)
      let editor = copy.beginEdit(change, lamport: whole.lamport + 1)
      try editor.take(step, in: history)
      let edit = try editor.finish()
      #expect(edit?.operations.allSatisfy { !$0.namesRoot } ?? true, "seed \(seed)")
      return copy.canonicalJSON().text()
    }
    let isSame = try undone(document, history) == undone(whole.document, wholeHistory)
    #expect(isSame, "seed \(seed): what is undone is another document")
  }
}

extension Operation {
  /// Whether it tells others of a change that is none.
  fileprivate var namesRoot: Bool {
    guard let mark = UndoMark(action) else { return false }
    return mark.standings.contains { $0.root.change.sequence == 0 }
  }
}
