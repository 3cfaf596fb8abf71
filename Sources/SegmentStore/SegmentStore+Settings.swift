import SQLiteBridge

extension SegmentStore {
  /// The settings whose names begin like this, sorted by name.
  package func settings(
    beginning prefix: String
  ) throws(SegmentStoreError) -> [(name: String, value: [UInt8])] {
    try sql { () throws(SQLiteError) in
      var found: [(name: String, value: [UInt8])] = []
      var rows = try connection.query(
        "SELECT name, value FROM setting WHERE substr(name, 1, ?) = ? ORDER BY name",
        .integer(Int64(prefix.unicodeScalars.count)), .text(prefix))
      while try rows.next() { found.append((try rows.text(0), try rows.blob(1))) }
      return found
    }
  }
}
