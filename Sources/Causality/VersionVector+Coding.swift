public import ByteCoding

extension VersionVector {
  /// The most origins that a vector read from bytes may name.
  public static let originCountMax = 100_000

  /// Count, then for each origin in ascending order its sixteen bytes and its sequence as a varint.
  public func write(to writer: inout ByteWriter) {
    writer.write(count: entries.count)
    for entry in entries {
      entry.origin.write(to: &writer)
      writer.write(varint: entry.sequence)
    }
  }

  public init(from reader: inout ByteReader) throws(ByteDecodingError) {
    let count = try reader.readCount(
      "version vector", minimumBytesEach: Origin.byteCount + 1, limit: Self.originCountMax)
    self.init()
    var previous: Origin?
    for _ in 0..<count {
      let start = reader.offset
      let origin = try Origin(from: &reader)
      let sequence = try reader.readVarint("sequence")
      guard sequence > 0, previous.map({ $0 < origin }) ?? true else {
        throw ByteDecodingError(.notCanonical, "version vector", at: start)
      }
      append(Entry(origin: origin, sequence: sequence))
      previous = origin
    }
  }

  /// `v1:` and the bytes of the vector in base64url: how versions are shown and taken on command
  /// lines.
  public var text: String {
    var writer = ByteWriter()
    write(to: &writer)
    return "v1:" + Base64URL.encode(writer.bytes)
  }

  public init(text: some StringProtocol) throws(ByteDecodingError) {
    guard text.hasPrefix("v1:") else {
      throw ByteDecodingError(.unsupportedVersion, "version '\(text.prefix(40))'")
    }
    var reader = ByteReader(try Base64URL.decode(text.dropFirst(3)))
    try self.init(from: &reader)
    try reader.finish("version")
  }
}

extension VersionVector: CustomStringConvertible {
  public var description: String { text }
}
