package import ByteCoding
package import Causality

extension ContainerKind {
  package init(from reader: inout ByteReader) throws(ByteDecodingError) {
    let start = reader.offset
    guard let kind = ContainerKind(rawValue: try reader.readByte("container kind")) else {
      throw ByteDecodingError(.invalidValue, "container kind", at: start)
    }
    self = kind
  }
}

extension Key {
  package init(from reader: inout ByteReader) throws(ByteDecodingError) {
    self.init(try reader.readString("key", limit: Key.byteCountMax))
  }
}

extension Value {
  /// A tag byte and the value: 0 null, 1 false, 2 true, 3 integer (signed varint), 4 double (eight
  /// bytes, big-endian), 5 string, 6 bytes, 7 timestamp (signed varint, milliseconds).
  package func write(to writer: inout ByteWriter) {
    switch self {
    case .null: writer.write(0 as UInt8)
    case .bool(let flag): writer.write((flag ? 2 : 1) as UInt8)
    case .integer(let number):
      writer.write(3 as UInt8)
      writer.write(signed: number)
    case .double(let number):
      writer.write(4 as UInt8)
      writer.write(fixed: number.bitPattern)
    case .string(let text):
      writer.write(5 as UInt8)
      writer.write(string: text)
    case .bytes(let bytes):
      writer.write(6 as UInt8)
      writer.write(lengthPrefixed: bytes)
    case .timestamp(let moment):
      writer.write(7 as UInt8)
      writer.write(signed: moment.milliseconds)
    }
  }

  /// - Throws: `invalidValue` for an unknown tag, a double that is not finite, and a time that
  ///   cannot be written.
  package init(from reader: inout ByteReader) throws(ByteDecodingError) {
    let start = reader.offset
    switch try reader.readByte("value") {
    case 0: self = .null
    case 1: self = .bool(false)
    case 2: self = .bool(true)
    case 3: self = .integer(try reader.readSigned("integer"))
    case 4:
      let number = Double(bitPattern: try reader.readFixed64("double"))
      guard number.isFinite else { throw ByteDecodingError(.invalidValue, "double", at: start) }
      self = .double(number)
    case 5: self = .string(try reader.readString("string"))
    case 6: self = .bytes(try reader.readLengthPrefixed("bytes"))
    case 7:
      guard let moment = Timestamp(milliseconds: try reader.readSigned("timestamp")) else {
        throw ByteDecodingError(.invalidValue, "timestamp", at: start)
      }
      self = .timestamp(moment)
    default: throw ByteDecodingError(.invalidValue, "value", at: start)
    }
  }
}

/// Origins by number, in ascending order: what stands once in front of bytes that name them often.
package struct OriginTable: Sendable {
  package let origins: [Origin]
  private let places: [Origin: Int]

  package init(_ origins: some Sequence<Origin>) {
    self.origins = Set(origins).sorted()
    places = Dictionary(
      uniqueKeysWithValues: self.origins.enumerated().map { ($0.element, $0.offset) })
  }

  package func place(of origin: Origin) -> Int {
    guard let place = places[origin] else {
      preconditionFailure("\(origin) was not collected for the table")
    }
    return place
  }

  package func write(to writer: inout ByteWriter) {
    writer.write(count: origins.count)
    for origin in origins { origin.write(to: &writer) }
  }

  package init(from reader: inout ByteReader) throws(ByteDecodingError) {
    let count = try reader.readCount("origin count", minimumBytesEach: Origin.byteCount)
    var origins: [Origin] = []
    origins.reserveCapacity(count)
    for _ in 0..<count {
      let start = reader.offset
      let origin = try Origin(from: &reader)
      guard origins.last.map({ $0 < origin }) ?? true else {
        throw ByteDecodingError(.notCanonical, "origin table", at: start)
      }
      origins.append(origin)
    }
    self.init(origins)
  }
}
