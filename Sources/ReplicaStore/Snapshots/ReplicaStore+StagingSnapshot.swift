import ByteCoding
import Causality
import ChangeCoding
import Documents
import SQLiteBridge
import SegmentStore

/// How far a snapshot is that is being taken over.
package struct SnapshotProgress: Equatable, Sendable {
  /// Where it goes on, as whoever gives it has said.
  package var cursor: [UInt8]
  package var documents: UInt64
  package var documentsInAll: UInt64
}

// What comes of a snapshot is put aside, so that the store goes on with what it has until all is
// there; whoever is cut off goes on where it was.
extension ReplicaStore {
  /// The snapshot that was begun; nil when there is none. Complexity: O(documents that have come).
  package func snapshotProgress() throws(StoreError) -> SnapshotProgress? {
    try reading { () throws(StoreError) in
      try sql { () throws(SQLiteError) in
        try connection.first(
          """
          SELECT cursor, documents,
            (SELECT count(*) FROM snapshot_piece WHERE kind = ? AND number = 0)
          FROM snapshot_source
          """, .integer(Int64(SnapshotPart.Kind.document.rawValue))
        ) { (row) throws(SQLiteError) in
          SnapshotProgress(
            cursor: try row.blob(0), documents: UInt64(clamping: try row.integer(2)),
            documentsInAll: UInt64(clamping: try row.integer(1)))
        }
      }
    }
  }

  /// Puts a part of a snapshot aside. It is durable when it returns.
  ///
  /// - Parameter cursor: behind which it was asked for.
  /// - Returns: false when another process takes a snapshot over meanwhile: nothing is put aside.
  /// - Throws: `.refused` when it does not follow what came before.
  package func stage(
    _ part: SnapshotPart, after cursor: [UInt8]
  ) throws(StoreError) -> Bool {
    try write { () throws(StoreError) in
      let before = try sql { () throws(SQLiteError) in
        try connection.queryBlob("SELECT cursor FROM snapshot_source") ?? []
      }
      guard before == cursor else { return false }
      if part.isFirst { try forgetSnapshot() }
      for piece in part.pieces { try stage(piece) }
      try sql { () throws(SQLiteError) in
        try connection.execute(
          """
          INSERT INTO snapshot_source VALUES (1, ?, ?)
          ON CONFLICT DO UPDATE SET cursor = excluded.cursor, documents = excluded.documents
          """, .blob(part.cursor), .integer(Int64(clamping: part.documentCount)))
      }
      return true
    }
  }

  private func stage(_ piece: SnapshotPart.Piece) throws(StoreError) {
    let kind = SQLiteValue.integer(Int64(piece.kind.rawValue))
    try sql { () throws(SQLiteError) in
      guard piece.number == 0 else { return }
      try connection.execute(
        "DELETE FROM snapshot_piece WHERE kind = ? AND key = ?", kind, .blob(piece.key))
    }
    if piece.number > 0 {
      let before = try sql { () throws(SQLiteError) in
        try connection.queryInteger(
          "SELECT max(number) FROM snapshot_piece WHERE kind = ? AND key = ?", kind,
          .blob(piece.key))
      }
      guard before.flatMap({ UInt64(exactly: $0) }) == piece.number - 1 else {
        throw .refused("A part of the snapshot does not follow the one before.")
      }
    }
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "INSERT INTO snapshot_piece VALUES (?, ?, ?, ?)", kind, .blob(piece.key),
        try SQLiteValue(counter: piece.number), .blob(piece.bytes))
    }
  }

  /// Forgets what came of a snapshot.
  package func dropSnapshot() throws(StoreError) {
    try write { () throws(StoreError) in try forgetSnapshot() }
  }

  func forgetSnapshot() throws(StoreError) {
    try sql { () throws(SQLiteError) in
      try connection.execute("DELETE FROM snapshot_piece")
      try connection.execute("DELETE FROM snapshot_source")
    }
  }

  // MARK: What has come

  func stagedHeader() throws(StoreError) -> SnapshotHeader {
    var bytes: [UInt8] = []
    try sql { () throws(SQLiteError) in
      var rows = try connection.query(
        "SELECT bytes FROM snapshot_piece WHERE kind = ? ORDER BY number",
        .integer(Int64(SnapshotPart.Kind.header.rawValue)))
      while try rows.next() { bytes += try rows.blob(0) }
    }
    do throws(ByteDecodingError) {
      return try SnapshotHeader(decoding: bytes)
    } catch {
      throw .refused("The snapshot cannot be read (\(error)).")
    }
  }

  func stagedBranches() throws(StoreError) -> [StoredBranch] {
    var bytes: [UInt8] = []
    try sql { () throws(SQLiteError) in
      var rows = try connection.query(
        "SELECT bytes FROM snapshot_piece WHERE kind = ? ORDER BY number",
        .integer(Int64(SnapshotPart.Kind.branches.rawValue)))
      while try rows.next() { bytes += try rows.blob(0) }
    }
    var branches: [StoredBranch] = []
    do throws(ByteDecodingError) {
      var reader = ByteReader(bytes)
      while !reader.isAtEnd { branches.append(try StoredBranch(from: &reader)) }
    } catch {
      throw .refused("The snapshot cannot be read (\(error)).")
    }
    return branches
  }

  /// Some documents, with all their pieces, by ascending key from the one behind `key` on; none at
  /// the end.
  func stagedDocuments(
    after key: [UInt8]
  ) throws(StoreError) -> [(key: [UInt8], bytes: [UInt8])] {
    try sql { () throws(SQLiteError) in
      var found: [(key: [UInt8], bytes: [UInt8])] = []
      var byteCount = 0
      var rows = try connection.query(
        """
        SELECT key, number, bytes FROM snapshot_piece WHERE kind = ? AND key > ?
        ORDER BY key, number
        """, .integer(Int64(SnapshotPart.Kind.document.rawValue)), .blob(key))
      while try rows.next() {
        let bytes = try rows.blob(2)
        if try rows.integer(1) > 0, let last = found.indices.last {
          found[last].bytes += bytes
        } else {
          guard byteCount < Self.stagedBytesAtOnce else { return found }
          found.append((try rows.blob(0), bytes))
        }
        byteCount += bytes.count
      }
      return found
    }
  }

  private static let stagedBytesAtOnce = 4 << 20

  /// A document of the snapshot; empty when there is none.
  func stagedBytes(of id: DocumentID) throws(StoreError) -> [UInt8] {
    try sql { () throws(SQLiteError) in
      var bytes: [UInt8] = []
      var rows = try connection.query(
        "SELECT bytes FROM snapshot_piece WHERE kind = ? AND key = ? ORDER BY number",
        .integer(Int64(SnapshotPart.Kind.document.rawValue)), .blob(id.bytes))
      while try rows.next() { bytes += try rows.blob(0) }
      return bytes
    }
  }

  /// A document of the snapshot with all that is told of how it came to be; nil when there is none.
  ///
  /// Complexity: O(history of the document).
  func stagedHistory(of id: DocumentID) throws(StoreError) -> DocumentHistory? {
    let bytes = try stagedBytes(of: id)
    guard !bytes.isEmpty else { return nil }
    do {
      let document = try SnapshotDocument(decoding: bytes)
      var history = DocumentHistory(document: id)
      if let base = document.base, let state = base.state ?? document.state {
        guard let floor = try stagedFloors().first(where: { $0.key == base.floor })?.vector else {
          throw ByteDecodingError(.invalidValue, "floor")
        }
        history = try DocumentHistory(id, from: state, at: floor)
      }
      for block in document.history { try append(block, to: &history) }
      for item in document.tail {
        try history.append(
          contentsOf: [IncomingEdit](decoding: item.block, document: id, in: language))
      }
      return history
    } catch {
      throw .refused("Document \(id) of the snapshot cannot be read (\(error)).")
    }
  }

  func stagedFloors() throws(StoreError) -> [(key: [UInt8], vector: VersionVector)] {
    let found = try sql { () throws(SQLiteError) in
      var found: [[UInt8]: [UInt8]] = [:]
      var rows = try connection.query(
        "SELECT key, bytes FROM snapshot_piece WHERE kind = ? ORDER BY key, number",
        .integer(Int64(SnapshotPart.Kind.floor.rawValue)))
      while try rows.next() { found[try rows.blob(0), default: []] += try rows.blob(1) }
      return found
    }
    var floors: [(key: [UInt8], vector: VersionVector)] = []
    for (key, bytes) in found.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      do throws(ByteDecodingError) {
        var reader = ByteReader(bytes)
        let vector = try VersionVector(from: &reader)
        try reader.finish("floor")
        guard Self.key(of: vector) == key else { throw ByteDecodingError(.invalidValue, "floor") }
        floors.append((key, vector))
      } catch {
        throw .refused("The snapshot cannot be read (\(error)).")
      }
    }
    return floors
  }
}
