/// Reads values from a bounded run of bytes and never beyond it.
///
/// Every length is checked against what remains before anything is converted or allocated, and
/// every value has one accepted encoding, so that equal values are equal bytes.
public struct ByteReader: Sendable {
  @usableFromInline let bytes: [UInt8]
  @usableFromInline let end: Int
  /// The position of the next byte, from the start of the array that was handed in.
  @inlinable public var offset: Int { next }
  @usableFromInline var next: Int

  /// The bytes that are left.
  @inlinable public var remaining: Int { end &- offset }
  public var isAtEnd: Bool { offset == end }

  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
    next = 0
    end = bytes.count
  }

  public init(_ slice: ArraySlice<UInt8>) {
    self.init(Array(slice))
  }

  private init(_ bytes: [UInt8], from offset: Int, to end: Int) {
    self.bytes = bytes
    next = offset
    self.end = end
  }

  @usableFromInline
  func failure(_ code: ByteDecodingError.Code, _ field: String) -> ByteDecodingError {
    ByteDecodingError(code, field, at: offset)
  }

  @inlinable
  @inline(__always)
  public mutating func readByte(_ field: String) throws(ByteDecodingError) -> UInt8 {
    guard offset < end else { throw failure(.truncated, field) }
    let byte = bytes[offset]
    next &+= 1
    return byte
  }

  /// Reads an unsigned integer, seven bits a byte, the lowest first. Most have one byte.
  @inlinable
  @inline(__always)
  public mutating func readVarint(_ field: String) throws(ByteDecodingError) -> UInt64 {
    if offset < end {
      let byte = bytes[offset]
      if byte < 0x80 {
        next &+= 1
        return UInt64(byte)
      }
    }
    return try readLongVarint(field)
  }

  @usableFromInline
  mutating func readLongVarint(_ field: String) throws(ByteDecodingError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    var position = offset
    while true {
      guard position < end else { throw failure(.truncated, field) }
      let byte = bytes[position]
      position += 1
      if shift == 63, byte > 1 { throw failure(.invalidValue, field) }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 {
        if byte == 0, shift > 0 { throw failure(.notCanonical, field) }
        break
      }
      shift += 7
      if shift > 63 { throw failure(.invalidValue, field) }
    }
    next = position
    return value
  }

  /// Reads a count of things of which each takes at least `minimumBytesEach` of the bytes that are
  /// left.
  ///
  /// - Throws: `truncated` when so many cannot follow, `limitExceeded` above `limit`.
  @inlinable
  @inline(__always)
  public mutating func readCount(
    _ field: String, minimumBytesEach: Int = 1, limit: Int = Int.max
  ) throws(ByteDecodingError) -> Int {
    let start = offset
    let value = try readVarint(field)
    // Where this is called the divisor is a constant, so that nothing is divided.
    guard value <= UInt64(limit),
      minimumBytesEach == 0 || value <= UInt64(remaining / minimumBytesEach)
    else { throw refusal(ofCount: value, above: limit, field, at: start) }
    return Int(value)
  }

  @usableFromInline
  @inline(never)
  func refusal(
    ofCount value: UInt64, above limit: Int, _ field: String, at start: Int
  ) -> ByteDecodingError {
    ByteDecodingError(value > UInt64(limit) ? .limitExceeded : .truncated, field, at: start)
  }

  /// Reads an integer that must lie in `range`.
  @inlinable
  @inline(__always)
  public mutating func readInt(
    _ field: String, in range: ClosedRange<Int>
  ) throws(ByteDecodingError) -> Int {
    let start = offset
    guard let value = Int(exactly: try readVarint(field)), range.contains(value) else {
      throw ByteDecodingError(.invalidValue, field, at: start)
    }
    return value
  }

  @inlinable
  @inline(__always)
  public mutating func readSigned(_ field: String) throws(ByteDecodingError) -> Int64 {
    let value = try readVarint(field)
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  public mutating func readFixed64(_ field: String) throws(ByteDecodingError) -> UInt64 {
    UInt64(bigEndian: try readLoaded(field))
  }

  public mutating func readFixed32(_ field: String) throws(ByteDecodingError) -> UInt32 {
    UInt32(bigEndian: try readLoaded(field))
  }

  public mutating func readFixed16(_ field: String) throws(ByteDecodingError) -> UInt16 {
    UInt16(bigEndian: try readLoaded(field))
  }

  /// The next bytes as they lie in memory.
  private mutating func readLoaded<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ field: String
  ) throws(ByteDecodingError) -> Integer {
    let size = MemoryLayout<Integer>.size
    guard remaining >= size else { throw failure(.truncated, field) }
    defer { next += size }
    return bytes.withUnsafeBytes {
      $0.loadUnaligned(fromByteOffset: offset, as: Integer.self)
    }
  }

  public mutating func readBool(_ field: String) throws(ByteDecodingError) -> Bool {
    let byte = try readByte(field)
    guard byte <= 1 else { throw ByteDecodingError(.invalidValue, field, at: offset - 1) }
    return byte == 1
  }

  /// Reads exactly `count` bytes.
  public mutating func readRaw(
    _ count: Int, _ field: String
  ) throws(ByteDecodingError) -> [UInt8] {
    guard count >= 0, count <= remaining else { throw failure(.truncated, field) }
    defer { next += count }
    return Array(bytes[offset..<(offset + count)])
  }

  public mutating func readLengthPrefixed(
    _ field: String, limit: Int = Int.max
  ) throws(ByteDecodingError) -> [UInt8] {
    let count = try readCount(field, limit: limit)
    return try readRaw(count, field)
  }

  /// Reads a count and as many bytes, which `body` is shown where they lie.
  public mutating func readLengthPrefixed<Result>(
    _ field: String, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) throws(ByteDecodingError) -> Result {
    let count = try readCount(field)
    defer { next += count }
    return bytes.withUnsafeBufferPointer {
      body(UnsafeBufferPointer(rebasing: $0[next..<(next + count)]))
    }
  }

  public mutating func readString(
    _ field: String, limit: Int = Int.max
  ) throws(ByteDecodingError) -> String {
    let count = try readCount(field, limit: limit)
    return try readText(count, field)
  }

  /// Reads exactly `count` bytes that must be UTF-8.
  public mutating func readText(
    _ count: Int, _ field: String
  ) throws(ByteDecodingError) -> String {
    guard count >= 0, count <= remaining else { throw failure(.truncated, field) }
    // What most names and keystrokes are: the library's way to validate costs ten times as much.
    let short = bytes.withUnsafeBufferPointer { bytes -> String? in
      let text = UnsafeBufferPointer(rebasing: bytes[offset..<(offset + count)])
      guard count <= 15, text.allSatisfy({ $0 < 0x80 }) else { return nil }
      return String(decoding: text, as: UTF8.self)
    }
    guard
      let text = short
        ?? String(validating: bytes[offset..<(offset + count)], as: UTF8.self)
    else { throw failure(.invalidUTF8, field) }
    next += count
    return text
  }

  /// The bytes from here up to an offset, which is not before and within what can be read.
  func slice(upTo end: Int) -> ArraySlice<UInt8> { bytes[next..<end] }

  /// A reader over the next `count` bytes, which this reader then stands behind. Nothing is copied.
  public mutating func readSlice(
    _ count: Int, _ field: String
  ) throws(ByteDecodingError) -> ByteReader {
    guard count >= 0, count <= remaining else { throw failure(.truncated, field) }
    defer { next += count }
    return ByteReader(bytes, from: offset, to: offset + count)
  }

  /// Checks that nothing follows.
  public func finish(_ field: String) throws(ByteDecodingError) {
    guard isAtEnd else { throw failure(.trailingBytes, field) }
  }
}
