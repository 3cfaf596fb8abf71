import ByteCoding
import Causality
import ChangeCoding
import Documents
import SQLiteBridge

/// The changes of a row of `unsealed`.
struct OpenedUnsealed {
  let changes: [Change]
  /// About how many bytes they take.
  let byteCount: Int
  /// Whether they lie as they were committed.
  let isLoose: Bool
}

// Own changes that no segment holds are nowhere else as a whole. In parts they are: each edit lies
// in the tail of its document as well, until that is folded. Folding keeps what an edit does and
// not what its author had seen, so a history does not give a change back.
extension ReplicaStore {
  func openUnsealed(
    _ block: [UInt8], from sequence: UInt64
  ) throws(ByteDecodingError) -> OpenedUnsealed {
    let (changes, byteCount) = try KeptBlock.open(block, in: language)
    guard changes.first?.id == ChangeID(origin: identity.origin, sequence: sequence) else {
      throw ByteDecodingError(.invalidValue, "first own change")
    }
    return OpenedUnsealed(
      changes: changes, byteCount: byteCount, isLoose: !KeptBlock.isPacked(block))
  }

  /// What a row held that has rotted, where that can be told; the row is written anew then. Within
  /// a transaction for writing.
  ///
  /// Complexity: O(bytes of the row, runs of the order, and tails of all documents).
  func remakeUnsealed(
    _ rotten: [UInt8], from sequence: UInt64
  ) throws(StoreError) -> OpenedUnsealed? {
    let first = SQLiteValue(clampedCounter: sequence)
    let last = try sql { () throws(SQLiteError) in
      try connection.queryInteger(
        "SELECT last_sequence FROM unsealed WHERE first_sequence = ?", first)
    }
    guard let last = last.flatMap({ UInt64(exactly: $0) }), last >= sequence else { return nil }
    for whole in try candidates(for: rotten, sequence...last) {
      guard let found = try? openUnsealed(whole, from: sequence),
        found.changes.last?.id.sequence == last
      else { continue }
      try sql { () throws(SQLiteError) in
        try connection.execute(
          "UPDATE unsealed SET block = ? WHERE first_sequence = ?", .blob(whole), first)
      }
      try noteMended(["Own changes that nobody else had have rotted, and were made again."])
      return found
    }
    return nil
  }

  /// What a row may have been.
  private func candidates(
    for rotten: [UInt8], _ sequences: ClosedRange<UInt64>
  ) throws(StoreError) -> [[UInt8]] {
    // All but the first byte is under checksums, which only one first byte makes right.
    var candidates = KeptBlock.versions.filter { $0 != rotten.first }.map { version in
      [version] + rotten.dropFirst()
    }
    let last = ChangeID(origin: identity.origin, sequence: sequences.upperBound)
    guard let position = try feedPosition(of: last) else { return candidates }
    // What lies there in parts does not hold the changes as they were made: by their checksum, or
    // but for it, the two have to be the same.
    candidates += try tailBlocks(from: position, through: position).filter { block in
      block.count == rotten.count
        && (block.suffix(4) == rotten.suffix(4) || block.dropLast(4) == rotten.dropLast(4))
    }
    // A first byte that is that of something else says that it is no list.
    let others = KeptBlock.versions.filter { $0 != KeptBlock.listVersion }
    if !others.contains(where: { $0 == rotten.first }),
      let list = try remadeList(rotten, sequences, endingAt: position)
    {
      candidates.append(list)
    }
    return candidates
  }

  /// A list from those of its blocks that can be read, and those that are in tails of documents.
  ///
  /// All of them are blocks of the list, and none is taken twice: they are all that were in it when
  /// they come to as many bytes.
  private func remadeList(
    _ rotten: [UInt8], _ sequences: ClosedRange<UInt64>, endingAt position: Int64
  ) throws(StoreError) -> [UInt8]? {
    var blocks: [Piece: [UInt8]] = [:]
    let before = Int64(clamping: sequences.upperBound - sequences.lowerBound)
    let tails = try tailBlocks(from: position &- before, through: position)
    for block in KeptBlock.blocks(leftOf: rotten, in: language) + tails {
      guard let changes = try? ChangeBlock.decode(block, in: language), changes.count == 1,
        let change = changes.first, change.edits.count == 1, let edit = change.edits.first,
        change.id.origin == identity.origin, sequences.contains(change.id.sequence)
      else { continue }
      blocks[Piece(sequence: change.id.sequence, document: edit.document)] = block
    }
    let list = KeptBlock.list(blocks.sorted { $0.key < $1.key }.map(\.value))
    return list.count == rotten.count ? list : nil
  }

  /// An edit of a list: of which change, and of which document.
  private struct Piece: Hashable, Comparable {
    let sequence: UInt64
    let document: DocumentID

    static func < (one: Piece, other: Piece) -> Bool {
      (one.sequence, one.document) < (other.sequence, other.document)
    }
  }

  private func tailBlocks(
    from first: Int64, through last: Int64
  ) throws(StoreError) -> [[UInt8]] {
    try sql { () throws(SQLiteError) in
      var blocks: [[UInt8]] = []
      var rows = try connection.query(
        """
        SELECT t.block FROM document_tail AS t JOIN document AS d
        ON d.id = t.id >> \(DocumentTail.rowBits)
        WHERE t.position BETWEEN ? AND ? ORDER BY t.position, d.document
        """, .integer(first), .integer(last))
      while try rows.next() { blocks.append(try rows.blob(0)) }
      return blocks
    }
  }
}
