import ByteCoding

/// A column of bytes of which neighbours are often equal: pairs of a byte and how often it stands.
struct ByteRunWriter {
  private(set) var column = ByteWriter()
  private var current: UInt8 = 0
  private var count = 0

  mutating func append(_ byte: UInt8) {
    if count > 0, byte != current { flush() }
    current = byte
    count += 1
  }

  mutating func flush() {
    guard count > 0 else { return }
    column.write(current)
    column.write(count: count)
    count = 0
  }

  /// Begins another column, in the same memory.
  mutating func removeAll() {
    column.removeAll()
    count = 0
  }
}

struct ByteRunReader {
  private var column: ByteReader
  private var current: UInt8?
  private var left: UInt64 = 0

  init(_ column: ByteReader) {
    self.column = column
  }

  mutating func next(_ field: String) throws(ByteDecodingError) -> UInt8 {
    if left == 0 {
      let start = column.offset
      let byte = try column.readByte(field)
      left = try column.readVarint(field)
      guard left > 0, byte != current else {
        throw ByteDecodingError(.notCanonical, field, at: start)
      }
      current = byte
    }
    left -= 1
    return current ?? 0
  }

  func finish(_ field: String) throws(ByteDecodingError) {
    guard left == 0 else { throw ByteDecodingError(.trailingBytes, field, at: column.offset) }
    try column.finish(field)
  }
}
