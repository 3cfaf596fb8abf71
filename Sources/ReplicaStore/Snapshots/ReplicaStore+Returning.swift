import ByteCoding
import Causality
import ChangeCoding
import Documents
import JSONCoding
import Merging
import SQLiteBridge
import Sealing
import SegmentStore
import Segments

/// What only a store knows that takes a snapshot over.
struct OwnWork {
  /// Own changes that the snapshot does not have, in the order in which they were made; also those
  /// of whose names others have changes, which may be other ones.
  var changes: [Change] = []
  /// The first of them that is in a segment, by origin, sorted.
  var sealed: [ChangeID] = []
  /// Documents that were edited as they were before history that is folded in the snapshot, or by
  /// changes that may be in it already, or without knowing what this device has once told that it
  /// has. What their edits say cannot be told from it.
  var strayed: [DocumentID] = []
  /// Whether there are changes that cannot keep their names.
  var needsNewNames = false
}

// A store that comes back from before history which others have folded takes their snapshot. What
// it had done to documents meanwhile, which were edited as they were before that, is merged
// three-way: what it began with it still holds. All that is done under a new origin.
extension ReplicaStore {
  static let returnedReason =
    "it had been away while the others folded the history that it had written on"

  // MARK: Before the snapshot is entered

  func ownWork(beyond version: VersionVector) throws(StoreError) -> OwnWork {
    var work = OwnWork()
    for tip in try storedTips() where isOwn(tip.origin) {
      let first = version[tip.origin] + 1
      guard first <= tip.position.sequence, first <= state.applied[tip.origin] else { continue }
      work.sealed.append(ChangeID(origin: tip.origin, sequence: first))
      var next = first
      while next <= tip.position.sequence {
        let changes = try openedChanges(with: ChangeID(origin: tip.origin, sequence: next))
        for change in changes where change.id.sequence >= next {
          work.changes.append(change)
          next = change.id.sequence + 1
        }
      }
    }
    work.changes += try privateTail()
    work.changes.sort { ($0.lamport, $0.id) < ($1.lamport, $1.id) }
    var histories: [DocumentID: DocumentHistory?] = [:]
    for id in Set(work.changes.flatMap { $0.edits.map(\.document) }).sorted() {
      histories[id] = .some(try stagedHistory(of: id))
    }
    // What an earlier life of this store has sent. Of a backup that was restored as one every
    // change of that name is the same: only that life has gone on under its origin.
    let linear = Set(
      try incarnations().filter { $0.reason == Self.restoredReason }.map(\.previous))
    work.changes.removeAll { change in
      guard version.contains(change.id) else { return false }
      return linear.contains(change.id.origin)
        || change.edits.contains { edit in
          (histories[edit.document] ?? nil)?.edits().contains {
            $0.change == change.id && $0.lamport == change.lamport && $0.time == change.time
          } ?? false
        }
    }
    work.strayed = try strayed(in: work.changes, version, histories.compactMapValues { $0 })
    work.needsNewNames =
      !work.strayed.isEmpty || work.changes.contains { version.contains($0.id) }
    return work
  }

  /// Whether an edit was made to the document as it was before what is folded in a history.
  private func isLost(_ edit: DocumentEdit, in history: DocumentHistory) -> Bool {
    guard let base = history.base else { return false }
    return (edit.parents.isEmpty || edit.parents.contains(where: base.floor.contains))
      && !base.isKnown(toAuthorWith: edit.parents)
  }

  private func openedChanges(with id: ChangeID) throws(StoreError) -> [Change] {
    let segment = try storedSegment(with: id)
    do {
      return try open(segment)
    } catch {
      throw .damaged("change \(id) cannot be read (\(error))")
    }
  }

  private func strayed(
    in changes: [Change], _ version: VersionVector, _ theirs: [DocumentID: DocumentHistory]
  ) throws(StoreError) -> [DocumentID] {
    let isReturning = try isReturning()
    var strayed: Set<DocumentID> = []
    for change in changes {
      let mayBeThere = isReturning || version.contains(change.id)
      for edit in change.edits {
        guard let history = theirs[edit.document] else { continue }
        if mayBeThere || isLost(edit, in: history) { strayed.insert(edit.document) }
      }
    }
    // What was done in one transaction is merged in one. (Documents that only this store has are
    // made before.)
    var isComplete = strayed.isEmpty
    while !isComplete {
      isComplete = true
      for change in changes where change.edits.contains(where: { strayed.contains($0.document) }) {
        for edit in change.edits where !strayed.contains(edit.document) {
          guard theirs[edit.document] != nil else { continue }
          strayed.insert(edit.document)
          isComplete = false
        }
      }
    }
    return strayed.sorted()
  }

  /// A document as it was without own changes and with them.
  struct StrayedDocument {
    let id: DocumentID
    let base: JSONValue
    /// What it holds, or held when it was deleted.
    let ours: JSONValue
    /// As it was without own changes.
    let before: Document
    /// As it was here.
    let document: Document

    var isDeleted: Bool { document.isDeleted }

    func kind(at path: DocumentPath) -> ContainerKind? {
      do throws(EditError) { return try document.kind(at: path) } catch { return nil }
    }
  }

  func strayedDocuments(of work: OwnWork) throws(StoreError) -> [StrayedDocument] {
    let own = Set(work.changes.map(\.id))
    var found: [StrayedDocument] = []
    for id in work.strayed {
      guard let entry = try entry(id) else { continue }
      do {
        let history = try knownHistory(entry)
        let before = try Document.replaying(history) { !own.contains($0.change) }
        let shown = try entry.document.json(at: DocumentPath([]))
        found.append(
          StrayedDocument(
            id: id, base: try before.json(at: DocumentPath([])), ours: shown, before: before,
            document: entry.document))
      } catch let error as StoreError {
        throw error
      } catch {
        throw .damaged("document \(id) cannot be read as it was (\(error))")
      }
    }
    return found
  }

  // MARK: Afterwards

  /// Goes on under a new origin: with what own changes did to other documents than those that
  /// strayed, as it was, and with these merged into what they are now.
  func goOn(
    with work: OwnWork, _ strayed: [StrayedDocument], beyond header: SnapshotHeader,
    now: Timestamp, entropy: Entropy
  ) throws(StoreError) {
    for first in work.sealed {
      let last = ChangeID(origin: first.origin, sequence: first.sequence - 1)
      let chain = header.entries.first { $0.origin == first.origin }?.chain
      try stored { () throws(SegmentStoreError) in
        _ = try segments.dropSegments(behind: last)
        // What was dropped may have begun before.
        if let chain, chain.sequence > 0 { _ = try segments.begin(first.origin, after: chain) }
      }
    }
    chains = [:]
    try begin(because: Self.returnedReason, entropy: entropy)
    let kept = work.changes.compactMap { change -> Change? in
      var change = change
      change.edits.removeAll { work.strayed.contains($0.document) }
      return change.edits.isEmpty ? nil : change
    }
    let renaming = Renaming(kept, to: identity.origin)
    try applyStored()
    try applyAgain(try reauthored(kept, renaming))
    let merged = try mergeAll(strayed, now: now, entropy: entropy)
    // The last ones first: what is before them has its old name until its turn comes.
    for change in work.changes.reversed() {
      let kept = renaming[change.id]
      guard let target = kept != change.id ? kept : merged ?? heads.first else { continue }
      try noteRenaming(of: change.id, to: target)
    }
    renamingCount += 1
  }

  /// Under their new names, with the Lamport times and dependencies that follow from what is left.
  private func reauthored(
    _ kept: [Change], _ renaming: Renaming
  ) throws(StoreError) -> [Change] {
    var lamport: UInt64 = 0
    var renamed: [Change] = []
    for change in kept {
      var next = renaming.reauthored(change)
      next.dependencies.removeAll { !state.applied.contains($0) }
      for dependency in next.dependencies {
        lamport = max(lamport, try self.lamport(of: dependency) ?? 0)
      }
      lamport += 1
      next.lamport = lamport
      renamed.append(next)
    }
    return renamed
  }

  /// Merges documents, all in one change unless one of them cannot be, and notes what both sides
  /// had changed.
  ///
  /// - Returns: nil when there was nothing to do.
  private func mergeAll(
    _ strayed: [StrayedDocument], now: Timestamp, entropy: Entropy
  ) throws(StoreError) -> ChangeID? {
    let group = StoreGroup(self, now: now, entropy: entropy, isSealing: false)
    let result = group.transaction { transaction in
      try strayed.flatMap { try Self.merge($0, into: transaction) }
    }
    try group.finish()
    do {
      let commit = try result.get()
      try note(commit.value)
      return commit.change
    } catch let error as StoreError {
      throw error
    } catch {
      guard strayed.count == 1, let document = strayed.first else {
        var last: ChangeID?
        for document in strayed {
          last = try mergeAll([document], now: now, entropy: entropy) ?? last
        }
        return last
      }
      // Whatever it is, it is told.
      try note([
        "What was done to document \(document.id) while this store was away cannot be merged "
          + "(\(error)): it was \(document.ours.text())."
      ])
      return nil
    }
  }

  private func note(_ sentences: [String]) throws(StoreError) {
    try sql { () throws(SQLiteError) in
      for sentence in sentences {
        try connection.execute("INSERT INTO return_note (sentence) VALUES (?)", .text(sentence))
      }
    }
  }

  /// - Returns: what both sides have changed, in sentences.
  private static func merge(
    _ strayed: StrayedDocument, into transaction: StoreTransaction
  ) throws -> [String] {
    let editor = try transaction.edit(strayed.id)
    let isLeftAlone = try editor.document.json(at: DocumentPath([])) == strayed.base
    // Also of one that was deleted: others may have edited it, and then it stays.
    let merged = try editor.mergeValue(
      strayed.ours, base: strayed.base, options: ValueMergeOptions(), kinds: strayed.kind)
    if strayed.isDeleted {
      if isLeftAlone {
        try editor.deleteDocument()
        return []
      }
      return [
        "Document \(strayed.id) was deleted here while this store was away, and others have "
          + "edited it meanwhile: it stays."
      ]
    }
    let refused = try merged.conflicts.filter { try !merge($0, into: editor) }.map { conflict in
      let path = conflict.path.map { step in
        switch step {
        case .key(let key): key
        case .index(let index): "\(index)"
        }
      }.joined(separator: "/")
      return
        "Document \(strayed.id) was changed at \(path) both here, while this store was away, and "
        + "by others: theirs stays, ours was \(conflict.theirs?.text() ?? "to delete it")."
    }
    return try refused
      + sentences(for: editor.mergeMarks(of: strayed.document, since: strayed.before), strayed.id)
  }

  private static func sentences(for marks: MarkLeftovers, _ id: DocumentID) -> [String] {
    func told(_ value: Value?) -> String { value.map { $0.json.text() } ?? "to take it away" }
    let collisions = marks.collisions.map { mark in
      "Document \(id) was marked at \(mark.path) both here, while this store was away, and by "
        + "others: their mark '\(mark.name)' stays on characters \(mark.range.lowerBound) to "
        + "\(mark.range.upperBound), ours was \(told(mark.refused))."
    }
    let homeless = marks.homeless.map { mark in
      "Document \(id) was marked at \(mark.path) here, while this store was away, and where that "
        + "text is since cannot be told: the mark '\(mark.name)' on "
        + "\(JSONValue.string(mark.characters).text()) was \(told(mark.value))."
    }
    return collisions + homeless
  }

  /// Merges a place that both sides have changed where it is a text, or a counter: what both wrote
  /// at one spot stands there one after the other, and what both counted adds up.
  ///
  /// - Returns: false where it is something else.
  private static func merge(_ conflict: ValueConflict, into editor: Editor) throws -> Bool {
    let path = DocumentPath(
      conflict.path.map { step in
        switch step {
        case .key(let key): .key(key)
        case .index(let index): .index(index)
        }
      })
    switch (conflict.base, conflict.ours, conflict.theirs) {
    case (.string(let base)?, .string(let ours)?, .string(let theirs)?):
      guard try editor.document.kind(at: path) == .text else { return false }
      let merged = ThreeWayMerge.texts(base: base, ours: ours, theirs: theirs).text(.both)
      try editor.replaceText(ours, with: merged, at: path)
      return true
    case (let base, .integer?, .integer(let theirs)?):
      // Both may have made it.
      guard let before = base.map({ $0.integerValue }) ?? 0 else { return false }
      let (step, overflows) = theirs.subtractingReportingOverflow(before)
      guard !overflows, try editor.document.kind(at: path) == .counter else { return false }
      try editor.increment(path, by: step)
      return true
    default: return false
    }
  }

  /// What was changed on both sides when own work was merged.
  func returnNotes() throws(StoreError) -> [String] {
    try sql { () throws(SQLiteError) in
      var notes: [String] = []
      var rows = try connection.query("SELECT sentence FROM return_note ORDER BY id")
      while try rows.next() { notes.append(try rows.text(0)) }
      return notes
    }
  }
}
