public import ByteCoding

/// One incarnation of a replica: a random 128-bit id under which it writes.
///
/// A restored or cloned replica goes on under a new origin, so an origin and a sequence number name
/// one change for ever. Origins are ordered as their sixteen big-endian bytes.
public struct Origin: Hashable, Comparable, Sendable {
  public static let byteCount = 16

  public let high: UInt64
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Reads 32 hexadecimal digits.
  public init?(hexadecimal text: some StringProtocol) {
    guard text.utf8.count == 32, let bytes = Hexadecimal.decode(text) else { return nil }
    self.init(bytes: bytes)
  }

  /// Takes sixteen bytes, the most significant first; nil for any other number.
  @inlinable
  public init?(bytes: some Collection<UInt8>) {
    guard let halves = Identifier128.halves(of: bytes) else { return nil }
    self.init(high: halves.high, low: halves.low)
  }

  /// Sixteen bytes, the most significant first.
  public var bytes: [UInt8] {
    var writer = ByteWriter(reservingCapacity: Origin.byteCount)
    write(to: &writer)
    return writer.bytes
  }

  public static func < (left: Origin, right: Origin) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }
}

extension Origin: CustomStringConvertible {
  /// 32 lower-case hexadecimal digits.
  public var description: String { Hexadecimal.encode(bytes) }
}

extension Origin {
  public func write(to writer: inout ByteWriter) {
    writer.write(fixed: high, low)
  }

  public init(from reader: inout ByteReader) throws(ByteDecodingError) {
    high = try reader.readFixed64("origin")
    low = try reader.readFixed64("origin")
  }
}
