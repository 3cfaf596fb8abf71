import ByteCoding
import ByteCompression
import Causality
import ChangeCoding
import Documents

/// How the store keeps own changes that no segment holds: as the change block that they were
/// committed as; where each edit is of another document, as the blocks that lie in the tails of
/// those, of which each holds a change with one of its edits; or, when many of those were put
/// together, as one block in a Zstandard frame.
///
/// ```
/// 3 · length of the block, a varint · frame
/// 4 · number of blocks, a varint · for each: its length, a varint · the block
/// ```
enum KeptBlock {
  /// The first byte of a packed one; a ``ChangeBlock`` begins with another.
  static let packedVersion: UInt8 = 3
  static let listVersion: UInt8 = 4
  /// Every first byte that there is.
  static let versions = [ChangeBlock.version, packedVersion, listVersion]
  /// A list has at most so many blocks.
  static let listedMax = ChangeBlock.changeCountMax
  /// A packed one has at most so many changes, and bytes before it is packed, unless it is a single
  /// block that is larger. It is sealed in one go, and others wait meanwhile.
  static let packedChangesMax = 1 << 13
  static let packedBytesMax = 1 << 18

  /// - Precondition: the changes fit into a block.
  static func pack(_ changes: [Change]) -> [UInt8] {
    let block = ChangeBlock.encode(changes)
    var writer = ByteWriter()
    writer.write(packedVersion)
    writer.write(count: block.count)
    writer.write(raw: Zstandard.compress(block, .steady))
    return writer.bytes
  }

  /// - Precondition: the blocks hold changes that follow one another, or the edits of one, by
  ///   document.
  static func list(_ blocks: [[UInt8]]) -> [UInt8] {
    var writer = ByteWriter(
      reservingCapacity: 16 + blocks.reduce(0) { $0 + $1.count + 4 })
    writer.write(listVersion)
    writer.write(count: blocks.count)
    for block in blocks {
      writer.write(count: block.count)
      writer.write(raw: block)
    }
    return writer.bytes
  }

  /// The blocks of a list; nil when it is none.
  static func blocks(of bytes: [UInt8]) throws(ByteDecodingError) -> [[UInt8]]? {
    guard bytes.first == listVersion else { return nil }
    var reader = ByteReader(bytes)
    _ = try reader.readByte("version of own changes")
    let count = try reader.readCount(
      "own changes", minimumBytesEach: 2, limit: listedMax)
    var blocks: [[UInt8]] = []
    for _ in 0..<count {
      let length = try reader.readCount(
        "block of own changes", minimumBytesEach: 1, limit: ChangeBlock.byteCountMax)
      blocks.append(try reader.readRaw(length, "block of own changes"))
    }
    guard count > 0, reader.isAtEnd else { throw ByteDecodingError(.invalidValue, "own changes") }
    return blocks
  }

  /// The blocks that can still be read of a list that has rotted, wherever they lie in it.
  ///
  /// Complexity: O(bytes), unless it was made to look like many long blocks.
  static func blocks(leftOf bytes: [UInt8], in language: OperationLanguage) -> [[UInt8]] {
    var blocks: [[UInt8]] = []
    var reader = ByteReader(bytes)
    while !reader.isAtEnd {
      var next = reader
      if let block = try? readBlock(&next), (try? ChangeBlock.decode(block, in: language)) != nil {
        blocks.append(block)
        reader = next
      } else if (try? reader.readByte("own changes")) == nil {
        break
      }
    }
    return blocks
  }

  /// Nil for what is none by its first byte already.
  private static func readBlock(_ reader: inout ByteReader) throws(ByteDecodingError) -> [UInt8]? {
    let length = try reader.readCount(
      "block of own changes", minimumBytesEach: 1, limit: ChangeBlock.byteCountMax)
    var ahead = reader
    guard try ahead.readByte("block of own changes") == ChangeBlock.version else { return nil }
    return try reader.readRaw(length, "block of own changes")
  }

  /// Takes a change, or one more edit of the last one.
  private static func join(
    _ piece: Change, to changes: inout [Change]
  ) throws(ByteDecodingError) {
    guard let place = changes.indices.last, changes[place].id == piece.id else {
      return changes.append(piece)
    }
    guard changes[place].lamport == piece.lamport, changes[place].time == piece.time,
      changes[place].dependencies == piece.dependencies,
      let before = changes[place].edits.last?.document, let next = piece.edits.first?.document,
      before < next
    else { throw ByteDecodingError(.invalidValue, "edits of an own change") }
    changes[place].edits += piece.edits
  }

  static func isPacked(_ bytes: [UInt8]) -> Bool { bytes.first == packedVersion }

  /// Whether so much more would fit into a packed one that it is worth unpacking. Where changes are
  /// large, few of them fill one.
  static func isHalfEmpty(_ bytes: [UInt8]) -> Bool {
    guard isPacked(bytes) else { return true }
    var reader = ByteReader(bytes)
    do throws(ByteDecodingError) {
      _ = try reader.readByte("version of own changes")
      return try reader.readVarint("own changes") < UInt64(packedBytesMax) / 2
    } catch {
      return true
    }
  }

  /// The changes, each of which follows the one before, and how many bytes their block has.
  static func open(
    _ bytes: [UInt8], in language: OperationLanguage
  ) throws(ByteDecodingError) -> (changes: [Change], byteCount: Int) {
    let opened = try openInAnyOrder(bytes, in: language)
    for (change, next) in zip(opened.changes, opened.changes.dropFirst()) {
      guard next.id.origin == change.id.origin, next.id.sequence == change.id.sequence &+ 1 else {
        throw ByteDecodingError(.invalidValue, "order of own changes")
      }
    }
    return opened
  }

  private static func openInAnyOrder(
    _ bytes: [UInt8], in language: OperationLanguage
  ) throws(ByteDecodingError) -> (changes: [Change], byteCount: Int) {
    if let blocks = try blocks(of: bytes) {
      var changes: [Change] = []
      for block in blocks {
        for piece in try ChangeBlock.decode(block, in: language) { try join(piece, to: &changes) }
      }
      return (changes, bytes.count)
    }
    guard isPacked(bytes) else {
      return (try ChangeBlock.decode(bytes, in: language), bytes.count)
    }
    var reader = ByteReader(bytes)
    _ = try reader.readByte("version of own changes")
    let count = try reader.readCount(
      "own changes", minimumBytesEach: 0, limit: ChangeBlock.byteCountMax)
    let frame = try reader.readRaw(reader.remaining, "own changes")
    let block = try Zstandard.decompress(frame, count: count, "own changes")
    return (try ChangeBlock.decode(block, in: language), count)
  }
}
