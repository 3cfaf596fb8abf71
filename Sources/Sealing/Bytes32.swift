package import ByteCoding

/// Thirty-two bytes held inline, ordered as bytes: what keys, hashes and ids are made of.
package struct Bytes32: Sendable {
  /// The bytes in memory order, eight a word.
  private var words: (UInt64, UInt64, UInt64, UInt64)

  package static let byteCount = 32
  package static let zero = Bytes32(words: (0, 0, 0, 0))

  private init(words: (UInt64, UInt64, UInt64, UInt64)) {
    self.words = words
  }

  /// Takes exactly 32 bytes; nil for any other number.
  package init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Bytes32.byteCount else { return nil }
    self.init { target in target.copyBytes(from: bytes) }
  }

  /// The same for what is read most, as other modules do not specialise the one above.
  package init?(_ bytes: [UInt8]) {
    self.init(bytes[...])
  }

  package init?(_ bytes: ArraySlice<UInt8>) {
    guard bytes.count == Bytes32.byteCount else { return nil }
    self.init { target in bytes.withUnsafeBytes { target.copyMemory(from: $0) } }
  }

  package init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count == Bytes32.byteCount else { return nil }
    self.init { $0.copyMemory(from: bytes) }
  }

  /// Lets `fill` write the 32 bytes, which start as zeros.
  package init(filledBy fill: (UnsafeMutableRawBufferPointer) -> Void) {
    words = (0, 0, 0, 0)
    withUnsafeMutableBytes(of: &words, fill)
  }

  /// Copies 32 bytes from `source`, which must have as many.
  package init(loadingFrom source: UnsafeRawPointer) {
    self.init { $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: 32)) }
  }

  package func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try Swift.withUnsafeBytes(of: words, body)
  }

  package var array: [UInt8] { withUnsafeBytes { Array($0) } }
  package var hexadecimal: String { withUnsafeBytes { Hexadecimal.encode($0) } }

  /// Reads 64 hexadecimal digits.
  package init?(hexadecimal text: some StringProtocol) {
    guard text.utf8.count == 64, let bytes = Hexadecimal.decode(text) else { return nil }
    self.init(bytes)
  }
}

extension Bytes32: Hashable, Comparable {
  package static func == (left: Bytes32, right: Bytes32) -> Bool { left.words == right.words }

  package static func < (left: Bytes32, right: Bytes32) -> Bool {
    (
      left.words.0.bigEndian, left.words.1.bigEndian, left.words.2.bigEndian,
      left.words.3.bigEndian
    ) < (
      right.words.0.bigEndian, right.words.1.bigEndian, right.words.2.bigEndian,
      right.words.3.bigEndian
    )
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }
}

extension Bytes32 {
  package func write(to writer: inout ByteWriter) {
    withUnsafeBytes { writer.write(raw: $0) }
  }

  package init(
    from reader: inout ByteReader, _ field: String
  ) throws(ByteDecodingError) {
    let start = reader.offset
    guard let value = Bytes32(try reader.readRaw(Bytes32.byteCount, field)) else {
      throw ByteDecodingError(.truncated, field, at: start)
    }
    self = value
  }
}

/// A type of its own around 32 bytes, so that a hash is not taken for a key.
package protocol Identifier32: Hashable, Comparable, Sendable, CustomStringConvertible {
  var bytes: Bytes32 { get }
  init(_ bytes: Bytes32)
}

extension Identifier32 {
  /// Takes exactly 32 bytes; nil for any other number.
  package init?(_ array: some Collection<UInt8>) {
    guard let bytes = Bytes32(array) else { return nil }
    self.init(bytes)
  }

  package init?(_ array: [UInt8]) {
    guard let bytes = Bytes32(array) else { return nil }
    self.init(bytes)
  }

  /// Reads 64 hexadecimal digits.
  package init?(hexadecimal text: some StringProtocol) {
    guard let bytes = Bytes32(hexadecimal: text) else { return nil }
    self.init(bytes)
  }

  package init(
    from reader: inout ByteReader, _ field: String
  ) throws(ByteDecodingError) {
    self.init(try Bytes32(from: &reader, field))
  }

  package func write(to writer: inout ByteWriter) { bytes.write(to: &writer) }

  package var array: [UInt8] { bytes.array }
  package var hexadecimal: String { bytes.hexadecimal }
  /// 64 lower-case hexadecimal digits.
  package var description: String { hexadecimal }

  package static func < (left: Self, right: Self) -> Bool { left.bytes < right.bytes }
}
