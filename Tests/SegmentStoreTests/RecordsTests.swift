import Causality
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import TestSupport
import Testing

@Suite("Members, peers and settings of a segment store")
struct RecordsTests {
  func hash(_ number: UInt8) -> Digest { Digest.of([number], domain: Domain("test")) }

  @Test("a membership record is kept once, and the digest does not depend on the order")
  func membership() throws {
    let (one, two) = (try Fixture(), try Fixture())
    func insert(_ number: UInt8, into fixture: Fixture) throws -> Bool {
      try fixture.write { () throws(SegmentStoreError) in
        try fixture.store.insertMembership([number, 7], hash: hash(number))
      }
    }
    let empty = try one.store.membershipDigest()
    for number in 0..<20 as Range<UInt8> {
      #expect(try insert(number, into: one))
      #expect(try insert(19 - number, into: two))
    }
    #expect(try !insert(3, into: one))
    #expect(try one.store.membershipRecords() == (0..<20).map { [$0, 7] })
    #expect(try two.store.membershipRecords() == (0..<20).reversed().map { [$0, 7] })
    #expect(try one.store.membershipDigest() == two.store.membershipDigest())
    #expect(try one.store.membershipDigest() != empty)
    #expect(try one.store.membershipTotals() == (20, 40))
    #expect(try insert(20, into: one))
    #expect(try one.store.membershipDigest() != two.store.membershipDigest())
  }

  @Test("peers are remembered field by field, sorted by key")
  func peers() throws {
    let fixture = try Fixture()
    let store = fixture.store
    let vector = VersionVector([.init(origin: Author(4).origin, sequence: 12)])
    try fixture.write { () throws(SegmentStoreError) in
      try store.noteError("the line is cut", peer: [9])
      try store.setAcknowledged(vector, peer: [2])
      try store.noteContact(peer: [2], atMilliseconds: 1_000)
      try store.noteContact(peer: [2], atMilliseconds: 900)
      try store.noteContact(peer: [], atMilliseconds: 5)
    }
    let peers = try store.peers()
    #expect(peers.map(\.key) == [[], [2], [9]])
    #expect(peers[1].acknowledged == vector)
    #expect(peers[1].lastContactMilliseconds == 900)
    #expect(peers[1].lastError == nil)
    #expect(peers[2].lastError == "the line is cut")
    #expect(peers[2].acknowledged.isEmpty)
    #expect(try store.peer([9]) == peers[2])
    try fixture.write { () throws(SegmentStoreError) in
      try store.noteError(nil, peer: [9])
      try store.setAcknowledged(VersionVector(), peer: [2])
      try store.removePeer([])
    }
    #expect(try store.peer([9])?.lastError == nil)
    #expect(try store.peer([2])?.acknowledged.isEmpty == true)
    #expect(try store.peer([]) == nil)
  }

  @Test("settings are set, replaced and removed")
  func settings() throws {
    let fixture = try Fixture()
    let store = fixture.store
    #expect(try store.setting("a") == nil)
    for value in [[1, 2, 3], [], [UInt8](repeating: 4, count: 10_000)] {
      try fixture.write { () throws(SegmentStoreError) in try store.setSetting("a", to: value) }
      #expect(try store.setting("a") == value)
    }
    try fixture.write { () throws(SegmentStoreError) in try store.setSetting("a", to: nil) }
    #expect(try store.setting("a") == nil)
  }

  @Test("everything is there after the file is opened again, and for another connection")
  func reopening() throws {
    let folder = TemporaryFolder()
    let location = SQLiteOptions.Location.file(folder.file("a.db"))
    var author = Author(1)
    do {
      let fixture = try Fixture(location)
      for _ in 0..<50 { try fixture.append(try author.seal(2)) }
      let other = try Fixture(location)
      #expect(try other.store.position(of: author.origin) == author.position)
      try other.append(try author.seal(2))
      #expect(try fixture.store.lastPosition() == 51)
      try fixture.append(try author.seal(2))
    }
    let fixture = try Fixture(location)
    #expect(try fixture.store.position(of: author.origin) == author.position)
    let found = try fixture.store.segments(
      beyond: VersionVector(), limitBytes: .max, limitCount: .max)
    #expect(found.map(\.hash) == author.segments.map(\.hash))
    #expect(try fixture.store.check().isEmpty)
    #expect(try fixture.connection.integrityCheck().isEmpty)
  }

  @Test("two connections append to one chain in turns, and a stale one finds a fork")
  func twoWriters() throws {
    let folder = TemporaryFolder()
    let location = SQLiteOptions.Location.file(folder.file("a.db"))
    let (one, two) = (try Fixture(location), try Fixture(location))
    var author = Author(1)
    var copy = author
    try one.append(try author.seal())
    let stale = try copy.seal(1, bytes: 200)
    expectError(.fork(origin: author.origin, sequence: 1)) { try two.append(stale) }
  }
}
