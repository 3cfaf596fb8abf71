/// CRC-32C (Castagnoli), which finds every burst of damage up to 32 bits: for bytes at rest, not
/// against an adversary.
///
/// The polynomial and the bit order are those of RFC 3720, appendix B.4.
public enum CRC32C {
  /// The checksum of `bytes`. Complexity: O(n), sixteen bytes a step, sixty-four where there are
  /// many.
  public static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var crc = UInt32.max
    let summed: Void? = bytes.withContiguousStorageIfAvailable { crc = advance(crc, over: $0) }
    if summed == nil {
      for byte in bytes { crc = step(crc, byte) }
    }
    return ~crc
  }

  /// The same for what nearly everybody has.
  public static func checksum(_ bytes: [UInt8]) -> UInt32 {
    bytes.withUnsafeBufferPointer { ~advance(.max, over: $0) }
  }

  public static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBufferPointer { ~advance(.max, over: $0) }
  }

  private static func step(_ crc: UInt32, _ byte: UInt8) -> UInt32 {
    (crc >> 8) ^ tables[Int(UInt8(truncatingIfNeeded: crc) ^ byte)]
  }

  private static func advance(_ start: UInt32, over bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
    let raw = UnsafeRawBufferPointer(bytes)
    return raw.count >= foldedMin ? fold(start, over: raw) : lookUp(start, over: raw)
  }

  /// Carries the checksum so far over some bytes, sliced by sixteen: as many table look-ups that do
  /// not wait for each other replace as many steps that do.
  static func lookUp(_ start: UInt32, over raw: UnsafeRawBufferPointer) -> UInt32 {
    var crc = start
    var index = 0
    func word(at offset: Int) -> UInt64 {
      UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    tables.withUnsafeBufferPointer { tables in
      guard let table = tables.baseAddress else { return }
      while raw.count - index >= 16 {
        let low = word(at: index) ^ UInt64(crc)
        let high = word(at: index + 8)
        crc = lookUp(low, table + 8 * 256) ^ lookUp(high, table)
        index += 16
      }
      if raw.count - index >= 8 {
        crc = lookUp(word(at: index) ^ UInt64(crc), table)
        index += 8
      }
    }
    while index < raw.count {
      crc = step(crc, raw[index])
      index += 1
    }
    return crc
  }

  /// Eight bytes, of which the first has the longest way to go: seven tables beyond `table`.
  @inline(__always)
  private static func lookUp(_ word: UInt64, _ table: UnsafePointer<UInt32>) -> UInt32 {
    table[7 * 256 + Int(word & 0xFF)] ^ table[6 * 256 + Int(word >> 8 & 0xFF)]
      ^ table[5 * 256 + Int(word >> 16 & 0xFF)] ^ table[4 * 256 + Int(word >> 24 & 0xFF)]
      ^ table[3 * 256 + Int(word >> 32 & 0xFF)] ^ table[2 * 256 + Int(word >> 40 & 0xFF)]
      ^ table[256 + Int(word >> 48 & 0xFF)] ^ table[Int(word >> 56)]
  }

  /// Table n carries a byte over the n bytes behind it.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 16 * 256)
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
