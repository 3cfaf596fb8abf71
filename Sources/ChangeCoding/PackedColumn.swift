import ByteCoding
import ByteCompression

// A column of a history chunk: how long it is, whether it is packed, and the bytes.

extension ByteWriter {
  /// Shorter columns are not worth a look.
  private static let packedCountMin = 32

  /// Writes a column, packed where that makes it shorter.
  mutating func write(column: [UInt8], _ effort: Zstandard.Effort?) {
    if let effort, column.count >= Self.packedCountMin {
      let packed = Zstandard.compress(column, effort)
      if packed.count + 2 < column.count {
        write(count: packed.count << 1 | 1)
        write(count: column.count)
        return write(raw: packed)
      }
    }
    write(count: column.count << 1)
    write(raw: column)
  }
}

extension ByteReader {
  /// Reads a column, unpacked.
  ///
  /// - Parameter bytesLeft: how many bytes this column and those after it may have.
  mutating func readColumn(
    _ field: String, bytesLeft: inout Int
  ) throws(ByteDecodingError) -> ByteReader {
    let start = offset
    let head = try readVarint(field)
    guard let count = Int(exactly: head >> 1), count <= remaining else {
      throw ByteDecodingError(.truncated, field, at: start)
    }
    guard head & 1 == 1 else {
      guard count <= bytesLeft else {
        throw ByteDecodingError(.limitExceeded, field, at: start)
      }
      bytesLeft -= count
      return try readSlice(count, field)
    }
    let plainCount = try readCount(field, minimumBytesEach: 0, limit: bytesLeft)
    bytesLeft -= plainCount
    let packed = try readRaw(count, field)
    return ByteReader(try Zstandard.decompress(packed, count: plainCount, field))
  }
}
