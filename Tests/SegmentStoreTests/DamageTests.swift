import Causality
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import Testing

@Suite("Damage in a segment store")
struct DamageTests {
  let fixture: Fixture
  var author = Author(1)
  var other = Author(2)
  var store: SegmentStore { fixture.store }

  /// Positions 1, 3, 5 are the author's, 2 and 4 the other's.
  init() throws {
    fixture = try Fixture()
    for _ in 0..<2 {
      try fixture.append(try author.seal(2))
      try fixture.append(try other.seal(2))
    }
    try fixture.append(try author.seal(2))
  }

  func damage(_ position: Int, _ change: String) throws {
    try fixture.connection.execute("UPDATE segment SET \(change) WHERE position = \(position)")
  }

  func damaged(_ sequences: ClosedRange<UInt64>, _ position: Int64) -> SegmentStoreError {
    .damaged(origin: author.origin, sequences: sequences, position: position)
  }

  @Test(
    "a damaged segment is named, whatever part of it is damaged",
    arguments: [
      "bytes = zeroblob(length(bytes))", "bytes = substr(bytes, 2)", "bytes = x''",
      "checksum = checksum + 1", "hash = zeroblob(32)",
    ])
  func named(change: String) throws {
    try damage(3, change)
    let error = damaged(3...4, 3)
    expectError(error) {
      _ = try store.segment(containing: ChangeID(origin: author.origin, sequence: 4))
    }
    expectError(error) {
      _ = try store.segments(afterPosition: 2, limitBytes: .max, limitCount: 9)
    }
    #expect(error.isAboutTheFile)
    #expect(error.description.contains("changes 3 to 4"))
    // What lies before it is still answered.
    #expect(
      try store.segments(beyond: VersionVector(), limitBytes: .max, limitCount: 9).count == 2)
    #expect(try store.check() == [error])
  }

  @Test("damaged numbers are noticed")
  func numbers() throws {
    try damage(3, "first_sequence = 4")
    expectError(damaged(4...4, 3)) {
      _ = try store.segment(containing: ChangeID(origin: author.origin, sequence: 4))
    }
    try damage(3, "first_sequence = -4")
    #expect(throws: SegmentStoreError.self) { try store.check() }
  }

  @Test("a segment fetched again takes the place of the damaged one")
  func repairs() throws {
    try damage(3, "bytes = x'00'")
    let copy = author.segments[1]
    #expect(try fixture.write { () throws(SegmentStoreError) in try store.repair(with: copy) })
    #expect(try store.check().isEmpty)
    #expect(
      try store.segment(containing: copy.firstChange)?.bytes == copy.bytes)
    var stranger = Author(9)
    let foreign = try stranger.seal()
    #expect(
      try !fixture.write { () throws(SegmentStoreError) in try store.repair(with: foreign) })
    var twin = Author(1)
    let different = try twin.seal(2, bytes: 99)
    #expect(
      try !fixture.write { () throws(SegmentStoreError) in try store.repair(with: different) })
  }

  @Test("missing rows and wrong sums are found")
  func inconsistencies() throws {
    try fixture.connection.execute("UPDATE segment SET bytes_through = bytes_through + 1")
    #expect(try store.check().count == 2)
    try fixture.connection.execute("DELETE FROM segment WHERE position = 3")
    let findings = try store.check()
    #expect(findings.count == 1, "\(findings)")
    let change = author.segments[1]
    expectError(.fork(origin: author.origin, sequence: 3)) { try fixture.append(change) }
  }

  @Test("what a peer has acknowledged is forgotten when it has rotted")
  func damagedPeer() throws {
    let vector = VersionVector([.init(origin: author.origin, sequence: 7)])
    try fixture.write { () throws(SegmentStoreError) in
      try store.setAcknowledged(vector, peer: [1])
    }
    #expect(try store.peers().map(\.acknowledged) == [vector])
    let bytes = try #require(
      try fixture.connection.queryBlob("SELECT acknowledged FROM peer WHERE key = x'01'"))
    for bit in 0..<(bytes.count * 8) {
      var rotten = bytes
      rotten[bit / 8] ^= 1 << UInt8(bit % 8)
      try fixture.connection.execute("UPDATE peer SET acknowledged = ?", .blob(rotten))
      #expect(try store.peers().map(\.acknowledged) == [VersionVector()], "bit \(bit)")
    }
    // As earlier releases have written it.
    try fixture.connection.execute("UPDATE peer SET acknowledged = ?", .blob(bytes.dropLast(4)))
    #expect(try store.peers().map(\.acknowledged) == [vector])
  }
}
