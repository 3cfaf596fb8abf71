import ByteCoding
import Causality
import ChangeCoding
package import Documents
import JSONCoding
import Merging
import SQLiteBridge
package import Sealing
import SegmentStore
import Segments

/// What only a store knows that takes a snapshot over.
struct OwnWork {
  /// Own changes that the snapshot does not have, in the order in which they were made.
  var changes: [Change] = []
  /// The first of them that is in a segment, by origin, sorted.
  var sealed: [ChangeID] = []
  /// Documents that were edited as they were before history that is folded in the snapshot. What
  /// their edits say cannot be told from it any more.
  var strayed: [DocumentID] = []
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
    work.changes += try privateTail().filter { !version.contains($0.id) }
    work.changes.sort { $0.lamport < $1.lamport }
    work.strayed = try strayed(in: work.changes)
    return work
  }

  private func openedChanges(with id: ChangeID) throws(StoreError) -> [Change] {
    let segment = try storedSegment(with: id)
    do {
      return try open(segment)
    } catch {
      throw .damaged("change \(id) cannot be read (\(error))")
    }
  }

  private func strayed(in changes: [Change]) throws(StoreError) -> [DocumentID] {
    var bases: [DocumentID: HistoryBase?] = [:]
    var strayed: Set<DocumentID> = []
    for change in changes {
      for edit in change.edits where !strayed.contains(edit.document) {
        let base: HistoryBase?
        if let known = bases[edit.document] {
          base = known
        } else {
          base = try stagedBase(of: edit.document)
          bases[edit.document] = base
        }
        guard let base, edit.parents.isEmpty || edit.parents.contains(where: base.floor.contains),
          !base.isKnown(toAuthorWith: edit.parents)
        else { continue }
        strayed.insert(edit.document)
      }
    }
    return strayed.sorted()
  }

  /// Notes what strayed documents were without own changes and with them.
  func keepStrayed(_ work: OwnWork) throws(StoreError) {
    let own = Set(work.changes.map(\.id))
    for id in work.strayed {
      guard let entry = try entry(id) else { continue }
      let (base, ours): (JSONValue, JSONValue?)
      do {
        let history = try knownHistory(entry)
        let before = try Document.replaying(history) { !own.contains($0.change) }
        base = try before.json(at: DocumentPath([]))
        let shown = try entry.document.json(at: DocumentPath([]))
        ours = entry.document.isDeleted ? JSONValue?.none : shown
      } catch let error as StoreError {
        throw error
      } catch {
        throw .damaged("document \(id) cannot be read as it was (\(error))")
      }
      try sql { () throws(SQLiteError) in
        // What waits already began with less.
        try connection.execute(
          """
          INSERT INTO returned_work VALUES (?, ?, ?)
          ON CONFLICT DO UPDATE SET ours = excluded.ours
          """, .blob(id.bytes), .text(base.text()), SQLiteValue(ours?.text()))
      }
    }
  }

  // MARK: Afterwards

  /// Goes on under a new origin with what own changes did to other documents than those that
  /// strayed.
  func returnWith(
    _ work: OwnWork, to version: VersionVector, entropy: Entropy
  ) throws(StoreError) -> [Change] {
    for first in work.sealed {
      let last = ChangeID(origin: first.origin, sequence: first.sequence - 1)
      _ = try stored { () throws(SegmentStoreError) in try segments.dropSegments(behind: last) }
    }
    chains = [:]
    try begin(because: Self.returnedReason, entropy: entropy)
    let strayed = Set(work.strayed)
    let kept = work.changes.compactMap { change -> Change? in
      var change = change
      change.edits.removeAll { strayed.contains($0.document) }
      return change.edits.isEmpty ? nil : change
    }
    let renaming = Renaming(kept, to: identity.origin)
    var lamport: UInt64 = 0
    var renamed: [Change] = []
    for change in kept {
      var next = renaming.reauthored(change)
      next.dependencies.removeAll { !version.contains($0) }
      for dependency in next.dependencies {
        lamport = max(lamport, try self.lamport(of: dependency) ?? 0)
      }
      lamport += 1
      next.lamport = lamport
      renamed.append(next)
      try noteRenaming([change], renaming)
    }
    return renamed
  }

  /// Merges what waits of own work into the documents as they are now, in one transaction. O(1)
  /// when nothing waits.
  ///
  /// - Returns: the documents that were edited, sorted.
  package func mergeReturnedWork(
    now: Timestamp, entropy: Entropy
  ) throws(StoreError) -> [DocumentID] {
    let waiting = try reading { () throws(StoreError) in try returnedWork() }
    guard !waiting.isEmpty else { return [] }
    return try write { () throws(StoreError) in
      let group = StoreGroup(self, now: now, entropy: entropy, isSealing: false)
      let result = group.transaction { transaction in
        var notes: [String] = []
        for work in waiting { notes += try Self.merge(work, into: transaction) }
        return notes
      }
      try group.finish()
      let commit: StoreCommit<[String]>
      do {
        commit = try result.get()
      } catch {
        throw .refused("What was done here while this store was away cannot be merged: \(error).")
      }
      try sql { () throws(SQLiteError) in
        for note in commit.value {
          try connection.execute("INSERT INTO return_note (sentence) VALUES (?)", .text(note))
        }
        try connection.execute("DELETE FROM returned_work")
      }
      return commit.documents
    }
  }

  private struct ReturnedWork {
    let document: DocumentID
    let base: JSONValue
    /// Nil where the document was deleted.
    let ours: JSONValue?
  }

  private func returnedWork() throws(StoreError) -> [ReturnedWork] {
    let rows = try sql { () throws(SQLiteError) in
      var found: [(DocumentID, String, String?)] = []
      var rows = try connection.query("SELECT document, base, ours FROM returned_work")
      while try rows.next() {
        found.append(
          (try Self.documentID(0, of: rows), try rows.text(1), try rows.optionalText(2)))
      }
      return found
    }
    do {
      return try rows.map { row in
        ReturnedWork(
          document: row.0, base: try JSONValue(parsing: row.1),
          ours: try row.2.map { try JSONValue(parsing: $0) })
      }
    } catch {
      throw .damaged("work that waits to be merged is unreadable (\(error))")
    }
  }

  /// - Returns: what both sides have changed, in sentences.
  private static func merge(
    _ work: ReturnedWork, into transaction: StoreTransaction
  ) throws -> [String] {
    let editor = try transaction.edit(work.document)
    guard let ours = work.ours else {
      if try editor.document.json(at: DocumentPath([])) == work.base {
        try editor.deleteDocument()
        return []
      }
      return [
        "Document \(work.document) was deleted here while this store was away, and others have "
          + "edited it meanwhile: it stays."
      ]
    }
    let merged = try editor.mergeValue(ours, base: work.base, options: ValueMergeOptions())
    return try merged.conflicts.filter { try !mergeText($0, into: editor) }.map { conflict in
      let path = conflict.path.map { step in
        switch step {
        case .key(let key): key
        case .index(let index): "\(index)"
        }
      }.joined(separator: "/")
      return
        "Document \(work.document) was changed at \(path) both here, while this store was away, and "
        + "by others: theirs stays, ours was \(conflict.theirs?.text() ?? "to delete it")."
    }
  }

  /// Merges a place that both sides have changed where it is a text: what both wrote at one spot
  /// stands there one after the other.
  ///
  /// - Returns: false where it is none.
  private static func mergeText(_ conflict: ValueConflict, into editor: Editor) throws -> Bool {
    guard case .string(let base)? = conflict.base, case .string(let ours)? = conflict.ours,
      case .string(let theirs)? = conflict.theirs
    else { return false }
    let path = DocumentPath(
      conflict.path.map { step in
        switch step {
        case .key(let key): .key(key)
        case .index(let index): .index(index)
        }
      })
    guard try editor.document.kind(at: path) == .text else { return false }
    let merged = ThreeWayMerge.texts(base: base, ours: ours, theirs: theirs).text(.both)
    try editor.replaceText(ours, with: merged, at: path)
    return true
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
