import ByteCoding
package import Causality
import ChangeCoding
package import Documents
import SQLiteBridge
import Sabotages
package import Sealing
import SegmentStore
import Segments

/// What became of a snapshot that was taken over.
package struct SnapshotOutcome: Sendable {
  /// What it shows.
  package var version: VersionVector
  package var documents = 0
  /// The store goes on under a new origin.
  package var hasNewOrigin = false
}

extension ReplicaStore {
  /// Replaces what the store shows by a snapshot that has come whole, see ``stage(_:)``, in one
  /// transaction. What only this store knows is applied to it again: own changes that nobody has
  /// had yet, and segments that lie behind it. What was done to documents as they were before
  /// history that is folded in the snapshot is merged into what they are now, three-way, under a
  /// new origin.
  ///
  /// Complexity: O(bytes of the snapshot).
  ///
  /// - Returns: nil when the store shows all of it already.
  /// - Throws: `.refused` when the snapshot is none of this workspace or cannot be read; the store
  ///   is as it was.
  package func installSnapshot(
    now: Timestamp, entropy: Entropy
  ) throws(StoreError) -> SnapshotOutcome? {
    let outcome = try write { () throws(StoreError) -> SnapshotOutcome? in
      let header = try stagedHeader()
      guard header.workspace == identity.workspace else {
        throw .refused("The snapshot is of another workspace.")
      }
      let version = header.version
      let isReturning = try isReturning()
      guard isReturning || !state.applied.covers(version) else {
        try forgetSnapshot()
        return nil
      }
      // What is dropped here cannot be applied again.
      guard try version.covers(segmentFloor()) else {
        throw .refused("The snapshot lacks changes that this store has and does not hold any more.")
      }
      try spareDrafts()
      try keepStagedBranches()
      var outcome = SnapshotOutcome(version: version)
      let known = state.applied[identity.origin]
      let own = Sabotage.forgetOwnWork.isPlanted ? OwnWork() : try ownWork(beyond: version)
      let strayed = try strayedDocuments(of: own)
      try forgetWhatIsShown()
      outcome.documents = try enter(header)
      guard UInt64(outcome.documents) == header.documents else {
        throw .refused(
          "The snapshot has \(outcome.documents) documents instead of \(header.documents).")
      }
      try forgetSnapshot()
      try forgetReturning()
      try loadWhatIsShown()
      if own.needsNewNames {
        try goOn(with: own, strayed, beyond: header, now: now, entropy: entropy)
        outcome.hasNewOrigin = true
        return outcome
      }
      if version[identity.origin] > known {
        // Another incarnation of this store has written what this one never knew of.
        try begin(because: Self.twinReason, entropy: entropy)
        outcome.hasNewOrigin = true
      }
      try applyStored()
      // Those in segments are applied as all others that are stored.
      let sealed = Dictionary(uniqueKeysWithValues: own.sealed.map { ($0.origin, $0.sequence) })
      let tips = VersionVector(
        try storedTips().map { .init(origin: $0.origin, sequence: $0.position.sequence) })
      try applyAgain(
        own.changes.filter { sealed[$0.id.origin] == nil || $0.id.sequence > tips[$0.id.origin] })
      return outcome
    }
    try applyWaiting()
    return outcome
  }

  // MARK: What was there

  private func forgetWhatIsShown() throws(StoreError) {
    if try hasProjectionTables() { try forgetProjection() }
    try sql { () throws(SQLiteError) in
      for table in [
        "document_base", "document_history", "document_tail", "document_state", "document", "floor",
        "feed_run", "lamport_step", "applied_origin", "inherited", "unsealed",
      ] {
        try connection.execute("DELETE FROM \(table)")
      }
    }
  }

  private func loadWhatIsShown() throws(StoreError) {
    forgetWhatIsKnown()
    state = try StoreState.load(from: connection)
    try noteFeedFloor()
    let floor = try feedFloor()
    try sql { () throws(SQLiteError) in
      // The positions of before stand for other changes now: whoever goes on from one is told.
      try connection.execute(
        "UPDATE feed_consumer SET position = ?1 WHERE position > ?1", .integer(max(0, floor - 1)))
    }
    try noteInstallation()
  }

  // MARK: What has come

  /// - Returns: how many documents there are.
  private func enter(_ header: SnapshotHeader) throws(StoreError) -> Int {
    try enterOrigins(of: header)
    var floors: [[UInt8]: Int64] = [:]
    for (key, vector) in try stagedFloors() {
      guard header.version.covers(vector) else {
        throw .refused("The snapshot names a version that it does not cover.")
      }
      var writer = ByteWriter()
      vector.write(to: &writer)
      floors[key] = try sql { () throws(SQLiteError) in try insertFloor(writer.bytes) }
    }
    if !floors.isEmpty { try keepFolding() }
    return try enterDocuments(floors, upTo: header.entries.map(\.position).max() ?? 0)
  }

  private func enterOrigins(of header: SnapshotHeader) throws(StoreError) {
    var rows: [Int64] = []
    for entry in header.entries {
      let row = Int64(rows.count) + 1
      rows.append(row)
      let origin = AppliedOrigin(
        StoreState.Row(id: row, lamport: entry.lamport, position: entry.position), entry.origin,
        applied: entry.applied, isHead: entry.isHead)
      try sql { () throws(SQLiteError) in
        try origin.insert(into: connection)
        for step in entry.steps { try insertLamportStep(of: row, step.sequence, step.lamport) }
      }
      guard entry.chain.sequence > 0 else { continue }
      _ = try stored { () throws(SegmentStoreError) in
        try segments.begin(entry.origin, after: entry.chain)
      }
    }
    try sql { () throws(SQLiteError) in
      for run in header.runs {
        try insertRun(at: run.position, rows[run.entry], run.first)
      }
    }
  }

  private func enterDocuments(
    _ floors: [[UInt8]: Int64], upTo end: Int64
  ) throws(StoreError) -> Int {
    var count = 0
    var page = try stagedDocuments(after: [])
    while let last = page.last {
      for (key, bytes) in page {
        guard let id = DocumentID(bytes: key) else {
          throw .refused("The snapshot names no document.")
        }
        let document: SnapshotDocument
        do throws(ByteDecodingError) {
          document = try SnapshotDocument(decoding: bytes)
        } catch {
          throw .refused("Document \(id) of the snapshot cannot be read (\(error)).")
        }
        guard document.lastPosition <= end else {
          throw .refused("Document \(id) of the snapshot is newer than the snapshot.")
        }
        try enter(document, id, floors)
      }
      count += page.count
      page = try stagedDocuments(after: last.key)
    }
    return count
  }

  private func enter(
    _ document: SnapshotDocument, _ id: DocumentID, _ floors: [[UInt8]: Int64]
  ) throws(StoreError) {
    var floor: Int64?
    if let base = document.base {
      guard let number = floors[base.floor] else {
        throw .refused("Document \(id) of the snapshot is folded at a version that is missing.")
      }
      floor = number
    }
    let understood: SQLiteValue
    do throws(SQLiteError) {
      understood =
        if let number = document.understood { try SQLiteValue(counter: number) } else { .null }
    } catch {
      throw .refused("Document \(id) of the snapshot cannot be read (\(error)).")
    }
    try sql { () throws(SQLiteError) in
      try connection.execute(
        """
        INSERT INTO document (document, position, state_bytes, is_deleted, is_branched, understood)
        VALUES (?, ?, ?, ?, ?, ?)
        """, .blob(id.bytes), .integer(document.position), SQLiteValue(document.state?.count ?? 0),
        document.isDeleted ? 1 : 0, document.isBranched ? 1 : 0,
        understood)
      let row = connection.lastInsertedRow
      if let state = document.state {
        try connection.execute(
          "INSERT INTO document_state VALUES (?, ?, ?)", .integer(row),
          .integer(Int64(CRC32C.checksum(state))), .blob(state))
      }
      if let floor {
        let state = document.base?.state
        try connection.execute(
          "INSERT INTO document_base VALUES (?, ?, ?, ?)", .integer(row), .integer(floor),
          state.map { .integer(Int64(CRC32C.checksum($0))) } ?? .null,
          state.map { .blob($0) } ?? .null)
      }
      for block in document.history {
        try connection.execute(
          "INSERT INTO document_history (document, block) VALUES (?, ?)", .integer(row),
          .blob(block))
      }
      for (place, item) in document.tail.enumerated() {
        try connection.execute(
          "INSERT INTO document_tail (id, position, block) VALUES (?, ?, ?)",
          .integer(DocumentTail.numbers(of: row).lowerBound + Int64(place)),
          .integer(item.position), .blob(item.block))
      }
    }
  }

  /// Applies what is stored behind the snapshot and ready: own changes may build on it.
  func applyStored() throws(StoreError) {
    var progress = Progress()
    try prepareToApply()
    while lanes.hasReady { try pump(having: [], .large, &progress) }
  }

  /// From here on what is stored behind a fork has the names that it has in the snapshot.
  private func keepStagedBranches() throws(StoreError) {
    let branches = try stagedBranches()
    do throws(SegmentStoreError) {
      try segments.keep(branches)
    } catch {
      guard case .inconsistent = error else { throw StoreError(error) }
      throw .refused("The snapshot cannot be read (\(error)).")
    }
    chains = [:]
    lanes.removeAll()
    knownBranchNames = nil
  }

  /// A draft that began before what is folded in the snapshot could not be read any more.
  private func spareDrafts() throws(StoreError) {
    for draft in try drafts() {
      guard let history = try stagedHistory(of: draft.document), !history.reaches(draft.base)
      else { continue }
      throw .refused(
        "The draft '\(draft.name)' of document \(draft.document) began before history that others "
          + "have folded; merge or discard it first.")
    }
  }

  // MARK: What only this store knows

  /// Applies own changes again that nobody has had yet, and keeps them for the next segment.
  func applyAgain(_ changes: [Change]) throws(StoreError) {
    guard !changes.isEmpty else { return }
    var applied: [AppliedChange] = []
    for change in changes {
      let builtOn = change.dependencies + change.edits.flatMap(\.parents)
      guard builtOn.allSatisfy(state.applied.contains) else {
        throw .refused("The snapshot lacks what own change \(change.id.sequence) builds on.")
      }
      applied.append(try advance(to: change))
    }
    var documents: Set<DocumentID> = []
    try merge(applied, &documents)
    try record(applied)
    for change in changes {
      let bytes = ChangeBlock.encode([change])
      try sql { () throws(SQLiteError) in
        let sequence = try SQLiteValue(counter: change.id.sequence)
        if change.id.origin == identity.origin {
          try insertUnsealed(change.id.sequence, change.id.sequence, bytes)
        } else {
          try connection.execute(
            """
            INSERT INTO inherited (origin, first_sequence, last_sequence, block)
            VALUES (?, ?, ?, ?)
            """, .blob(change.id.origin.bytes), sequence, sequence, .blob(bytes))
        }
      }
    }
    forgetPrivateChanges()
  }
}
