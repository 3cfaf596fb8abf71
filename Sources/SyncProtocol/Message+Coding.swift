package import ByteCoding
import Causality

// The layout is specified in FORMAT.md; the numbers of kinds are never given twice.
private enum Kind {
  static let hello: UInt8 = 1
  static let tips: UInt8 = 2
  static let records: UInt8 = 3
  static let segment: UInt8 = 4
  static let segmentPart: UInt8 = 5
  static let acknowledge: UInt8 = 6
  static let credit: UInt8 = 7
  static let have: UInt8 = 8
  static let want: UInt8 = 9
  static let ping: UInt8 = 10
  static let pong: UInt8 = 11
  static let status: UInt8 = 12
  static let bye: UInt8 = 13
  static let receipts: UInt8 = 0x81
  static let presence: UInt8 = 0x82
  static let snapshotOffer: UInt8 = 0x83
  static let snapshotWant: UInt8 = 0x84
  static let snapshotPart: UInt8 = 0x85
  static let snapshotDone: UInt8 = 0x86
  static let folded: UInt8 = 0x87
  static let bases: UInt8 = 0x88
  static let documentWant: UInt8 = 0x89
  static let documentPart: UInt8 = 0x8A
  static let chains: UInt8 = 0x8B
  /// Set in a kind that a reader who does not know it may step over.
  static let mayBeIgnored: UInt8 = 0x80
}

extension Message {
  /// Whether nothing may follow on the stream.
  var isLast: Bool { if case .bye = self { true } else { false } }

  /// The bytes of the message: its kind, then its fields.
  package func encoded() -> [UInt8] {
    var writer = ByteWriter()
    switch self {
    case .hello(let hello):
      writer.write(Kind.hello)
      hello.write(to: &writer)
    case .tips(let tips, let isLast):
      writer.write(Kind.tips)
      writer.write(bool: isLast)
      writer.write(count: tips.count)
      for tip in tips {
        tip.origin.write(to: &writer)
        writer.write(varint: tip.sequence)
        writer.write(fixed: tip.chainPrefix)
      }
    case .records(let records, let isLast):
      writer.write(Kind.records)
      writer.write(bool: isLast)
      writer.write(count: records.count)
      for record in records { writer.write(lengthPrefixed: record) }
    case .segment(let head, let part):
      writer = ByteWriter(reservingCapacity: part.count + 48)
      writer.write(Kind.segment)
      head.origin.write(to: &writer)
      writer.write(varint: head.first)
      writer.write(varint: head.last - head.first)
      writer.write(count: head.byteCount)
      writer.write(raw: part)
    case .segmentPart(let part):
      writer = ByteWriter(reservingCapacity: part.count + 1)
      writer.write(Kind.segmentPart)
      writer.write(raw: part)
    case .acknowledge(let vector):
      writer = ByteWriter(reservingCapacity: vector.entries.count * 26 + 4)
      writer.write(Kind.acknowledge)
      vector.write(to: &writer)
    case .credit(let bytes):
      writer.write(Kind.credit)
      writer.write(varint: bytes)
    case .have(let vector):
      writer.write(Kind.have)
      vector.write(to: &writer)
    case .want(let wants, let isAgain):
      writer.write(Kind.want)
      writer.write(bool: isAgain)
      writer.write(count: wants.count)
      for want in wants {
        want.origin.write(to: &writer)
        writer.write(varint: want.from)
      }
    case .ping(let number):
      writer.write(Kind.ping)
      writer.write(varint: number)
    case .pong(let number):
      writer.write(Kind.pong)
      writer.write(varint: number)
    case .status(let status):
      writer.write(Kind.status)
      writer.write(varint: status.code.rawValue)
      writer.write(bool: status.origin != nil)
      status.origin?.write(to: &writer)
      writer.write(string: status.sentence)
    case .bye:
      writer.write(Kind.bye)
    case .receipts(let receipts):
      writer.write(Kind.receipts)
      writer.write(count: receipts.count)
      for receipt in receipts { writer.write(lengthPrefixed: receipt) }
    case .presence(let note, let hops):
      writer.write(Kind.presence)
      writer.write(hops)
      writer.write(lengthPrefixed: note)
    case .snapshotOffer(let offer):
      writer.write(Kind.snapshotOffer)
      for number in [offer.format, offer.language, offer.documents, offer.changes] {
        writer.write(varint: number)
      }
    case .snapshotWant(let cursor, let byteBudget):
      writer.write(Kind.snapshotWant)
      writer.write(lengthPrefixed: cursor)
      writer.write(varint: byteBudget)
    case .snapshotPart(let bytes, let isLast):
      writer = ByteWriter(reservingCapacity: bytes.count + 8)
      writer.write(Kind.snapshotPart)
      writer.write(bool: isLast)
      writer.write(lengthPrefixed: bytes)
    case .snapshotDone: writer.write(Kind.snapshotDone)
    case .folded: writer.write(Kind.folded)
    case .bases(let bases):
      writer.write(Kind.bases)
      writer.write(count: bases.count)
      for base in bases {
        base.origin.write(to: &writer)
        writer.write(varint: base.sequence)
        writer.write(raw: base.hash)
      }
    case .documentWant(let id):
      writer.write(Kind.documentWant)
      writer.write(raw: id)
    case .documentPart(let bytes, let isLast):
      writer = ByteWriter(reservingCapacity: bytes.count + 8)
      writer.write(Kind.documentPart)
      writer.write(bool: isLast)
      writer.write(lengthPrefixed: bytes)
    case .chains(let digest):
      writer.write(Kind.chains)
      writer.write(fixed: digest.vector)
      writer.write(fixed: digest.hashes)
    case .ignorable(let kind):
      writer.write(kind | Kind.mayBeIgnored)
    }
    return writer.bytes
  }

  /// Reads one message that fills `bytes`.
  ///
  /// - Throws: `unsupportedVersion` for an unknown kind that may not be ignored; the other codes
  ///   for bytes that are not the one encoding of a message within its limits.
  package init(decoding bytes: [UInt8]) throws(ByteDecodingError) {
    guard bytes.count <= MessageLimits.messageBytesMax else {
      throw ByteDecodingError(.limitExceeded, "message")
    }
    var reader = ByteReader(bytes)
    let kind = try reader.readByte("message kind")
    switch kind {
    case Kind.hello: self = .hello(try Hello(from: &reader))
    case Kind.tips: self = try Message.tips(from: &reader)
    case Kind.records: self = try Message.records(from: &reader)
    case Kind.segment: self = try Message.segment(from: &reader)
    case Kind.segmentPart: self = .segmentPart(try Message.part(from: &reader))
    case Kind.acknowledge: self = .acknowledge(try VersionVector(from: &reader))
    case Kind.credit: self = .credit(try Message.creditBytes(from: &reader))
    case Kind.have: self = .have(try VersionVector(from: &reader))
    case Kind.want: self = try Message.want(from: &reader)
    case Kind.ping: self = .ping(try reader.readVarint("ping"))
    case Kind.pong: self = .pong(try reader.readVarint("pong"))
    case Kind.status: self = .status(try Status(from: &reader))
    case Kind.bye: self = .bye
    case Kind.receipts: self = try Message.receipts(from: &reader)
    case Kind.presence: self = try Message.presence(from: &reader)
    case Kind.snapshotOffer:
      self = .snapshotOffer(
        SnapshotOffer(
          format: try reader.readVarint("offer"), language: try reader.readVarint("offer"),
          documents: try reader.readVarint("offer"), changes: try reader.readVarint("offer")))
    case Kind.snapshotWant:
      self = .snapshotWant(
        cursor: try reader.readLengthPrefixed("cursor", limit: MessageLimits.cursorBytesMax),
        byteBudget: try reader.readVarint("budget"))
    case Kind.snapshotPart:
      let isLast = try reader.readBool("snapshot part")
      let bytes = try reader.readLengthPrefixed(
        "snapshot part", limit: MessageLimits.snapshotPartBytesMax)
      self = .snapshotPart(bytes, isLast: isLast)
    case Kind.snapshotDone: self = .snapshotDone
    case Kind.folded: self = .folded
    case Kind.bases: self = try Message.bases(from: &reader)
    case Kind.documentWant:
      self = .documentWant(try reader.readRaw(MessageLimits.documentBytes, "document"))
    case Kind.documentPart:
      let isLast = try reader.readBool("document part")
      let bytes = try reader.readLengthPrefixed(
        "document part", limit: MessageLimits.snapshotPartBytesMax)
      self = .documentPart(bytes, isLast: isLast)
    case Kind.chains:
      self = .chains(
        ChainDigest(
          vector: try reader.readFixed64("chains"), hashes: try reader.readFixed64("chains")))
    case Kind.mayBeIgnored...:
      self = .ignorable(kind: kind)
      return
    default:
      throw ByteDecodingError(.unsupportedVersion, "message of kind \(kind)")
    }
    try reader.finish("message of kind \(kind)")
  }

  private static func tips(from reader: inout ByteReader) throws(ByteDecodingError) -> Message {
    let isLast = try reader.readBool("tips")
    let count = try reader.readCount(
      "tips", minimumBytesEach: Origin.byteCount + 9, limit: MessageLimits.entriesMax)
    var tips: [ChainTip] = []
    tips.reserveCapacity(count)
    for _ in 0..<count {
      let start = reader.offset
      let tip = ChainTip(
        origin: try Origin(from: &reader), sequence: try reader.readVarint("tip"),
        chainPrefix: try reader.readFixed64("tip"))
      guard tip.sequence > 0, tips.last.map({ $0.origin < tip.origin }) ?? true else {
        throw ByteDecodingError(.notCanonical, "tips", at: start)
      }
      tips.append(tip)
    }
    return .tips(tips, isLast: isLast)
  }

  private static func bases(from reader: inout ByteReader) throws(ByteDecodingError) -> Message {
    let count = try reader.readCount(
      "bases", minimumBytesEach: Origin.byteCount + 1 + MessageLimits.digestBytes,
      limit: MessageLimits.entriesMax)
    var bases: [ChainBase] = []
    for _ in 0..<count {
      let start = reader.offset
      let base = ChainBase(
        origin: try Origin(from: &reader), sequence: try reader.readVarint("base"),
        hash: try reader.readRaw(MessageLimits.digestBytes, "base"))
      guard base.sequence > 0, bases.last.map({ $0.origin < base.origin }) ?? true else {
        throw ByteDecodingError(.notCanonical, "bases", at: start)
      }
      bases.append(base)
    }
    return .bases(bases)
  }

  private static func receipts(
    from reader: inout ByteReader
  ) throws(ByteDecodingError) -> Message {
    .receipts(
      try blobs(
        from: &reader, "receipts", limit: MessageLimits.receiptsMax,
        bytesMax: MessageLimits.receiptBytesMax))
  }

  private static func presence(
    from reader: inout ByteReader
  ) throws(ByteDecodingError) -> Message {
    let hops = try reader.readByte("hops")
    let start = reader.offset
    let note = try reader.readLengthPrefixed("presence", limit: MessageLimits.presenceBytesMax)
    guard !note.isEmpty else { throw ByteDecodingError(.invalidValue, "presence", at: start) }
    return .presence(note, hops: hops)
  }

  private static func records(
    from reader: inout ByteReader
  ) throws(ByteDecodingError) -> Message {
    let isLast = try reader.readBool("records")
    let records = try blobs(
      from: &reader, "records", limit: MessageLimits.recordsMax,
      bytesMax: MessageLimits.recordBytesMax)
    return .records(records, isLast: isLast)
  }

  /// None of them empty.
  private static func blobs(
    from reader: inout ByteReader, _ what: String, limit: Int, bytesMax: Int
  ) throws(ByteDecodingError) -> [[UInt8]] {
    var blobs: [[UInt8]] = []
    for _ in 0..<(try reader.readCount(what, minimumBytesEach: 2, limit: limit)) {
      let start = reader.offset
      let blob = try reader.readLengthPrefixed(what, limit: bytesMax)
      guard !blob.isEmpty else { throw ByteDecodingError(.invalidValue, what, at: start) }
      blobs.append(blob)
    }
    return blobs
  }

  private static func segment(
    from reader: inout ByteReader
  ) throws(ByteDecodingError) -> Message {
    let origin = try Origin(from: &reader)
    let first = try reader.readVarint("first sequence")
    let start = reader.offset
    let (last, overflow) = first.addingReportingOverflow(try reader.readVarint("last sequence"))
    guard first > 0, !overflow else {
      throw ByteDecodingError(.invalidValue, "sequences of a segment", at: start)
    }
    let byteCount = try reader.readInt(
      "segment length", in: 1...MessageLimits.segmentBytesMax)
    let part = try part(from: &reader)
    guard part.count <= byteCount else {
      throw ByteDecodingError(.invalidValue, "segment part", at: start)
    }
    let head = SegmentHead(origin: origin, first: first, last: last, byteCount: byteCount)
    return .segment(head, part: part)
  }

  private static func part(from reader: inout ByteReader) throws(ByteDecodingError) -> [UInt8] {
    guard 1...MessageLimits.partBytesMax ~= reader.remaining else {
      throw ByteDecodingError(
        reader.isAtEnd ? .truncated : .limitExceeded, "segment part", at: reader.offset)
    }
    return try reader.readRaw(reader.remaining, "segment part")
  }

  private static func creditBytes(
    from reader: inout ByteReader
  ) throws(ByteDecodingError) -> UInt64 {
    let bytes = try reader.readVarint("credit")
    guard 1...MessageLimits.creditBytesMax ~= bytes else {
      throw ByteDecodingError(.invalidValue, "credit")
    }
    return bytes
  }

  private static func want(from reader: inout ByteReader) throws(ByteDecodingError) -> Message {
    let isAgain = try reader.readBool("want")
    let count = try reader.readCount(
      "want", minimumBytesEach: Origin.byteCount + 1, limit: MessageLimits.entriesMax)
    var wants: [Want] = []
    wants.reserveCapacity(count)
    for _ in 0..<count {
      let start = reader.offset
      let want = Want(origin: try Origin(from: &reader), from: try reader.readVarint("want"))
      guard want.from > 0, wants.last.map({ $0.origin < want.origin }) ?? true else {
        throw ByteDecodingError(.notCanonical, "want", at: start)
      }
      wants.append(want)
    }
    return .want(wants, isAgain: isAgain)
  }
}

extension Hello {
  fileprivate func write(to writer: inout ByteWriter) {
    writer.write(varint: versions.lowerBound)
    writer.write(varint: versions.upperBound - versions.lowerBound)
    writer.write(varint: features)
    writer.write(role.rawValue)
    writer.write(flow.rawValue)
    writer.write(wish.rawValue)
    origin.write(to: &writer)
    writer.write(varint: windowBytes)
    writer.write(raw: recordDigest)
    floor.write(to: &writer)
    writer.write(count: extensions.count)
    for item in extensions {
      writer.write(varint: item.number)
      writer.write(lengthPrefixed: item.bytes)
    }
  }

  fileprivate init(from reader: inout ByteReader) throws(ByteDecodingError) {
    let lowest = try reader.readVarint("protocol version")
    let start = reader.offset
    let (highest, overflow) = lowest.addingReportingOverflow(
      try reader.readVarint("protocol version"))
    guard !overflow else { throw ByteDecodingError(.invalidValue, "protocol version", at: start) }
    let features = try reader.readVarint("features")
    let choices = reader.offset
    guard let role = PeerRole(rawValue: try reader.readByte("role")),
      let flow = Flow(rawValue: try reader.readByte("flow")),
      let wish = PushWish(rawValue: try reader.readByte("wish"))
    else { throw ByteDecodingError(.invalidValue, "role, flow or wish", at: choices) }
    let origin = try Origin(from: &reader)
    let window = try reader.readVarint("window")
    guard window <= MessageLimits.creditBytesMax else {
      throw ByteDecodingError(.limitExceeded, "window", at: reader.offset)
    }
    self.init(
      role: role, flow: flow, wish: wish, origin: origin, windowBytes: window,
      recordDigest: try reader.readRaw(MessageLimits.digestBytes, "digest of records"))
    versions = lowest...highest
    self.features = features
    floor = try VersionVector(from: &reader)
    let count = try reader.readCount(
      "extensions", minimumBytesEach: 2, limit: MessageLimits.extensionsMax)
    for _ in 0..<count {
      let start = reader.offset
      let item = Extension(
        number: try reader.readVarint("extension"),
        bytes: try reader.readLengthPrefixed(
          "extension", limit: MessageLimits.extensionBytesMax))
      guard extensions.last.map({ $0.number < item.number }) ?? true else {
        throw ByteDecodingError(.notCanonical, "extensions", at: start)
      }
      extensions.append(item)
    }
  }
}

extension Status {
  fileprivate init(from reader: inout ByteReader) throws(ByteDecodingError) {
    let code = Code(rawValue: try reader.readVarint("status code"))
    let hasOrigin = try reader.readBool("status")
    let origin = hasOrigin ? try Origin(from: &reader) : nil
    let start = reader.offset
    let sentence = try reader.readString("sentence", limit: Status.sentenceBytesMax)
    self.init(code, origin: origin, sentence)
    // A control character would reach somebody's terminal.
    guard self.sentence == sentence,
      sentence.unicodeScalars.allSatisfy(Status.isPrintable)
    else { throw ByteDecodingError(.invalidValue, "sentence", at: start) }
  }
}
