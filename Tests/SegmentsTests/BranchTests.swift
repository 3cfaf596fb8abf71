import ByteCoding
import Causality
import Sealing
import Segments
import Testing

@Suite("Branches of forked origins")
struct BranchTests {
  private static let root = Origin(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)

  private static func digest(_ byte: UInt8) throws -> Digest {
    try #require(Digest([UInt8](repeating: byte, count: 32)))
  }

  /// Three segments of one origin: one change, two, one.
  private func segments() throws -> [Segment] {
    let entropy = Entropy.seeded(7)
    let sealer = SegmentSealer(
      workspace: WorkspaceID(entropy.bytes32()), keyEpoch: 1, key: WorkspaceKey(entropy: entropy),
      device: DeviceKeys(entropy: entropy), entropy: entropy)
    let one = try sealer.seal([1], origin: Self.root, sequences: 1...1, after: .zero)
    let two = try sealer.seal([2], origin: Self.root, sequences: 2...3, after: one.hash)
    return [one, two, try sealer.seal([3], origin: Self.root, sequences: 4...4, after: two.hash)]
  }

  @Test("the name follows from root, place and first segment, and stands where the root stands")
  func names() throws {
    let branch = Branch(root: Self.root, start: 5, first: try Self.digest(1))
    #expect(branch.origin.description == "0123456789ab4e78db12f1296ac10ffa")
    #expect(branch == Branch(root: Self.root, start: 5, first: try Self.digest(1)))
    let others = [
      Branch(root: Self.root, start: 6, first: try Self.digest(1)),
      Branch(root: Self.root, start: 5, first: try Self.digest(2)),
    ]
    #expect(Set((others + [branch]).map(\.origin)).count == 3)
    // Whatever is beyond the first six bytes leaves the order to others as it was.
    for other in others + [branch] {
      #expect(other.origin.high >> 16 == Self.root.high >> 16)
    }
  }

  @Test("on a branch a segment has its numbers, and the first of them follows nothing")
  func numbers() throws {
    let segments = try segments()
    let branch = Branch(root: Self.root, start: 1, first: segments[1].hash)
    let first = try #require(segments[1].on(branch))
    let second = try #require(segments[2].on(branch))
    #expect(first.origin == branch.origin && first.header.origin == Self.root)
    #expect((first.firstSequence, first.lastSequence) == (1, 2))
    #expect(second.firstChange == ChangeID(origin: branch.origin, sequence: 3))
    try first.verifyFollows(.start)
    try second.verifyFollows(first.position)
    #expect(throws: SegmentError.gap(origin: branch.origin, expected: 1, found: 3)) {
      try second.verifyFollows(.start)
    }
    #expect(segments[0].on(branch) == nil, "it lies before the fork")
    let foreign = Branch(
      origin: branch.origin, root: Origin(high: 1, low: 1), start: 1)
    #expect(segments[1].on(foreign) == nil)
  }

  @Test("what a peer calls a segment is believed as far as it can be")
  func announcements() throws {
    let segments = try segments()
    let branch = Branch(root: Self.root, start: 1, first: segments[1].hash)
    func announced(
      _ index: Int, _ origin: Origin, _ sequences: ClosedRange<UInt64>
    ) -> Origin? {
      segments[index].announced(
        as: ChangeID(origin: origin, sequence: sequences.lowerBound),
        through: sequences.upperBound)?.origin
    }
    #expect(announced(1, Self.root, 2...3) == Self.root)
    #expect(announced(1, branch.origin, 1...2) == branch.origin)
    #expect(announced(2, branch.origin, 3...3) == branch.origin)
    // Other numbers, another length, a name that does not follow from the first segment.
    #expect(announced(1, Self.root, 1...2) == nil)
    #expect(announced(1, Self.root, 3...4) == nil)
    #expect(announced(1, branch.origin, 1...1) == nil)
    #expect(announced(1, branch.origin, 3...4) == nil)
    #expect(announced(1, Origin(high: 9, low: 9), 1...2) == nil)
    #expect(announced(2, branch.origin, 1...1) == nil)
  }

  // MARK: Statements

  private func statement(_ readers: Int) throws -> BranchStatement {
    BranchStatement(
      root: Self.root, start: 5, first: try Self.digest(1),
      readers: VersionVector(
        (0..<readers).map {
          VersionVector.Entry(
            origin: Origin(high: UInt64($0), low: 1), sequence: UInt64(Int64.max))
        }))
  }

  @Test("a record says what its author has read, with up to as many readers as there is room for")
  func records() throws {
    var fixture = try MembershipFixture()
    let statements = try [0, 1, BranchStatement.entriesMax - 1, BranchStatement.entriesMax]
      .map { try statement($0) }
    let made = try fixture.membership.state(statements, by: fixture.founder)
    #expect(made.map(\.index) == [1, 2, 3, 4])
    for (record, statement) in zip(made, statements) {
      let parsed = try MembershipRecord(parsing: record.bytes)
      #expect(parsed.content == .branch(statement))
      #expect(record.bytes.count <= MembershipRecord.bytesMax)
    }
    try fixture.membership.insert(made)
    let known = fixture.membership.branchStatements
    #expect(Set(known.map(\.statement)) == Set(statements))
    #expect(known.map(\.hash) == known.map(\.hash).sorted())
    #expect(known.allSatisfy { $0.author == fixture.founder.publicKey })
    // Nobody owns the root here, so nobody owns the branch.
    #expect(fixture.membership.device(owning: statements[0].branch.origin) == nil)
  }

  @Test("a branch belongs to whom its root belongs to")
  func owners() throws {
    var fixture = try MembershipFixture()
    let member = try fixture.join(.reader)
    let statement = BranchStatement(
      root: fixture.founding.origin, start: 3, first: try Self.digest(4),
      readers: VersionVector())
    // Readers of a workspace have read, too.
    try fixture.membership.insert(try fixture.membership.state([statement], by: member.device))
    let owner = fixture.membership.device(owning: statement.branch.origin)
    #expect(owner?.key == fixture.founder.publicKey)
    let stranger = DeviceKeys(entropy: fixture.entropy)
    #expect(throws: MembershipError.notMember(stranger.publicKey)) {
      try fixture.membership.state([statement], by: stranger)
    }
  }

  @Test("what is no well-formed statement is kept, and has no effect")
  func malformed() throws {
    let fixture = try MembershipFixture()
    var whole = ByteWriter()
    Self.root.write(to: &whole)
    whole.write(fixed: 5 as UInt64)
    whole.write(raw: [UInt8](repeating: 1, count: 32))
    var readers = whole
    readers.write(count: 1)
    readers.write(raw: [UInt8](repeating: 0, count: 17))
    var tooMany = whole
    try statement(BranchStatement.entriesMax).readers.write(to: &tooMany)
    for payload in [[], whole.bytes, readers.bytes, tooMany.bytes + [0]] {
      let record = try MembershipRecord(
        parsing: signedRecord(
          by: fixture.founder.signing, kind: 7, workspace: fixture.founding.workspace, index: 1,
          previous: fixture.founding.record.hash, payload: payload))
      #expect(record.content == .unknown(kind: 7))
    }
  }
}
