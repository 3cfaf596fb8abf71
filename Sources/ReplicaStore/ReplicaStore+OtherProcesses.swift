import Causality
package import Documents
import SQLiteBridge
import SegmentStore
import Segments

/// What other processes have done to a store since it was last asked.
package struct ExternalChanges: Sendable {
  /// Documents that changed, each once, in the order of their last change.
  package var documents: [DocumentID] = []
  /// False when so many changed that not all are listed.
  package var isComplete = true
  package var segmentsArrived = false
  package var membershipChanged = false

  static let documentsMax = 10_000
}

// Several processes may use one store at once. What others have committed is seen by the next
// transaction, and told once.
extension ReplicaStore {
  /// Looks whether another process has committed. Nil when none has since the last time.
  ///
  /// Complexity: O(1) when nothing happened.
  package func refresh() throws(StoreError) -> ExternalChanges? {
    let version = try sql { () throws(SQLiteError) in try connection.dataVersion() }
    if isStale || version != seenDataVersion { try reading { () throws(StoreError) in } }
    defer { external = nil }
    return external
  }

  /// Whether a transaction of this process has shown what another one had committed, or what a
  /// commit in doubt had done, and ``refresh()`` has not told it yet.
  package var hasNewsOfOthers: Bool { external != nil }

  /// Catches up with the file, inside a transaction that has its view of it.
  func refreshInTransaction() throws(StoreError) {
    let version = try sql { () throws(SQLiteError) in try connection.dataVersion() }
    guard isStale || version != seenDataVersion else {
      currentAtVersion = connection.seenVersion
      return
    }
    let isFirst = seenDataVersion < 0
    let wasStale = isStale
    state = try StoreState.load(from: connection)
    mayHaveReady = hasReadyChanges
    lanes.removeAll()
    chains = [:]
    forgetPrivateChanges()
    projection = ProjectionMemory()
    var changes = external ?? ExternalChanges()
    if !isFirst, state.position != committedPosition {
      try noteDocuments(changedAfter: committedPosition, in: &changes)
    }
    committedPosition = state.position
    if try refreshInstallation(), !isFirst { changes.isComplete = false }
    if try refreshMembership() { changes.membershipChanged = true }
    if try readsOtherwise(), !isFirst {
      cache.removeAll()
      changes.isComplete = false
    }
    try loadDamage()
    let segmentPosition = try stored { () throws(SegmentStoreError) in
      try segments.lastPosition()
    }
    if segmentPosition != seenSegmentPosition { changes.segmentsArrived = true }
    seenSegmentPosition = segmentPosition
    knownFloors = nil
    knownBranchNames = nil
    let origin = identity.origin
    try refreshOrigin()
    if identity.origin != origin { changes.isComplete = false }
    if gathersNews, !isFirst, !(wasStale && version == seenDataVersion) { external = changes }
    seenDataVersion = version
    currentAtVersion = connection.seenVersion
    isStale = false
  }

  /// Whether what is stored of forks, or is said of them, has changed.
  private func readsOtherwise() throws(StoreError) -> Bool {
    let counts = [try knownBranches().count, membership.branchStatements.count]
    defer { seenBranches = counts }
    return seenBranches != counts
  }

  private func noteDocuments(
    changedAfter position: Int64, in changes: inout ExternalChanges
  ) throws(StoreError) {
    // A file that was put back to an earlier state has no list of what changed.
    guard state.position > position else {
      cache.removeAll()
      changes.isComplete = false
      return
    }
    let found = try documents(changedAfter: position)
    if found.count > ExternalChanges.documentsMax {
      cache.removeAll()
      changes.isComplete = false
    }
    for id in found { cache.remove(id) }
    let seen = Set(found)
    changes.documents.removeAll { seen.contains($0) }
    changes.documents += found.prefix(ExternalChanges.documentsMax)
  }

  /// Documents by their last change after `position`, the most recent ones if there are more than
  /// ``ExternalChanges/documentsMax`` and one more. Complexity: O(changes after `position`).
  private func documents(changedAfter position: Int64) throws(StoreError) -> [DocumentID] {
    let limit = ExternalChanges.documentsMax + 1
    let tails = try tails(changedAfter: position)
    var last: [DocumentID: Int64] = [:]
    try sql { () throws(SQLiteError) in
      // The most recent ones first.
      for (row, changedAt) in tails.sorted(by: { ($0.value, $0.key) > ($1.value, $1.key) }) {
        guard last.count < limit else { break }
        let id = try connection.first(
          "SELECT document FROM document WHERE id = ?", .integer(row)
        ) { (rows) throws(SQLiteError) in try Self.documentID(0, of: rows) }
        if let id { last[id] = changedAt }
      }
      var rows = try connection.query(
        "SELECT document, position FROM document WHERE position > ? ORDER BY position DESC",
        .integer(position))
      while last.count < limit, try rows.next() {
        let id = try Self.documentID(0, of: rows)
        last[id] = max(last[id] ?? 0, try rows.integer(1))
      }
    }
    return last.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
  }

  /// - Returns: whether there are records that were not known.
  func refreshMembership() throws(StoreError) -> Bool {
    let position = try sql { () throws(SQLiteError) in
      try connection.queryInteger("SELECT max(position) FROM membership_record") ?? 0
    }
    guard position != seenRecordPosition else { return false }
    let bytes = try stored { () throws(SegmentStoreError) in try segments.membershipRecords() }
    var fresh = Membership(workspace: identity.workspace)
    do throws(MembershipError) {
      var records: [MembershipRecord] = []
      for record in bytes { records.append(try MembershipRecord(parsing: record)) }
      try fresh.insert(records)
    } catch {
      throw .damaged("the list of members is unreadable (\(error))")
    }
    membership = fresh
    seenRecordPosition = position
    return true
  }

  private func refreshOrigin() throws(StoreError) {
    let origin = try sql { () throws(SQLiteError) in
      try connection.first("SELECT origin FROM identity") { (row) throws(SQLiteError) in
        try row.blob(0, count: Origin.byteCount)
      }
    }
    guard let origin = origin.flatMap({ Origin(bytes: $0) }), origin != identity.origin else {
      return
    }
    identity.origin = origin
    // Changes may have new names.
    cache.removeAll()
  }
}
