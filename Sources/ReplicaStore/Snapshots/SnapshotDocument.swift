import ByteCoding

/// A document as one store holds it, for another one: its row, its state, its history and what was
/// edited since, byte for byte.
///
/// ```
/// 1 · position · flags · [understood] · [state] · [base] · history · tail
/// flags    1 deleted, 2 branched, 4 understood follows, 8 state follows, 16 base follows,
///          32 the base has a state of its own
/// base     key of the version at which it was folded: 16 bytes · [state]
/// history  count {block}
/// tail     count {position block}
/// ```
///
/// Numbers are varints, blocks and states have their lengths before them.
struct SnapshotDocument: Equatable {
  struct Base: Equatable {
    var floor: [UInt8]
    /// Nil where it is the state.
    var state: [UInt8]?
  }

  struct TailBlock: Equatable {
    var position: Int64
    var block: [UInt8]
  }

  var position: Int64
  var isDeleted = false
  var isBranched = false
  var understood: UInt64?
  var state: [UInt8]?
  var base: Base?
  var history: [[UInt8]] = []
  var tail: [TailBlock] = []

  /// The local position of its last change.
  var lastPosition: Int64 { max(position, tail.last?.position ?? 0) }
}

extension SnapshotDocument {
  private static let version: UInt8 = 1
  private static let flagsMax: UInt8 = 63

  func encoded() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: (state?.count ?? 0) + 64)
    writer.write(Self.version)
    writer.write(varint: UInt64(clamping: position))
    var flags: UInt8 = isDeleted ? 1 : 0
    if isBranched { flags |= 2 }
    if understood != nil { flags |= 4 }
    if state != nil { flags |= 8 }
    if base != nil { flags |= 16 }
    if base?.state != nil { flags |= 32 }
    writer.write(flags)
    if let understood { writer.write(varint: understood) }
    if let state { writer.write(lengthPrefixed: state) }
    if let base {
      writer.write(raw: base.floor)
      if let state = base.state { writer.write(lengthPrefixed: state) }
    }
    writer.write(count: history.count)
    for block in history { writer.write(lengthPrefixed: block) }
    writer.write(count: tail.count)
    for item in tail {
      writer.write(varint: UInt64(clamping: item.position))
      writer.write(lengthPrefixed: item.block)
    }
    return writer.bytes
  }

  init(decoding bytes: [UInt8]) throws(ByteDecodingError) {
    var reader = ByteReader(bytes)
    guard try reader.readByte("document") == Self.version else {
      throw ByteDecodingError(.unsupportedVersion, "document")
    }
    position = try Self.position(from: &reader)
    let flags = try reader.readByte("document")
    guard flags <= Self.flagsMax, flags & 48 != 32 else {
      throw ByteDecodingError(.invalidValue, "document")
    }
    isDeleted = flags & 1 != 0
    isBranched = flags & 2 != 0
    if flags & 4 != 0 { understood = try reader.readVarint("document") }
    if flags & 8 != 0 { state = try reader.readLengthPrefixed("state") }
    if flags & 16 != 0 {
      let floor = try reader.readRaw(SnapshotPart.keyBytes, "base")
      base = Base(
        floor: floor, state: flags & 32 != 0 ? try reader.readLengthPrefixed("base") : nil)
    }
    for _ in 0..<(try reader.readCount("history", minimumBytesEach: 1)) {
      history.append(try reader.readLengthPrefixed("history"))
    }
    for _ in 0..<(try reader.readCount("tail", minimumBytesEach: 2)) {
      let position = try Self.position(from: &reader)
      tail.append(TailBlock(position: position, block: try reader.readLengthPrefixed("tail")))
    }
    try reader.finish("document")
  }

  private static func position(from reader: inout ByteReader) throws(ByteDecodingError) -> Int64 {
    guard let position = Int64(exactly: try reader.readVarint("position")) else {
      throw ByteDecodingError(.invalidValue, "position")
    }
    return position
  }
}
