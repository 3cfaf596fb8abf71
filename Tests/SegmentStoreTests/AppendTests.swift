import Causality
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import Testing

@Suite("Appending to a segment store")
struct AppendTests {
  let fixture: Fixture
  var store: SegmentStore { fixture.store }

  init() throws { fixture = try Fixture() }

  @Test("an empty store holds nothing of anybody")
  func empty() throws {
    let change = ChangeID(origin: Author(1).origin, sequence: 1)
    #expect(try store.storedVector().isEmpty)
    #expect(try store.position(of: change.origin) == .start)
    #expect(try store.lastPosition() == 0)
    #expect(try store.totals() == SegmentTotals())
    #expect(try store.segment(containing: change) == nil)
    #expect(try store.chainHash(endingAt: change) == nil)
    #expect(try store.segments(beyond: VersionVector(), limitBytes: 1, limitCount: 1).isEmpty)
    #expect(try store.segments(afterPosition: 0, limitBytes: 1, limitCount: 1).isEmpty)
    #expect(try store.check().isEmpty)
  }

  @Test("segments come back verbatim, by position and by change")
  func verbatim() throws {
    var author = Author(1)
    let first = try author.seal(3, bytes: 0)
    let second = try author.seal(1, bytes: 5_000)
    #expect(try fixture.append(first) == .stored(position: 1))
    #expect(try fixture.append(second) == .stored(position: 2))
    #expect(try store.position(of: author.origin) == second.position)
    #expect(try store.storedVector()[author.origin] == 4)
    for sequence in 1...4 as ClosedRange<UInt64> {
      let found = try #require(
        try store.segment(containing: ChangeID(origin: author.origin, sequence: sequence)))
      let expected = sequence < 4 ? first : second
      #expect(found.bytes == expected.bytes)
      #expect(found.hash == expected.hash)
      #expect(found.origin == author.origin)
      #expect(found.firstSequence == expected.header.firstSequence)
      #expect(found.lastSequence == expected.header.lastSequence)
    }
    for sequence in [0, 5, .max] as [UInt64] {
      let change = ChangeID(origin: author.origin, sequence: sequence)
      #expect(try store.segment(containing: change) == nil)
    }
    let ends = try (1...5 as ClosedRange<UInt64>).map {
      try store.chainHash(endingAt: ChangeID(origin: author.origin, sequence: $0))
    }
    #expect(ends == [nil, nil, first.hash, second.hash, nil])
  }

  @Test("a segment that was stored already is recognised")
  func duplicates() throws {
    var author = Author(1)
    for _ in 0..<3 { try fixture.append(try author.seal(2)) }
    for (index, segment) in author.segments.enumerated() {
      #expect(try fixture.append(segment) == .duplicate(position: Int64(index + 1)))
    }
    #expect(try store.totals().segments == 3)
  }

  @Test("a gap is refused by its numbers and does not end the transaction")
  func gap() throws {
    var author = Author(1)
    let first = try author.seal(2)
    _ = try author.seal(2)
    let third = try author.seal()
    try fixture.write { () throws(SegmentStoreError) in
      do throws(SegmentStoreError) {
        _ = try store.append(third)
        Issue.record("no gap")
      } catch {
        #expect(error == .gap(origin: author.origin, expected: 1, found: 5))
      }
      _ = try store.append(first)
      do throws(SegmentStoreError) {
        _ = try store.append(third)
        Issue.record("no gap")
      } catch {
        #expect(error == .gap(origin: author.origin, expected: 3, found: 5))
        #expect(!error.isAboutTheFile)
        #expect(error.description.contains("3 comes next"))
      }
    }
    #expect(try store.storedVector()[author.origin] == 2)
  }

  @Test("another history of the same origin is a fork, wherever it starts")
  func fork() throws {
    var author = Author(1)
    try fixture.append(try author.seal(2))
    var twin = author
    try fixture.append(try author.seal(2))
    try fixture.append(try author.seal(2))
    // The same sequences, other bytes.
    let second = try twin.seal(2, bytes: 11)
    expectError(.fork(origin: author.origin, sequence: 3)) { try fixture.append(second) }
    // The same end, other bounds.
    var thrice = twin
    let third = try thrice.seal(1, bytes: 3)
    expectError(.fork(origin: author.origin, sequence: 5)) { try fixture.append(third) }
    // Comes next by its numbers, but behind something else.
    _ = try twin.seal(2)
    let next = try twin.seal(1)
    expectError(.fork(origin: author.origin, sequence: 7)) { try fixture.append(next) }
    // Overlaps the end.
    var wide = Author(1)
    let overlapping = try wide.seal(9)
    expectError(.fork(origin: author.origin, sequence: 1)) { try fixture.append(overlapping) }
    #expect(try store.totals().changes == 6)
    #expect(try store.check().isEmpty)
  }

  @Test("writing needs a transaction, and a rolled back one leaves nothing")
  func transactions() throws {
    var author = Author(1)
    let segment = try author.seal()
    #expect(throws: SegmentStoreError.self) { try store.append(segment) }
    #expect(throws: SegmentStoreError.self) { try store.setSetting("a", to: [1]) }
    #expect(throws: SegmentStoreError.self) { try store.insertMembership([1], hash: .zero) }
    #expect(throws: SegmentStoreError.self) { try store.noteError("x", peer: [1]) }
    #expect(throws: SegmentStoreError.self) {
      try fixture.write { () throws(SegmentStoreError) in
        _ = try store.append(segment)
        throw .gap(origin: author.origin, expected: 0, found: 0)
      }
    }
    #expect(try store.lastPosition() == 0)
    #expect(try fixture.append(segment) == .stored(position: 1))
  }

  @Test("sequences up to the largest that SQLite can hold")
  func largeSequences() throws {
    var author = Author(1)
    try fixture.append(try author.seal(UInt64(Segment.changesMax)))
    try fixture.append(try author.seal(UInt64(Segment.changesMax)))
    #expect(try store.totals().changes == 2 * UInt64(Segment.changesMax))
    let change = ChangeID(origin: author.origin, sequence: UInt64(Segment.changesMax) + 1)
    #expect(try store.segment(containing: change)?.position == 2)
    #expect(
      try store.ranges(beyond: VersionVector([.init(origin: author.origin, sequence: .max)]))
        .isEmpty)
  }
}
