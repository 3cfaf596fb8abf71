import Causality
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import Testing

@Suite("Chains that fork")
struct StoredBranchTests {
  private let fixture: Fixture
  private var left = Author(1)
  private var right = Author(1, seed: 2)
  private var store: SegmentStore { fixture.store }
  private var root: Origin { left.origin }

  /// Segments of one origin: one of two changes, then three more on the left and two on the right,
  /// of which the left ones are stored.
  init() throws {
    fixture = try Fixture()
    try fixture.append(try left.seal(2))
    right.follow(left)
    for count in [1, 2, 1] as [UInt64] { try fixture.append(try left.seal(count)) }
    _ = try right.seal(1)
    _ = try right.seal(3)
  }

  private func place(_ segment: Segment) throws -> BranchPlace {
    try fixture.write { () throws(SegmentStoreError) in try store.place(of: segment) }
  }

  private func split(_ chain: Origin, after sequence: UInt64) throws -> StoredBranch? {
    try fixture.write { () throws(SegmentStoreError) in
      try store.split(chain, after: sequence)
    }
  }

  private func begin(_ segment: Segment, behind sequence: UInt64, of chain: Origin) throws {
    try fixture.write { () throws(SegmentStoreError) in
      let branch = try store.begin(behind: sequence, of: chain, with: segment)
      if let segment = segment.on(branch) { _ = try store.append(segment) }
    }
  }

  @Test("what is behind the fork becomes a chain of its own, in its numbers, and nothing is lost")
  func splits() throws {
    let totals = try store.totals()
    #expect(try place(right.segments[1]) == .detached)
    #expect(try place(right.segments[0]) == .fork(of: root, after: 2))
    let branch = try #require(try split(root, after: 2))
    #expect(
      branch.branch == Branch(root: root, start: 2, first: left.segments[1].hash))
    #expect(branch.parent == root)
    #expect(try store.branches() == [branch])
    #expect(try store.position(of: root) == left.segments[0].position)
    #expect(
      try store.position(of: branch.branch.origin)
        == ChainPosition(sequence: 4, hash: left.segments[3].hash))
    let places: [ClosedRange<UInt64>] = [1...1, 2...3, 4...4]
    for (index, sequences) in places.enumerated() {
      let stored = try #require(
        try store.segment(
          containing: ChangeID(origin: branch.branch.origin, sequence: sequences.upperBound)))
      #expect(stored.bytes == left.segments[index + 1].bytes)
      #expect(stored.firstSequence == sequences.lowerBound)
      #expect(try stored.parsed().branch == branch.branch)
    }
    #expect(try store.totals().bytes == totals.bytes)
    #expect(try store.check() == [])

    try begin(right.segments[0], behind: 2, of: root)
    let other = Branch(root: root, start: 2, first: right.segments[0].hash)
    #expect(try place(right.segments[1]) == .end(of: other))
    let last = try #require(right.segments[1].on(other))
    #expect(try fixture.append(last).isNew)
    #expect(try store.position(of: other.origin).sequence == 4)
    for segment in left.segments + right.segments { #expect(try place(segment) == .held) }
    #expect(try store.check() == [])
  }

  @Test("a chain that ends with the change has nothing to split off, and a third way begins there")
  func thirdWay() throws {
    _ = try split(root, after: 2)
    #expect(try split(root, after: 2) == nil)
    try begin(right.segments[0], behind: 2, of: root)
    var third = Author(1, seed: 3)
    third.follow(left, through: 1)
    let segment = try third.seal(1)
    #expect(try place(segment) == .fork(of: root, after: 2))
    try begin(segment, behind: 2, of: root)
    #expect(try store.branches().count == 3)
  }

  @Test("a fork of the first change leaves the origin without a chain")
  func whole() throws {
    let branch = try #require(try split(root, after: 0))
    #expect(branch.branch.start == 0)
    #expect(try store.heads().map(\.origin) == [branch.branch.origin])
    #expect(try store.position(of: root) == .start)
    #expect(try store.check() == [])
    var other = Author(1, seed: 4)
    #expect(try place(try other.seal()) == .fork(of: root, after: 0))
  }

  @Test("whoever forked off further behind goes on from the branch when the chain forks before")
  func before() throws {
    let late = try #require(try split(root, after: 3))
    let early = try #require(try split(root, after: 2))
    let branches = try store.branches()
    #expect(branches.map(\.branch.start) == [2, 3])
    #expect(branches.first { $0.branch == late.branch }?.parent == early.branch.origin)
    #expect(try store.position(of: early.branch.origin).sequence == 1)
    #expect(try store.check() == [])
    // Fork of a branch, in its numbers.
    let last = try #require(try split(late.branch.origin, after: 2))
    #expect(last.branch.start == 5)
    #expect(last.parent == late.branch.origin)
    for segment in left.segments { #expect(try place(segment) == .held) }
  }

  @Test("nothing can be placed behind what was dropped, and a branch that is dropped goes on")
  mutating func dropped() throws {
    let branch = try #require(try split(root, after: 2))
    let version = VersionVector([
      .init(origin: root, sequence: 2), .init(origin: branch.branch.origin, sequence: 3),
    ])
    _ = try fixture.write { () throws(SegmentStoreError) in
      try store.drop(through: version, limitCount: .max)
    }
    #expect(try store.floor() == version)
    #expect(try store.check() == [])
    #expect(try place(left.segments[2]) == .held, "where it ends is still known")
    #expect(try place(left.segments[1]) == .held, "it has given the branch its name")
    let sealed = try left.seal()
    let next = try #require(sealed.on(branch.branch))
    #expect(try fixture.append(next).isNew)
  }
}
