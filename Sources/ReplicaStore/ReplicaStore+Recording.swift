import Causality
import ChangeCoding
import Documents
import SQLiteBridge
import Sabotages

/// A change that is applied in memory, and its place in the local order.
struct AppliedChange {
  let change: Change
  let position: Int64
}

extension ReplicaStore {
  /// Takes a change as applied: in memory, and in the rows that later changes look up.
  func advance(to change: Change) throws(StoreError) -> AppliedChange {
    let row = try originRow(change.id.origin)
    if change.lamport != row.lamport &+ 1 {
      try sql { () throws(SQLiteError) in
        try connection.execute(
          "INSERT INTO lamport_step VALUES (?, ?, ?)", .integer(row.id),
          try SQLiteValue(counter: change.id.sequence), try SQLiteValue(counter: change.lamport))
      }
    }
    state.advance(
      to: change.id, lamport: change.lamport, dependencies: change.dependencies)
    return AppliedChange(change: change, position: state.position)
  }

  /// Writes what the changes did: the tails and rows of their documents, and how far the store is.
  /// The documents are open and have the changes.
  func record(_ applied: [AppliedChange]) throws(StoreError) {
    guard !applied.isEmpty else { return }
    var parts: [DocumentID: (changes: [Change], position: Int64)] = [:]
    var origins: Set<Origin> = []
    for item in applied {
      origins.insert(item.change.id.origin)
      for edit in item.change.edits {
        guard let part = item.change.reduced(to: edit.document) else { continue }
        parts[edit.document, default: ([], 0)].changes.append(part)
        parts[edit.document]?.position = item.position
      }
    }
    for (id, part) in parts.sorted(by: { $0.key < $1.key }) {
      try append(part.changes, to: id, position: part.position)
      if Sabotage.applyOutsideTransaction.isPlanted { try commitHere() }
    }
    for origin in origins.sorted() { try writeOrigin(origin) }
    try writeProgress()
  }

  private func append(
    _ changes: [Change], to id: DocumentID, position: Int64
  ) throws(StoreError) {
    guard let entry = cache.entry(id) else {
      throw .damaged("document \(id) was closed before it was written")
    }
    let blocks = ChangeBlock.blocks(of: changes)
    let isDeleted: SQLiteValue = entry.document.isDeleted ? 1 : 0
    entry.tailBytes += blocks.reduce(0) { $0 + $1.count }
    try sql { () throws(SQLiteError) in
      if entry.row == 0 {
        try connection.execute(
          """
          INSERT INTO document (document, position, tail_bytes, state_bytes, is_deleted)
          VALUES (?, ?, ?, 0, ?)
          """, .blob(id.bytes), .integer(position), SQLiteValue(entry.tailBytes), isDeleted)
        entry.row = connection.lastInsertedRow
      } else {
        try connection.execute(
          "UPDATE document SET position = ?, tail_bytes = ?, is_deleted = ? WHERE id = ?",
          .integer(position), SQLiteValue(entry.tailBytes), isDeleted, .integer(entry.row))
      }
      for block in blocks {
        try connection.execute(
          "INSERT INTO document_tail (document, block) VALUES (?, ?)", .integer(entry.row),
          .blob(block))
      }
    }
    if isFoldDue(entry) { try fold(entry) }
  }

  // MARK: Rows

  /// The row of an origin, made when there is none.
  func originRow(_ origin: Origin) throws(StoreError) -> StoreState.Row {
    if let row = state.row(of: origin) { return row }
    let id = try sql { () throws(SQLiteError) in
      try connection.execute(
        "INSERT INTO applied_origin (origin, applied, lamport) VALUES (?, 0, 0)",
        .blob(origin.bytes))
      return connection.lastInsertedRow
    }
    let row = StoreState.Row(id: id, lamport: 0)
    state.setRow(row, of: origin)
    return row
  }

  func writeOrigin(_ origin: Origin) throws(StoreError) {
    guard let row = state.row(of: origin) else { return }
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "UPDATE applied_origin SET applied = ?, lamport = ?, stalled = ? WHERE id = ?",
        try SQLiteValue(counter: state.applied[origin]), try SQLiteValue(counter: row.lamport),
        SQLiteValue(row.stalled), .integer(row.id))
    }
  }

  func writeProgress() throws(StoreError) {
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "UPDATE progress SET position = ?, heads = ?", .integer(state.position),
        .blob(state.encodedHeads))
    }
  }

  /// Notes why the next change of an origin cannot be applied; nil when it can.
  func noteStall(_ reason: String?, of origin: Origin) throws(StoreError) {
    var row = try originRow(origin)
    guard row.stalled != reason else { return }
    row.stalled = reason
    state.setRow(row, of: origin)
    try writeOrigin(origin)
  }

  /// The Lamport time of an applied change; nil when it is not applied.
  func lamport(of change: ChangeID) throws(StoreError) -> UInt64? {
    guard change.sequence > 0, state.applied.contains(change),
      let row = state.row(of: change.origin)
    else { return nil }
    if change.sequence == state.applied[change.origin] { return row.lamport }
    let step = try sql { () throws(SQLiteError) in
      try connection.first(
        """
        SELECT sequence, lamport FROM lamport_step WHERE origin = ? AND sequence <= ?
        ORDER BY sequence DESC LIMIT 1
        """, .integer(row.id), SQLiteValue(clampedCounter: change.sequence)
      ) { (row) throws(SQLiteError) in (try row.counter(0), try row.counter(1)) }
    }
    // Without a step the Lamport time is the sequence number.
    guard let (sequence, lamport) = step else { return change.sequence }
    let (sum, overflow) = lamport.addingReportingOverflow(change.sequence - sequence)
    guard !overflow else { throw .damaged("the Lamport times of \(change.origin) overflow") }
    return sum
  }
}
