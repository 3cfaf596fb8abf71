import SQLiteBridge
package import Sealing

extension SegmentStore {
  /// Keeps a receipt of a device in place of its earlier one; the receipt itself is opaque here.
  ///
  /// - Returns: false when the one that is kept has this number or a higher one.
  package func keepReceipt(
    _ bytes: [UInt8], number: UInt64, of device: SigningKey.Public
  ) throws(SegmentStoreError) -> Bool {
    try requireTransaction()
    return try sql { () throws(SQLiteError) in
      try connection.execute(
        """
        INSERT INTO receipt (device, number, bytes) VALUES (?, ?, ?)
        ON CONFLICT DO UPDATE SET number = excluded.number, bytes = excluded.bytes
        WHERE excluded.number > receipt.number
        """, .blob(device.array), SQLiteValue(clampedCounter: number), .blob(bytes))
      return connection.changedRowCount > 0
    }
  }

  /// The last receipt of each device, sorted by device.
  package func receipts() throws(SegmentStoreError) -> [[UInt8]] {
    try sql { () throws(SQLiteError) in
      var receipts: [[UInt8]] = []
      var rows = try connection.query("SELECT bytes FROM receipt ORDER BY device")
      while try rows.next() { receipts.append(try rows.blob(0)) }
      return receipts
    }
  }
}
