import ByteCoding
import ByteCompression
import Causality
import ChangeCoding
import Documents
import SQLiteBridge

// What commits leave in small pieces is put together behind them, so that the file stays small and
// a commit need not wait for it.

/// When what is put together.
package struct TidyLimits: Sendable {
  /// Own changes that lie as they were committed and are packed at a time: rows, changes, bytes.
  package var looseRowsMax = 1_024
  package var looseChangesMax = 16_384
  package var looseBytesMax = 256 << 10
  /// Changes with so many bytes each are small.
  package var smallBytes = 128
  /// Chunks of one document's history.
  package var historyChunksMax = 16
  /// The history of a document that is larger than this is left as it is.
  package var historyBytesMax = 128 << 10
  /// In a quiet moment this part of the own changes is enough.
  package var quietDivisor = 4
  /// So many times as many rows or chunks are not left to a quiet moment.
  package var urgentFactor = 4

  package init() {}
}

extension ReplicaStore {
  /// Whether ``tidy()`` has something to do, which had best be done while nobody commits. Costs no
  /// statement.
  package var wantsTidying: Bool {
    guard options.access != .read else { return false }
    if !scatteredHistories.isEmpty { return true }
    guard let loose = knownPrivateChanges?.loose, loose.rows > 1 else { return false }
    let divisor = tidyLimits.quietDivisor
    return loose.rows >= tidyLimits.looseRowsMax / divisor
      || loose.changes >= tidyLimits.looseChangesMax / divisor
      || loose.bytes >= tidyLimits.looseBytesMax / divisor
  }

  /// Whether there is so much of it that it is to be done soon all the same: many rows, or many
  /// small changes. Large ones only take more room until they are packed. Costs no statement.
  package var needsTidying: Bool {
    guard options.access != .read else { return false }
    if !overdueHistories.isEmpty { return true }
    guard let loose = knownPrivateChanges?.loose, loose.rows > 1 else { return false }
    let factor = tidyLimits.urgentFactor
    return loose.rows / factor >= tidyLimits.looseRowsMax
      || loose.changes / factor >= tidyLimits.looseChangesMax
        && loose.bytes / tidyLimits.smallBytes <= loose.changes
  }

  /// Puts together what commits have left: own changes that are not sealed, the oldest ones, and
  /// the history of one document. One transaction.
  ///
  /// Complexity: bounded by ``TidyLimits`` and the sizes of ``KeptBlock``. Each change is packed a
  /// few times in its life, however many there are.
  package func tidy() throws(StoreError) {
    try write { () throws(StoreError) in
      if try privateChanges().loose.rows > 1 { try packUnsealed() }
      if let id = overdueHistories.min() ?? scatteredHistories.min() {
        scatteredHistories.remove(id)
        overdueHistories.remove(id)
        try mergeHistory(of: id)
      }
    }
  }

  // MARK: Own changes

  private struct KeptRow {
    let first: UInt64
    let last: UInt64
    let block: [UInt8]
    let isPacked: Bool

    var count: UInt64 { last &- first &+ 1 }
  }

  /// Packs the oldest loose rows, together with the packed ones before them that are not much
  /// larger: so the packed ones get larger the older they are.
  private func packUnsealed() throws(StoreError) {
    let rows = try rowsToPack()
    guard rows.count > 1, let first = rows.first?.first, let last = rows.last?.last else {
      // They are counted anew.
      forgetPrivateChanges()
      return
    }
    var packed = PrivateChanges.Loose()
    for row in rows where !row.isPacked {
      packed.add(changes: Int(clamping: row.count), bytes: row.block.count)
    }
    var batches: [PackedBatch] = []
    do throws(ByteDecodingError) {
      for row in rows {
        let (changes, byteCount) = try KeptBlock.open(row.block, in: language)
        let more = PackedBatch(changes: changes, byteCount: byteCount)
        // In place: copying what is there for each row would make the rows cost their square.
        if let last = batches.indices.last, batches[last].hasRoom(for: more) {
          batches[last].append(more)
        } else {
          batches.append(more)
        }
      }
    } catch {
      throw .damaged("a block of own changes is unreadable (\(error))")
    }
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "DELETE FROM unsealed WHERE first_sequence BETWEEN ? AND ?",
        try SQLiteValue(counter: first), try SQLiteValue(counter: last))
      for batch in batches {
        guard let first = batch.changes.first?.id.sequence,
          let last = batch.changes.last?.id.sequence
        else { continue }
        try insertUnsealed(first, last, KeptBlock.pack(batch.changes))
      }
    }
    knownPrivateChanges?.loose.subtract(packed)
  }

  /// What becomes one packed row.
  private struct PackedBatch {
    var changes: [Change]
    var byteCount: Int
    private var weight: Int

    init(changes: [Change], byteCount: Int) {
      self.changes = changes
      self.byteCount = byteCount
      weight = changes.reduce(0) { $0 + ChangeBlock.weight(of: $1) }
    }

    func hasRoom(for other: PackedBatch) -> Bool {
      byteCount + other.byteCount <= KeptBlock.packedBytesMax
        && changes.count + other.changes.count <= KeptBlock.packedChangesMax
        && weight + other.weight <= ChangeBlock.operationCountMax
    }

    mutating func append(_ other: PackedBatch) {
      changes += other.changes
      byteCount += other.byteCount
      weight += other.weight
    }
  }

  /// In their order.
  private func rowsToPack() throws(StoreError) -> [KeptRow] {
    try sql { () throws(SQLiteError) in
      let loose = try looseRowsToPack()
      guard let first = loose.first?.first else { return [] }
      var changes = loose.reduce(UInt64(0)) { $0 &+ $1.count }
      // The last one first.
      var before: [KeptRow] = []
      var rows = try connection.query(
        """
        SELECT first_sequence, last_sequence, block FROM unsealed WHERE first_sequence < ?
        ORDER BY first_sequence DESC
        """, SQLiteValue(clampedCounter: first))
      while try rows.next() {
        let block = try rows.blob(2)
        let row = KeptRow(
          first: try rows.counter(0), last: try rows.counter(1), block: block,
          isPacked: KeptBlock.isPacked(block))
        guard row.count / 4 <= changes, row.count < UInt64(KeptBlock.packedChangesMax) / 2,
          KeptBlock.isHalfEmpty(row.block)
        else { break }
        changes = changes &+ row.count
        before.append(row)
      }
      return before.reversed() + loose
    }
  }

  /// The oldest loose rows, as many as are to be packed at a time, but two. The others are not
  /// read.
  private func looseRowsToPack() throws(SQLiteError) -> [KeptRow] {
    var taken: [KeptRow] = []
    var bytes = 0
    var changes: UInt64 = 0
    var rows = try connection.query(
      """
      SELECT first_sequence, last_sequence, block FROM unsealed WHERE \(UnsealedRange.isLoose)
      ORDER BY first_sequence
      """)
    while taken.count < tidyLimits.looseRowsMax,
      taken.count < 2
        || bytes < tidyLimits.looseBytesMax && changes < UInt64(tidyLimits.looseChangesMax),
      try rows.next()
    {
      let row = KeptRow(
        first: try rows.counter(0), last: try rows.counter(1), block: try rows.blob(2),
        isPacked: false)
      if let last = taken.last?.last, row.first != last &+ 1 {
        guard taken.count == 1 else { break }
        // One alone stays as it is, so that those behind it are not held up.
        (taken, bytes, changes) = ([], 0, 0)
      }
      bytes += row.block.count
      changes = changes &+ row.count
      taken.append(row)
    }
    return taken
  }

  // MARK: Histories

  /// Notes a document whose history has come to lie in many chunks: many of them together as large
  /// as half of what was put together before.
  func noteChunks(of entry: DocumentCache.Entry) throws(StoreError) {
    let sizes = try chunkSizes(of: entry)
    guard sizes.count >= tidyLimits.historyChunksMax, let first = sizes.first else { return }
    let bytes = sizes.reduce(0, +)
    guard bytes <= tidyLimits.historyBytesMax, bytes - first >= first / 2 else { return }
    scatteredHistories.insert(entry.document.id)
    if sizes.count / tidyLimits.urgentFactor >= tidyLimits.historyChunksMax {
      overdueHistories.insert(entry.document.id)
    }
  }

  private func chunkSizes(of entry: DocumentCache.Entry) throws(StoreError) -> [Int] {
    try sql { () throws(SQLiteError) in
      var sizes: [Int] = []
      var rows = try connection.query(
        "SELECT length(block) FROM document_history WHERE document = ? ORDER BY id",
        .integer(entry.row))
      while try rows.next() { sizes.append(try rows.count(0)) }
      return sizes
    }
  }

  private func mergeHistory(of id: DocumentID) throws(StoreError) {
    guard let entry = try entry(id), entry.rebuilt == nil else { return }
    // Chunks of other releases are left as they are.
    let foreign = try sql { () throws(SQLiteError) in
      try connection.queryInteger(
        """
        SELECT count(*) FROM document_history
        WHERE document = ? AND substr(block, 1, 1) <> ?
        """, .integer(entry.row), .blob([HistoryChunk.version]))
    }
    guard foreign == 0 else { return }
    let edits: [IncomingEdit]
    do throws(StoreError) {
      edits = try storedHistory(entry, beforeTail: true).edits()
    } catch {
      // A damaged history is made again where it is asked for.
      guard case .damaged = error else { throw error }
      return
    }
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "DELETE FROM document_history WHERE document = ?", .integer(entry.row))
      try insertHistory(edits, of: entry, .steady)
    }
  }
}
