import ByteCoding
import ByteCompression
import Causality
import SQLiteBridge
import Sealing
import SegmentStore
import Segments

/// What a snapshot shows, and what the tables say of the changes in it: which are applied, in which
/// order they were, their Lamport times, and where the chains of segments go on.
///
/// ```
/// 1 · length · Zstandard frame of
///     workspace: 32 bytes · documents
///     · count {origin applied lamport position isHead chain hash: 32 bytes}
///     · steps of each origin: count {sequence lamport} · runs: count {position origin first}
/// ```
///
/// Numbers are varints; sequences of steps and positions of runs count from the one before.
struct SnapshotHeader: Equatable {
  struct Entry: Equatable {
    var origin: Origin
    var applied: UInt64
    var lamport: UInt64
    var position: Int64
    var isHead: Bool
    /// The last segment that is wholly applied, and behind which others follow.
    var chain: ChainPosition
    /// Lamport times that are not one more than that of the change before.
    var steps: [(sequence: UInt64, lamport: UInt64)] = []

    static func == (left: Entry, right: Entry) -> Bool {
      left.origin == right.origin && left.applied == right.applied && left.lamport == right.lamport
        && left.position == right.position && left.isHead == right.isHead
        && left.chain == right.chain && left.steps.elementsEqual(right.steps, by: ==)
    }
  }

  struct Run: Equatable {
    var position: Int64
    /// Among the entries.
    var entry: Int
    var first: UInt64
  }

  var workspace: WorkspaceID
  /// How many documents the snapshot has.
  var documents: UInt64
  /// Ascending by origin.
  var entries: [Entry] = []
  /// Ascending by position.
  var runs: [Run] = []

  var version: VersionVector {
    VersionVector(
      entries.lazy.map { VersionVector.Entry(origin: $0.origin, sequence: $0.applied) })
  }
}

extension SnapshotHeader {
  private static let version: UInt8 = 1
  private static let bytesMax = 256 << 20
  /// No store applies so many changes, and none overflows that goes on from there.
  private static let positionMax = Int64.max / 2

  func encoded() -> [UInt8] {
    var body = ByteWriter()
    workspace.write(to: &body)
    body.write(varint: documents)
    body.write(count: entries.count)
    for entry in entries {
      entry.origin.write(to: &body)
      body.write(varint: entry.applied)
      body.write(varint: entry.lamport)
      body.write(varint: UInt64(clamping: entry.position))
      body.write(bool: entry.isHead)
      body.write(varint: entry.chain.sequence)
      entry.chain.hash.write(to: &body)
    }
    for entry in entries {
      body.write(count: entry.steps.count)
      var last: UInt64 = 0
      for step in entry.steps {
        body.write(varint: step.sequence &- last)
        body.write(varint: step.lamport)
        last = step.sequence
      }
    }
    body.write(count: runs.count)
    var last: Int64 = 0
    for run in runs {
      body.write(varint: UInt64(clamping: run.position &- last))
      body.write(count: run.entry)
      body.write(varint: run.first)
      last = run.position
    }
    var writer = ByteWriter()
    writer.write(Self.version)
    writer.write(count: body.bytes.count)
    writer.write(raw: Zstandard.compress(body.bytes, .quick))
    return writer.bytes
  }

  init(decoding bytes: [UInt8]) throws(ByteDecodingError) {
    var frame = ByteReader(bytes)
    guard try frame.readByte("header") == Self.version else {
      throw ByteDecodingError(.unsupportedVersion, "header")
    }
    let count = try frame.readCount("header", minimumBytesEach: 0, limit: Self.bytesMax)
    var reader = ByteReader(
      try Zstandard.decompress(frame.readRaw(frame.remaining, "header"), count: count, "header"))
    guard let id = Bytes32(try reader.readRaw(Bytes32.byteCount, "workspace")) else {
      throw ByteDecodingError(.invalidValue, "workspace")
    }
    workspace = WorkspaceID(id)
    documents = try reader.readVarint("documents")
    for _ in 0..<(try reader.readCount("origins", minimumBytesEach: Origin.byteCount + 37)) {
      entries.append(try Self.entry(from: &reader, after: entries.last?.origin))
    }
    // A change raises the Lamport time by one at most; and the local position each time that it is
    // applied, which is mostly once.
    var changes: UInt64 = 0
    for entry in entries {
      let (sum, overflow) = changes.addingReportingOverflow(entry.applied)
      guard !overflow, sum <= UInt64(Int64.max) else {
        throw ByteDecodingError(.limitExceeded, "changes")
      }
      changes = sum
    }
    guard entries.allSatisfy({ $0.lamport <= changes && $0.position <= Self.positionMax }) else {
      throw ByteDecodingError(.invalidValue, "Lamport times")
    }
    for index in entries.indices {
      var last: UInt64 = 0
      for _ in 0..<(try reader.readCount("steps", minimumBytesEach: 2)) {
        let (sequence, overflow) = last.addingReportingOverflow(try reader.readVarint("step"))
        guard !overflow, sequence > last, sequence <= entries[index].applied else {
          throw ByteDecodingError(.invalidValue, "step")
        }
        let lamport = try reader.readVarint("step")
        guard lamport <= changes else { throw ByteDecodingError(.invalidValue, "step") }
        entries[index].steps.append((sequence, lamport))
        last = sequence
      }
    }
    try readRuns(from: &reader)
    try reader.finish("header")
  }

  private static func entry(
    from reader: inout ByteReader, after last: Origin?
  ) throws(ByteDecodingError) -> Entry {
    let origin = try Origin(from: &reader)
    if let last, last >= origin { throw ByteDecodingError(.invalidValue, "origins") }
    let applied = try reader.readVarint("applied")
    let lamport = try reader.readVarint("lamport")
    let position = Int64(exactly: try reader.readVarint("position"))
    let isHead = try reader.readBool("head")
    let sequence = try reader.readVarint("chain")
    guard let hash = Digest(try reader.readRaw(Bytes32.byteCount, "chain")), let position,
      applied > 0, sequence <= applied, position >= 0
    else { throw ByteDecodingError(.invalidValue, "origin") }
    return Entry(
      origin: origin, applied: applied, lamport: lamport, position: position, isHead: isHead,
      chain: ChainPosition(sequence: sequence, hash: hash))
  }

  private mutating func readRuns(from reader: inout ByteReader) throws(ByteDecodingError) {
    let end = entries.map(\.position).max() ?? 0
    var last: Int64 = 0
    for _ in 0..<(try reader.readCount("runs", minimumBytesEach: 3)) {
      let step = Int64(clamping: try reader.readVarint("run"))
      let (position, overflow) = last.addingReportingOverflow(step)
      let entry = try reader.readCount("run", minimumBytesEach: 0, limit: entries.count)
      let first = try reader.readVarint("run")
      guard !overflow, step > 0, position <= end, entry < entries.count,
        1...entries[entry].applied ~= first
      else { throw ByteDecodingError(.invalidValue, "run") }
      runs.append(Run(position: position, entry: entry, first: first))
      last = position
    }
  }
}
