import Causality
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import Testing

@Suite("Segments that are dropped")
struct FloorTests {
  let fixture: Fixture
  var author = Author(1)
  var other = Author(2)
  var store: SegmentStore { fixture.store }

  /// Positions 1, 3, 5, 7 are the author's, two changes each; 2, 4, 6, 8 the other's.
  init() throws {
    fixture = try Fixture()
    for _ in 0..<4 {
      try fixture.append(try author.seal(2))
      try fixture.append(try other.seal(2))
    }
  }

  func drop(
    _ author: UInt64, _ other: UInt64, limitCount: Int = .max, limitBytes: Int = .max
  ) throws -> Int {
    let version = VersionVector([
      .init(origin: self.author.origin, sequence: author),
      .init(origin: self.other.origin, sequence: other),
    ])
    return try fixture.write { () throws(SegmentStoreError) in
      try store.drop(through: version, limitCount: limitCount, limitBytes: limitBytes)
    }
  }

  @Test("what lies wholly below is gone, what lies above it stays and goes on")
  mutating func drops() throws {
    let before = try store.heads().map(\.position)
    let total = try store.totals()
    #expect(try store.floor().isEmpty)
    #expect(try drop(5, 1) == 2)
    #expect(try store.floor() == VersionVector([.init(origin: author.origin, sequence: 4)]))
    #expect(try store.heads().map(\.position) == before)
    #expect(try store.storedVector()[author.origin] == 8)
    for sequence in UInt64(1)...4 {
      let change = ChangeID(origin: author.origin, sequence: sequence)
      #expect(try store.segment(containing: change) == nil)
    }
    let kept = try #require(
      try store.segment(containing: ChangeID(origin: author.origin, sequence: 5)))
    #expect(kept.bytes == author.segments[2].bytes)
    #expect(try store.check().isEmpty)
    let left = try store.totals()
    #expect(left.segments == total.segments - 2)
    #expect(
      left.bytes == total.bytes - author.segments[0].bytes.count - author.segments[1].bytes.count)
    #expect(try fixture.append(try author.seal(2)).isNew)
    #expect(try store.check().isEmpty)
    #expect(try drop(5, 1) == 0)
  }

  @Test("no more are dropped when they have so many bytes", arguments: [-1, 0, 1])
  func dropsBytes(beyond: Int) throws {
    // Those of both are dropped one after the other, and at least one.
    #expect(try drop(8, 8, limitBytes: firstBytes + beyond) == (beyond > 0 ? 2 : 1))
    #expect(try store.check().isEmpty)
    #expect(try drop(8, 8, limitBytes: 1) == 1)
    #expect(try drop(8, 8, limitBytes: 0) == 0)
    #expect(try store.check().isEmpty)
  }

  /// Of the first segment of the origin that sorts first.
  private var firstBytes: Int {
    (author.origin < other.origin ? author : other).segments[0].bytes.count
  }

  @Test("all of a chain can go, and it goes on where it ended", arguments: [1, 2, 3, .max])
  mutating func dropsAll(limitCount: Int) throws {
    var dropped = 0
    while true {
      let count = try drop(8, 8, limitCount: limitCount)
      #expect(count <= limitCount)
      #expect(try store.check().isEmpty)
      if count == 0 { break }
      dropped += count
    }
    #expect(dropped == 8)
    #expect(try store.totals().segments == 0)
    #expect(try store.totals().bytes == 0)
    #expect(try store.segments(beyond: VersionVector(), limitBytes: .max, limitCount: 9).isEmpty)
    #expect(try store.segments(afterPosition: 0, limitBytes: .max, limitCount: 9).isEmpty)
    #expect(try store.floor().entries.map(\.sequence) == [8, 8])
    let next = try author.seal(3)
    #expect(try fixture.append(next).isNew)
    #expect(try store.segments(afterPosition: 0, limitBytes: .max, limitCount: 9).count == 1)
    #expect(
      try store.segments(
        beyond: VersionVector([.init(origin: author.origin, sequence: 8)]), limitBytes: .max,
        limitCount: 9
      )
      .map(\.bytes) == [next.bytes])
    #expect(try store.totals().bytes == next.bytes.count)
  }

  @Test("what comes again of what was dropped is known; another history is a fork where it shows")
  func arrivesAgain() throws {
    _ = try drop(6, 0)
    for segment in author.segments { #expect(try fixture.append(segment).isNew == false) }
    var twin = Author(1, seed: 7)
    for _ in 0..<3 { _ = try twin.seal(2) }
    expectError(.fork(origin: author.origin, sequence: 5)) { try fixture.append(twin.segments[2]) }
    // Of what lies before the last dropped segment there is nothing to compare with.
    #expect(try fixture.append(twin.segments[0]).isNew == false)
  }

  @Test("a chain can begin behind what was never here")
  mutating func begins() throws {
    let fresh = try Fixture()
    let position = author.segments[1].position
    let (store, origin) = (fresh.store, author.origin)
    func begin(_ position: ChainPosition) throws -> Bool {
      try fresh.write { () throws(SegmentStoreError) in try store.begin(origin, after: position) }
    }
    #expect(try begin(position))
    #expect(try store.position(of: origin) == position)
    #expect(try store.floor() == VersionVector([.init(origin: origin, sequence: 4)]))
    #expect(try fresh.append(author.segments[2]).isNew)
    #expect(try store.check().isEmpty)
    // It goes further already.
    #expect(try begin(position) == false)
    #expect(try begin(author.segments[3].position))
    #expect(try store.floor() == VersionVector([.init(origin: origin, sequence: 8)]))
    #expect(try store.totals().segments == 0)
    #expect(try store.check().isEmpty)
    #expect(
      try store.position(of: origin, atMost: 7) == .start
        && store.position(of: origin, atMost: 8) == author.segments[3].position)
  }

  @Test("an emptied segment in the middle of a chain is damage, not one that was dropped")
  func emptied() throws {
    _ = try drop(2, 0)
    try fixture.connection.execute("UPDATE segment SET bytes = x'' WHERE position = 3")
    #expect(throws: SegmentStoreError.self) {
      _ = try store.segment(containing: ChangeID(origin: author.origin, sequence: 3))
    }
    #expect(try store.check().count == 1)
    try fixture.connection.execute("UPDATE segment SET first_sequence = 0 WHERE position = 5")
    #expect(try store.check().count == 2)
  }

  @Test("what lies behind a change is forgotten")
  func dropsBehind() throws {
    let change = ChangeID(origin: author.origin, sequence: 4)
    let dropped = try fixture.write { () throws(SegmentStoreError) in
      try store.dropSegments(behind: change)
    }
    #expect(dropped == 2)
    #expect(try store.position(of: author.origin) == author.segments[1].position)
    #expect(try store.check().isEmpty)
  }
}
