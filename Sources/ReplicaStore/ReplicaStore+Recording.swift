import Causality
import ChangeCoding
import Documents
import SQLiteBridge
import Sabotages

/// A change that is applied in memory, and its place in the local order.
struct AppliedChange {
  let change: Change
  let position: Int64
  /// The block in which the change stands first, if there is one.
  var block: EncodedBlock?
  /// For each of its edits a block with nothing else, where they are encoded already.
  var pieces: [[UInt8]] = []
}

/// Consecutive changes of one origin as they stand in a segment, or will.
struct EncodedBlock {
  let count: Int
  let bytes: [UInt8]
}

extension ReplicaStore {
  /// Takes a change as applied: in memory, and in the rows that later changes look up.
  func advance(to change: Change) throws(StoreError) -> AppliedChange {
    let row = try originRow(change.id.origin)
    if change.lamport != row.lamport &+ 1 {
      try sql { () throws(SQLiteError) in
        try insertLamportStep(of: row.id, change.id.sequence, change.lamport)
      }
    }
    state.advance(
      to: change.id, lamport: change.lamport, dependencies: change.dependencies)
    try noteRun(of: change.id, in: row.id)
    return AppliedChange(change: change, position: state.position)
  }

  /// Writes what the changes did: the tails and rows of their documents, and how far the store is.
  /// The documents are open and have the changes.
  ///
  /// - Parameters:
  ///   - areUnsealed: whether they are own ones that are in `unsealed`.
  ///   - unfolded: documents that show more than these changes, and are not to be folded.
  func record(
    _ applied: [AppliedChange], areUnsealed: Bool = false, leavingTails unfolded: [DocumentID] = []
  ) throws(StoreError) {
    guard !applied.isEmpty else { return }
    let parts = Self.byDocument(applied) { item, place in
      AppliedEdit(
        item: item, edit: item.change.edits[place],
        piece: item.pieces.isEmpty ? nil : item.pieces[place])
    }
    for (id, part) in parts {
      try append(part, to: id, isFolding: !unfolded.contains(id))
      if Sabotage.applyOutsideTransaction.isPlanted { try commitHere() }
    }
    if areUnsealed, state.followsFromUnsealed(identity.origin) {
      state.noteWritten()
    } else {
      try writeOrigins()
    }
  }

  /// What `part` makes of each edit, of which it is told the place, by document, in order.
  static func byDocument<Part>(
    _ applied: [AppliedChange], _ part: (AppliedChange, Int) -> Part
  ) -> [(key: DocumentID, value: [Part])] {
    // Changes mostly come one at a time.
    if applied.count == 1, applied[0].change.edits.count == 1 {
      return [(applied[0].change.edits[0].document, [part(applied[0], 0)])]
    }
    var places: [(document: DocumentID, item: Int, edit: Int)] = []
    for item in applied.indices {
      let edits = applied[item].change.edits
      for edit in edits.indices { places.append((edits[edit].document, item, edit)) }
    }
    places.sort { ($0.document, $0.item) < ($1.document, $1.item) }
    var parts: [(key: DocumentID, value: [Part])] = []
    for place in places {
      let new = part(applied[place.item], place.edit)
      if parts.last?.key == place.document {
        parts[parts.count - 1].value.append(new)
      } else {
        parts.append((place.document, [new]))
      }
    }
    return parts
  }

  /// What an applied change did to one document.
  private struct AppliedEdit {
    let item: AppliedChange
    let edit: DocumentEdit
    let piece: [UInt8]?
  }

  private func append(
    _ part: [AppliedEdit], to id: DocumentID, isFolding: Bool
  ) throws(StoreError) {
    guard let entry = cache.entry(id), let position = part.last?.item.position else {
      throw .damaged("document \(id) was closed before it was written")
    }
    let blocks =
      Self.block(of: part).map { [$0] }
      ?? encoder.blocks(of: part.map { $0.item.change.reduced(to: $0.edit) })
    let isDeleted = entry.document.isDeleted
    // A draft that was merged leaves what others have set beside what it sets.
    if entry.document.hasRivals { entry.isBranched = true }
    entry.tailBytes += blocks.reduce(0) { $0 + $1.count }
    entry.tailCount += part.count
    entry.position = position
    try sql { () throws(SQLiteError) in
      if entry.row == 0 {
        try connection.execute(
          """
          INSERT INTO document (document, position, state_bytes, is_deleted, is_branched)
          VALUES (?, ?, 0, ?, ?)
          """, .blob(id.bytes), .integer(position), isDeleted ? 1 : 0, entry.isBranched ? 1 : 0)
        entry.row = connection.lastInsertedRow
        entry.nextTail = DocumentTail.numbers(of: entry.row).lowerBound
      } else if isDeleted != entry.isNotedAsDeleted || entry.isBranched != entry.isNotedAsBranched {
        try connection.execute(
          "UPDATE document SET position = ?, is_deleted = ?, is_branched = ? WHERE id = ?",
          .integer(position), isDeleted ? 1 : 0, entry.isBranched ? 1 : 0, .integer(entry.row))
      }
      entry.isNotedAsDeleted = isDeleted
      entry.isNotedAsBranched = entry.isBranched
    }
    noteProjecting(entry)
    let edits = part.map { part in
      let change = part.item.change
      return IncomingEdit(
        change: change.id, lamport: change.lamport, time: change.time, edit: part.edit)
    }
    guard isFolding, entry.rebuilt != nil || isFoldDue(entry) else {
      entry.knowTail(of: edits)
      return try sql { () throws(SQLiteError) in
        for block in blocks { try insertTail(of: entry, at: position, block) }
      }
    }
    // What is folded at once need not be in the tail before.
    if let rebuilt = entry.rebuilt {
      try write(entry, rebuiltFrom: rebuilt, and: edits)
    } else {
      try fold(entry, with: edits)
    }
  }

  /// The block that holds exactly these changes, all of which edit one document alone; nil when
  /// there is none. It names their dependencies too, which nobody reads there: encoding them again
  /// without costs more.
  private static func block(of part: [AppliedEdit]) -> [UInt8]? {
    if part.count == 1, let piece = part[0].piece { return piece }
    guard let first = part.first?.item, let block = first.block, block.count == part.count else {
      return nil
    }
    // Others may have come in between, also such with lower numbers.
    for (place, applied) in part.enumerated() {
      let change = applied.item.change
      guard change.id.origin == first.change.id.origin, change.edits.count == 1,
        change.id.sequence == first.change.id.sequence &+ UInt64(place)
      else { return nil }
    }
    return block.bytes
  }

  // MARK: Rows

  /// The row of an origin, made when there is none.
  func originRow(_ origin: Origin) throws(StoreError) -> StoreState.Row {
    if let row = state.row(of: origin) { return row }
    let row = StoreState.Row(id: state.nextRow)
    try sql { () throws(SQLiteError) in
      try AppliedOrigin(row, origin, applied: 0, isHead: false).insert(into: connection)
    }
    state.setRow(row, of: origin)
    return row
  }

  func writeOrigin(_ origin: Origin) throws(StoreError) {
    guard let row = state.row(of: origin) else { return }
    let written = AppliedOrigin(
      row, origin, applied: state.applied[origin], isHead: state.isHead(origin))
    try sql { () throws(SQLiteError) in try written.update(in: connection) }
    if origin == identity.origin { state.ownInFile = written }
  }

  /// Writes the row of the own origin, which ``record(_:areUnsealed:)`` may have left as it was,
  /// before what it follows from goes away.
  func writeOwnOrigin() throws(StoreError) { try writeOrigin(identity.origin) }

  /// Writes how far the store is: the rows of all origins that have changed.
  func writeOrigins() throws(StoreError) {
    for origin in state.unwritten.sorted() { try writeOrigin(origin) }
    state.noteWritten()
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
    if let known = state.recentLamport(of: change) { return known }
    let step = try lamportStep(of: row.id, atMost: change.sequence)
    // Without a step the Lamport time is the sequence number.
    guard let (sequence, lamport) = step else { return change.sequence }
    let (sum, overflow) = lamport.addingReportingOverflow(change.sequence - sequence)
    guard !overflow else { throw .damaged("the Lamport times of \(change.origin) overflow") }
    return sum
  }
}
