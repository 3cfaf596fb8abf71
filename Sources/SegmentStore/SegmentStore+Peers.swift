import ByteCoding
package import Causality
import SQLiteBridge

/// What a store remembers of a peer.
package struct PeerRecord: Equatable, Sendable {
  /// What the peer is known by; the caller's choice.
  package let key: [UInt8]
  /// What the peer has said to have durably.
  package var acknowledged = VersionVector()
  /// Wall time, since 1970.
  package var lastContactMilliseconds: Int64?
  package var lastError: String?

  package init(key: [UInt8]) {
    self.key = key
  }
}

extension SegmentStore {
  /// Every peer, sorted by key.
  package func peers() throws(SegmentStoreError) -> [PeerRecord] {
    try sql { () throws(SQLiteError) in
      var peers: [PeerRecord] = []
      var rows = try connection.query(
        "SELECT key, acknowledged, contact_milliseconds, error FROM peer ORDER BY key")
      while try rows.next() { peers.append(try Self.peer(rows)) }
      return peers
    }
  }

  package func peer(_ key: [UInt8]) throws(SegmentStoreError) -> PeerRecord? {
    try sql { () throws(SQLiteError) in
      try connection.first(
        "SELECT key, acknowledged, contact_milliseconds, error FROM peer WHERE key = ?", .blob(key)
      ) { (row) throws(SQLiteError) in try Self.peer(row) }
    }
  }

  /// Remembers what a peer has. It may be less than before: a peer that lost something is believed.
  package func setAcknowledged(
    _ vector: VersionVector, peer key: [UInt8]
  ) throws(SegmentStoreError) {
    var writer = ByteWriter()
    vector.write(to: &writer)
    writer.write(fixed: CRC32C.checksum(writer.bytes))
    try upsert("acknowledged", .blob(writer.bytes), peer: key)
  }

  package func noteContact(
    peer key: [UInt8], atMilliseconds milliseconds: Int64
  ) throws(SegmentStoreError) {
    try upsert("contact_milliseconds", .integer(milliseconds), peer: key)
  }

  /// Remembers what went wrong last; nil when all is well again.
  package func noteError(_ text: String?, peer key: [UInt8]) throws(SegmentStoreError) {
    try upsert("error", SQLiteValue(text), peer: key)
  }

  package func removePeer(_ key: [UInt8]) throws(SegmentStoreError) {
    try requireTransaction()
    try sql { () throws(SQLiteError) in
      try connection.execute("DELETE FROM peer WHERE key = ?", .blob(key))
    }
  }

  // MARK: Settings

  package func setting(_ name: String) throws(SegmentStoreError) -> [UInt8]? {
    try sql { () throws(SQLiteError) in
      try connection.queryBlob("SELECT value FROM setting WHERE name = ?", .text(name))
    }
  }

  /// Sets a setting; nil removes it.
  package func setSetting(_ name: String, to value: [UInt8]?) throws(SegmentStoreError) {
    try requireTransaction()
    try sql { () throws(SQLiteError) in
      if let value {
        try connection.execute(
          "INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
          .text(name), .blob(value))
      } else {
        try connection.execute("DELETE FROM setting WHERE name = ?", .text(name))
      }
    }
  }

  // MARK: Rows

  private func upsert(
    _ column: String, _ value: SQLiteValue, peer key: [UInt8]
  ) throws(SegmentStoreError) {
    try requireTransaction()
    try sql { () throws(SQLiteError) in
      try connection.execute(
        """
        INSERT INTO peer (key, \(column)) VALUES (?, ?)
        ON CONFLICT DO UPDATE SET \(column) = excluded.\(column)
        """, .blob(key), value)
    }
  }

  /// A vector and its checksum, which earlier releases did not write.
  private static func vector(_ bytes: [UInt8]) throws(ByteDecodingError) -> VersionVector {
    var reader = ByteReader(bytes)
    let vector = try VersionVector(from: &reader)
    if reader.remaining > 0 {
      let covered = bytes.dropLast(reader.remaining)
      guard try reader.readFixed32("checksum") == CRC32C.checksum(covered) else {
        throw ByteDecodingError(.checksumMismatch, "acknowledged vector")
      }
    }
    try reader.finish("acknowledged vector")
    return vector
  }

  private static func peer(_ row: borrowing SQLiteRows) throws(SQLiteError) -> PeerRecord {
    var peer = PeerRecord(key: try row.blob(0))
    if let bytes = try row.optionalBlob(1) {
      // What has rotted is forgotten: the peer tells it again, and until then it has nothing.
      peer.acknowledged = (try? vector(bytes)) ?? VersionVector()
    }
    peer.lastContactMilliseconds = try row.optionalInteger(2)
    peer.lastError = try row.optionalText(3)
    return peer
  }
}
