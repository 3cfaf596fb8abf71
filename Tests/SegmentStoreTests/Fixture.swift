import Causality
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import TestSupport
import Testing

let testSchema = SQLiteSchema(
  applicationID: 0x5445_5354, migrations: SegmentSchema.migrations, whole: SegmentSchema.whole)

/// A file with a segment store.
struct Fixture {
  let connection: SQLiteConnection
  let store: SegmentStore

  init(_ location: SQLiteOptions.Location = .memory) throws {
    connection = try SQLiteConnection(SQLiteOptions(location: location), schema: testSchema)
    store = SegmentStore(connection)
  }

  @discardableResult
  func append(_ segment: Segment) throws -> AppendedSegment {
    try write { () throws(SegmentStoreError) in try store.append(segment) }
  }

  @discardableResult
  func write<Result>(
    _ body: () throws(SegmentStoreError) -> Result
  ) throws -> Result {
    try connection.transaction(.write, body)
  }
}

/// Seals segments of any origin, each behind the one before.
struct Author {
  let origin: Origin
  private let sealer: SegmentSealer
  private(set) var position = ChainPosition.start
  private(set) var segments: [Segment] = []

  init(_ number: UInt64, seed: UInt64 = 1) {
    let entropy = Entropy.seeded(seed &* 1_000_003 &+ number)
    // Neighbouring numbers give origins far from each other.
    origin = Origin(high: number &* 0x9E37_79B9_7F4A_7C15, low: number)
    sealer = SegmentSealer(
      workspace: WorkspaceID(Entropy.seeded(seed).bytes32()), keyEpoch: 1,
      key: WorkspaceKey(entropy: .seeded(seed)), device: DeviceKeys(entropy: entropy),
      entropy: entropy)
  }

  /// Goes on from what another one has written, as a copy of it does.
  mutating func follow(_ other: Author, through count: Int = .max) {
    position = other.segments.prefix(count).last?.position ?? .start
  }

  mutating func seal(_ changes: UInt64 = 1, bytes: Int = 10) throws -> Segment {
    let first = position.sequence + 1
    let segment = try sealer.seal(
      [UInt8](repeating: UInt8(truncatingIfNeeded: first), count: bytes), origin: origin,
      sequences: first...(first + changes - 1), after: position.hash)
    position = segment.position
    segments.append(segment)
    return segment
  }
}

func expectError(
  _ expected: SegmentStoreError, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Void
) {
  #expect(throws: expected, sourceLocation: sourceLocation) { try body() }
}
