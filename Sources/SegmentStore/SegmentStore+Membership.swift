import SQLiteBridge
package import Sealing

extension SegmentStore {
  private static let membershipDomain = Domain("skerry members")

  /// Keeps a membership record under its hash; the record itself is opaque here.
  ///
  /// - Returns: whether it is new.
  package func insertMembership(
    _ bytes: [UInt8], hash: Digest
  ) throws(SegmentStoreError) -> Bool {
    try requireTransaction()
    return try sql { () throws(SQLiteError) in
      try connection.execute(
        "INSERT INTO membership_record (hash, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING",
        .blob(hash.array), .blob(bytes))
      return connection.changedRowCount > 0
    }
  }

  /// All records, in the order in which they came.
  package func membershipRecords() throws(SegmentStoreError) -> [[UInt8]] {
    try sql { () throws(SQLiteError) in
      var records: [[UInt8]] = []
      var rows = try connection.query("SELECT bytes FROM membership_record ORDER BY position")
      while try rows.next() { records.append(try rows.blob(0)) }
      return records
    }
  }

  /// How many records there are, and their bytes.
  package func membershipTotals() throws(SegmentStoreError) -> (records: Int, bytes: Int) {
    try sql { () throws(SQLiteError) in
      let totals = try connection.first(
        "SELECT count(*), coalesce(sum(length(bytes)), 0) FROM membership_record"
      ) { (row) throws(SQLiteError) in (try row.count(0), try row.count(1)) }
      return totals ?? (0, 0)
    }
  }

  /// A hash of the set of records, whatever the order in which they came: over their sorted hashes.
  package func membershipDigest() throws(SegmentStoreError) -> Digest {
    try sql { () throws(SQLiteError) in
      let state = HashState(domain: Self.membershipDomain)
      var rows = try connection.query("SELECT hash FROM membership_record ORDER BY hash")
      while try rows.next() { state.update(try Self.digest(0, of: rows)) }
      return state.finish()
    }
  }
}
