public import ByteCoding

/// Names one document in a workspace: 128 bits, handed in by who creates the document, most of them
/// random.
///
/// Two replicas never make the same id, so creating needs no agreement. Ids are ordered as their
/// sixteen big-endian bytes.
public struct DocumentID: Hashable, Comparable, Sendable {
  public static let byteCount = 16

  public let high: UInt64
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// A new id that begins with the Lamport time of the change that makes the document, so that
  /// documents made one after the other lie beside each other in a store. No clock has a part in
  /// it.
  ///
  /// - Parameters:
  ///   - lamport: its lower 48 bits are used.
  ///   - random: 80 bits of it are used.
  package init(madeAt lamport: UInt64, random: (UInt64, UInt64)) {
    high = lamport << 16 | random.0 >> 48
    low = random.1
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
    var writer = ByteWriter(reservingCapacity: DocumentID.byteCount)
    write(to: &writer)
    return writer.bytes
  }

  public static func < (left: DocumentID, right: DocumentID) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }
}

extension DocumentID: CustomStringConvertible {
  /// 32 lower-case hexadecimal digits.
  public var description: String { Hexadecimal.encode(bytes) }
}

extension DocumentID {
  public func write(to writer: inout ByteWriter) {
    writer.write(fixed: high, low)
  }

  public init(from reader: inout ByteReader) throws(ByteDecodingError) {
    high = try reader.readFixed64("document id")
    low = try reader.readFixed64("document id")
  }
}
