package import ByteCoding
import Causality
package import Documents

/// A part of a snapshot on its way from one replica to another: pieces of what it consists of, and
/// where it goes on.
///
/// ```
/// 1 · flags · documents · cursor · count {kind · key: 16 bytes · number · bytes}
/// flags  1 what came before is void, 2 nothing follows
/// ```
///
/// Numbers are varints; cursor and bytes have their lengths before them. What is longer than a
/// piece comes in several, with ascending numbers from 0.
package struct SnapshotPart: Equatable {
  package enum Kind: UInt8 {
    /// What is applied: the last thing of all. Its key is zeros.
    case header = 0
    case document = 1
    /// A version at which documents were folded. Its key is the beginning of its hash.
    case floor = 2
    /// What the giver has applied, with a document that is given alone. Its key is zeros.
    case version = 3
    /// The chains that go on from forks, where there are any. Its key is zeros.
    case branches = 4
  }

  package struct Piece: Equatable {
    var kind: Kind
    var key: [UInt8]
    var number: UInt64
    var bytes: [UInt8]
  }

  static let keyBytes = 16
  /// Small enough that a part fits into a message with what stands around it.
  static let pieceBytesMax = 160 << 10
  static let bytesAim = 192 << 10
  private static let cursorBytesMax = 256

  /// Whoever takes it forgets what it has of another one.
  package var isFirst = false
  package var isLast = false
  /// How many the snapshot has in all, as of now.
  package var documentCount: UInt64 = 0
  /// Of whoever gives it, who alone can read it.
  package var cursor: [UInt8] = []
  package var pieces: [Piece] = []

  /// How many documents begin in it.
  package var startedDocuments: Int { pieces.count { $0.kind == .document && $0.number == 0 } }

  /// The first document of which it has a piece.
  package var document: DocumentID? {
    pieces.first { $0.kind == .document }.flatMap { DocumentID(bytes: $0.key) }
  }

  package var byteCount: Int { pieces.reduce(0) { $0 + $1.bytes.count + 32 } }
}

extension SnapshotPart {
  private static let version: UInt8 = 1

  package func encoded() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: byteCount + cursor.count + 32)
    writer.write(Self.version)
    writer.write((isFirst ? 1 : 0) | (isLast ? 2 : 0))
    writer.write(varint: documentCount)
    writer.write(lengthPrefixed: cursor)
    writer.write(count: pieces.count)
    for piece in pieces {
      writer.write(piece.kind.rawValue)
      writer.write(raw: piece.key)
      writer.write(varint: piece.number)
      writer.write(lengthPrefixed: piece.bytes)
    }
    return writer.bytes
  }

  package init(decoding bytes: [UInt8]) throws(ByteDecodingError) {
    var reader = ByteReader(bytes)
    guard try reader.readByte("snapshot") == Self.version else {
      throw ByteDecodingError(.unsupportedVersion, "snapshot")
    }
    let flags = try reader.readByte("snapshot")
    guard flags <= 3 else { throw ByteDecodingError(.invalidValue, "snapshot") }
    isFirst = flags & 1 != 0
    isLast = flags & 2 != 0
    documentCount = try reader.readVarint("snapshot")
    cursor = try reader.readLengthPrefixed("cursor")
    guard cursor.count <= Self.cursorBytesMax else {
      throw ByteDecodingError(.limitExceeded, "cursor")
    }
    for _ in 0..<(try reader.readCount("pieces", minimumBytesEach: Self.keyBytes + 3)) {
      guard let kind = Kind(rawValue: try reader.readByte("piece")) else {
        throw ByteDecodingError(.invalidValue, "piece")
      }
      pieces.append(
        Piece(
          kind: kind, key: try reader.readRaw(Self.keyBytes, "piece"),
          number: try reader.readVarint("piece"), bytes: try reader.readLengthPrefixed("piece")))
    }
    try reader.finish("snapshot")
  }
}

/// How far a snapshot is: documents are given from the one that was made last to the first, then
/// those that have changed meanwhile, again and again, until none has.
///
/// ```
/// 1 · origin · installation · since · until · row · piece · pieceChecksum
/// ```
struct SnapshotCursor: Equatable {
  /// Under which the giving store writes: a cursor of another one, or of another life of it, is
  /// void.
  var origin: Origin
  /// How often the giving store has taken a snapshot itself: its rows are others since.
  var installation: UInt64
  /// This round gives the documents that have changed after this local position.
  var since: Int64 = 0
  /// Where the store was when the round began.
  var until: Int64
  /// The rows below are still to be given.
  var row = Int64.max
  /// The next piece of the document in the row below, whose bytes had this checksum.
  var piece: UInt64 = 0
  var pieceChecksum: Int64 = 0

  private static let version: UInt8 = 1

  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.write(Self.version)
    origin.write(to: &writer)
    writer.write(varint: installation)
    for number in [since, until, row, Int64(clamping: piece), pieceChecksum] {
      writer.write(signed: number)
    }
    return writer.bytes
  }

  /// Nil for bytes that are no cursor.
  init?(decoding bytes: [UInt8]) {
    do throws(ByteDecodingError) {
      var reader = ByteReader(bytes)
      guard try reader.readByte("cursor") == Self.version else { return nil }
      origin = try Origin(from: &reader)
      installation = try reader.readVarint("cursor")
      since = try reader.readSigned("cursor")
      until = try reader.readSigned("cursor")
      row = try reader.readSigned("cursor")
      piece = UInt64(clamping: try reader.readSigned("cursor"))
      pieceChecksum = try reader.readSigned("cursor")
      try reader.finish("cursor")
    } catch {
      return nil
    }
  }

  init(origin: Origin, installation: UInt64, until: Int64) {
    self.origin = origin
    self.installation = installation
    self.until = until
  }
}
