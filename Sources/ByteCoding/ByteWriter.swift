/// Appends values to a growing run of bytes, in the encodings that ``ByteReader`` reads back.
///
/// Integers are LEB128 varints in their shortest form unless a method says fixed; fixed integers
/// are big-endian, so that they sort as bytes as they sort as numbers.
public struct ByteWriter: Sendable {
  @usableFromInline package var storage: [UInt8]

  /// The bytes written so far.
  @inlinable public var bytes: [UInt8] { storage }
  @inlinable public var count: Int { storage.count }

  @inlinable
  public init(reservingCapacity capacity: Int = 0) {
    storage = []
    storage.reserveCapacity(capacity)
  }

  /// Forgets what was written and keeps the memory for what comes.
  @inlinable
  public mutating func removeAll() {
    storage.removeAll(keepingCapacity: true)
  }

  @inlinable
  public mutating func write(_ byte: UInt8) {
    storage.append(byte)
  }

  /// Writes bytes as they are, without a length.
  @inlinable
  public mutating func write(raw bytes: some Sequence<UInt8>) {
    storage.append(contentsOf: bytes)
  }

  /// Writes an unsigned integer in 1 to 10 bytes.
  @inlinable
  public mutating func write(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      storage.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    storage.append(UInt8(truncatingIfNeeded: rest))
  }

  /// Writes a count or an index that is known not to be negative.
  @inlinable
  public mutating func write(count value: Int) {
    precondition(value >= 0, "a count is never negative")
    write(varint: UInt64(value))
  }

  /// Writes a signed integer, small magnitudes in few bytes (zigzag).
  @inlinable
  public mutating func write(signed value: Int64) {
    write(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  @inlinable
  public mutating func write(fixed value: UInt64) {
    withUnsafeBytes(of: value.bigEndian) { storage.append(contentsOf: $0) }
  }

  /// Writes sixteen bytes, the most significant first.
  @inlinable
  public mutating func write(fixed high: UInt64, _ low: UInt64) {
    withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { storage.append(contentsOf: $0) }
  }

  @inlinable
  public mutating func write(fixed value: UInt32) {
    withUnsafeBytes(of: value.bigEndian) { storage.append(contentsOf: $0) }
  }

  @inlinable
  public mutating func write(fixed value: UInt16) {
    withUnsafeBytes(of: value.bigEndian) { storage.append(contentsOf: $0) }
  }

  /// Writes a length and the bytes.
  @inlinable
  public mutating func write(lengthPrefixed bytes: some Collection<UInt8>) {
    write(count: bytes.count)
    storage.append(contentsOf: bytes)
  }

  /// Writes a length in UTF-8 bytes and the text.
  @inlinable
  public mutating func write(string: String) {
    write(lengthPrefixed: string.utf8)
  }

  @inlinable
  public mutating func write(bool: Bool) {
    storage.append(bool ? 1 : 0)
  }
}
