/// CRC-32C (Castagnoli), which finds every burst of damage up to 32 bits: for bytes at rest, not
/// against an adversary.
///
/// The polynomial and the bit order are those of RFC 3720, appendix B.4.
public enum CRC32C {
  /// The checksum of `bytes`. Complexity: O(n), eight bytes a step.
  public static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var crc = UInt32.max
    let summed: Void? = bytes.withContiguousStorageIfAvailable { crc = advance(crc, over: $0) }
    if summed == nil {
      for byte in bytes { crc = step(crc, byte) }
    }
    return ~crc
  }

  private static func step(_ crc: UInt32, _ byte: UInt8) -> UInt32 {
    (crc >> 8) ^ tables[Int(UInt8(truncatingIfNeeded: crc) ^ byte)]
  }

  /// Slicing by eight: eight table look-ups replace eight dependent steps.
  private static func advance(_ start: UInt32, over bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
    var crc = start
    var index = 0
    tables.withUnsafeBufferPointer { table in
      while bytes.count - index >= 8 {
        let low =
          crc
          ^ (UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]) << 16
            | UInt32(bytes[index + 3]) << 24)
        crc =
          table[7 * 256 + Int(low & 0xFF)] ^ table[6 * 256 + Int(low >> 8 & 0xFF)]
          ^ table[5 * 256 + Int(low >> 16 & 0xFF)] ^ table[4 * 256 + Int(low >> 24)]
          ^ table[3 * 256 + Int(bytes[index + 4])] ^ table[2 * 256 + Int(bytes[index + 5])]
          ^ table[256 + Int(bytes[index + 6])] ^ table[Int(bytes[index + 7])]
        index += 8
      }
    }
    while index < bytes.count {
      crc = step(crc, bytes[index])
      index += 1
    }
    return crc
  }

  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for value in 0..<256 {
      var crc = UInt32(value)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
      tables[value] = crc
    }
    for index in 256..<tables.count {
      let before = tables[index - 256]
      tables[index] = before >> 8 ^ tables[Int(before & 0xFF)]
    }
    return tables
  }()
}
