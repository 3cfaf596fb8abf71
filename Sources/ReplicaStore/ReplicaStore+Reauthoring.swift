import Causality
import ChangeCoding
import Documents
import SQLiteBridge
import Sealing
import SegmentStore
import Segments

// Private changes meet segments that another incarnation of the store has written.
extension ReplicaStore {
  /// All private changes, in the order in which they were committed.
  func privateTail() throws(StoreError) -> [Change] {
    var changes: [Change] = []
    do {
      for query in [
        "SELECT block FROM inherited ORDER BY id",
        "SELECT block FROM unsealed ORDER BY first_sequence",
      ] {
        var rows = try connection.query(query)
        while try rows.next() {
          changes += try KeptBlock.open(try rows.blob(0), in: language).changes
        }
      }
    } catch let error as SQLiteError {
      throw StoreError(error)
    } catch {
      throw .damaged("a block of own changes is unreadable (\(error))")
    }
    return changes
  }

  /// Takes the next segment of an origin under which there are private changes, or under which this
  /// store writes: proof that another incarnation has gone on.
  ///
  /// Private changes that the segment holds as well were the same before the two parted, and are
  /// private no more. From the first one that differs they all get new names. As long as none
  /// differs, the rest is kept back: the other's next segment may hold it too.
  ///
  /// - Returns: the documents that were written anew.
  func meetTwin(
    _ segment: Segment, after own: ChainPosition, entropy: Entropy
  ) throws(StoreError) -> [DocumentID] {
    let origin = segment.origin
    let tail = try privateTail()
    let ours = tail.filter { $0.id.origin == origin }
    let theirs = (try? open(segment)) ?? []
    var common = 0
    while common < min(ours.count, theirs.count), ours[common] == theirs[common] { common += 1 }
    let shared = own.sequence + UInt64(common)
    let rest = tail.filter { $0.id.origin != origin || $0.id.sequence > shared }
    if common > 0 { lanes.wake(by: origin, applied: shared) }
    if common < ours.count, common < theirs.count || theirs.isEmpty {
      return try reauthor(rest, because: Self.twinReason, entropy: entropy)
    }
    if origin == identity.origin { try begin(because: Self.twinReason, entropy: entropy) }
    let left = rest.filter { $0.id.origin != identity.origin }
    try sql { () throws(SQLiteError) in
      try connection.execute("DELETE FROM inherited")
      for change in left {
        try connection.execute(
          """
          INSERT INTO inherited (origin, first_sequence, last_sequence, block) VALUES (?, ?, ?, ?)
          """, .blob(change.id.origin.bytes), try SQLiteValue(counter: change.id.sequence),
          try SQLiteValue(counter: change.id.sequence), .blob(ChangeBlock.encode([change])))
      }
    }
    forgetPrivateChanges()
    return []
  }

  /// Writes the private changes again under an origin that nobody has used: the same edits on the
  /// same parents, at the same Lamport times. Their old names are free for whoever else had them.
  ///
  /// Complexity: O(history of the documents that they edit).
  ///
  /// - Parameter changes: all that are private still, in order.
  /// - Returns: the documents that were written anew, sorted.
  func reauthor(
    _ changes: [Change], because reason: String, entropy: Entropy
  ) throws(StoreError) -> [DocumentID] {
    let position = try stored { () throws(SegmentStoreError) in
      try segments.position(of: identity.origin)
    }
    if position != .start || state.applied[identity.origin] > 0 {
      try begin(because: reason, entropy: entropy)
    }
    let renaming = Renaming(changes, to: identity.origin)
    let renamed = changes.map { renaming.reauthored($0) }
    try withdraw(
      from: Dictionary(changes.map { ($0.id.origin, $0.id.sequence) }, uniquingKeysWith: min))
    try enter(renamed)
    state.renameHeads { renaming[$0] }
    try writeOrigins()
    let documents = Set(changes.flatMap { $0.edits.map(\.document) }).sorted()
    for id in documents { try rewrite(id) { renaming.renamed($0) } }
    try markUnprojected(documents)
    try renameRuns(of: changes, renaming)
    try sql { () throws(SQLiteError) in
      try connection.execute("DELETE FROM inherited")
      try connection.execute("DELETE FROM unsealed")
      for change in renamed {
        try insertUnsealed(
          change.id.sequence, change.id.sequence, ChangeBlock.encode([change]))
      }
    }
    forgetPrivateChanges()
    try noteRenaming(changes, renaming)
    try renameDrafts(changes.map(\.id), renaming)
    renamingCount += 1
    return documents
  }

  /// Takes the changes of some origins, from these on, back from the rows that say what is applied.
  func withdraw(from firsts: [Origin: UInt64]) throws(StoreError) {
    for (origin, first) in firsts.sorted(by: { $0.key < $1.key }) {
      let before = ChangeID(origin: origin, sequence: first - 1)
      guard var row = state.row(of: origin) else { continue }
      row.lamport = try lamport(of: before) ?? 0
      row.stalled = nil
      try sql { () throws(SQLiteError) in
        try connection.execute(
          "DELETE FROM lamport_step WHERE origin = ? AND sequence >= ?", .integer(row.id),
          try SQLiteValue(counter: first))
      }
      state.setRow(row, of: origin)
      state.applied.set(origin, to: before.sequence)
      try writeOrigin(origin)
    }
  }

  private func enter(_ changes: [Change]) throws(StoreError) {
    guard let last = changes.last else { return }
    var row = try originRow(last.id.origin)
    for change in changes {
      if change.lamport != row.lamport &+ 1 {
        try sql { () throws(SQLiteError) in
          try insertLamportStep(of: row.id, change.id.sequence, change.lamport)
        }
      }
      row.lamport = change.lamport
    }
    row.position = state.position
    state.setRow(row, of: last.id.origin)
    state.applied.advance(to: last.id)
    try writeOrigin(last.id.origin)
  }

  /// Writes a document anew from its history, with what becomes of each edit.
  func rewrite(
    _ id: DocumentID, _ becomes: (IncomingEdit) -> IncomingEdit?
  ) throws(StoreError) {
    cache.remove(id)
    guard var row = try row(of: id) else { throw .damaged("document \(id) is missing") }
    let entry = DocumentCache.Entry(Document(id: id), row)
    let edits = try history(entry).edits().compactMap(becomes)
    // What is folded is known to others and keeps its names.
    var history = try emptyHistory(of: entry)
    let document: Document
    do {
      try history.append(contentsOf: edits)
      document = try Document(history: history)
      document.releaseHistory()
    } catch {
      throw .damaged("the history of document \(id) cannot be replayed (\(error))")
    }
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "DELETE FROM document_history WHERE document = ?", .integer(entry.row))
    }
    if let last = try tail(of: entry).position { row.position = max(row.position, last) }
    try fold(DocumentCache.Entry(document, row), history: edits)
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "UPDATE document SET is_deleted = ? WHERE id = ?", document.isDeleted ? 1 : 0,
        .integer(entry.row))
    }
  }

  private func noteRenaming(
    _ changes: [Change], _ renaming: Renaming
  ) throws(StoreError) {
    var start = changes.startIndex
    while start < changes.endIndex {
      var end = start
      while end + 1 < changes.endIndex, changes[end + 1].id.origin == changes[start].id.origin {
        end += 1
      }
      let (first, last) = (changes[start].id, changes[end].id)
      try noteRenaming(of: first, through: last.sequence, to: renaming[first])
      start = end + 1
    }
  }

  /// Notes that a change, and those that follow it up to a sequence, have other names now.
  func noteRenaming(
    of first: ChangeID, through last: UInt64? = nil, to target: ChangeID
  ) throws(StoreError) {
    try sql { () throws(SQLiteError) in
      try connection.execute(
        """
        INSERT INTO renaming (origin, first, last, target, target_first) VALUES (?, ?, ?, ?, ?)
        """, .blob(first.origin.bytes), try SQLiteValue(counter: first.sequence),
        try SQLiteValue(counter: last ?? first.sequence), .blob(target.origin.bytes),
        try SQLiteValue(counter: target.sequence))
    }
  }
}
