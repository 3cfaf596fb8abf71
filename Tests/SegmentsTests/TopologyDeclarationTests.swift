import ByteCoding
import Sealing
import TestSupport
import Testing

@testable import Segments

@Suite("Declared topologies")
struct TopologyDeclarationTests {
  private typealias Member = TopologyDeclaration.Member

  private func devices(_ count: Int, seed: UInt64 = 1) -> [SigningKey.Public] {
    let entropy = Entropy.seeded(seed)
    return (0..<count).map { _ in DeviceKeys(entropy: entropy).publicKey }
  }

  private func ring(_ devices: [SigningKey.Public], port: Int = 7000) -> TopologyDeclaration {
    TopologyDeclaration(
      shape: .ring,
      members: devices.enumerated().map {
        Member(device: $1, address: "tcp://node-\($0).example:\(port)")
      })
  }

  private func declare(
    _ declaration: TopologyDeclaration, by device: DeviceKeys? = nil,
    in fixture: MembershipFixture
  ) throws -> [MembershipRecord] {
    try fixture.membership.declare(
      declaration, by: device ?? fixture.founder, key: fixture.key, keyEpoch: 1,
      entropy: fixture.entropy)
  }

  @Test("what is written is read, and nothing shorter or longer")
  func bytes() throws {
    let keys = devices(3)
    var star = ring(keys)
    star.shape = .star
    star.hubs = ["ws://relay.example:8080/", "tcp://node-1.example:7000"]
    for declaration in [ring(keys), star] {
      let bytes = declaration.encoded()
      #expect(try TopologyDeclaration(decoding: bytes) == declaration)
      for count in bytes.indices {
        #expect(throws: ByteDecodingError.self) {
          try TopologyDeclaration(decoding: Array(bytes.prefix(count)))
        }
      }
      #expect(throws: ByteDecodingError.self) { try TopologyDeclaration(decoding: bytes + [0]) }
    }
    var later = ring(keys).encoded()
    later[0] = 2
    #expect(throws: ByteDecodingError(.unsupportedVersion, "topology")) {
      try TopologyDeclaration(decoding: later)
    }
  }

  @Test("what nobody could follow has a flaw, and cannot be read either")
  func flaws() throws {
    let keys = devices(2)
    var star = ring(keys)
    star.shape = .star
    var twice = ring([keys[0], keys[0]])
    let long = String(repeating: "a", count: TopologyDeclaration.addressBytesMax - 6)
    var cases: [(TopologyDeclaration, TopologyFlaw?)] = [
      (ring(keys), nil), (ring([]), .empty), (star, .noHub),
      (twice, .repeated("tcp://node-1.example:7000")),
    ]
    twice.members = [
      Member(device: keys[0], address: "tcp://x:1"), Member(device: keys[1], address: "tcp://x:1"),
    ]
    cases.append((twice, .repeated("tcp://x:1")))
    star.hubs = ["ws://r:1/", "ws://r:1/"]
    cases.append((star, .repeated("ws://r:1/")))
    for (address, isGood) in [
      ("tcp://\(long)", true), ("tcp://\(long)b", false), ("", false), ("tcp://a b", false),
    ] {
      let one = TopologyDeclaration(
        shape: .mesh, members: [Member(device: keys[0], address: address)])
      cases.append((one, isGood ? nil : .noAddress(address)))
    }
    for (declaration, flaw) in cases {
      #expect(declaration.flaw == flaw)
      let bytes = declaration.encoded()
      #expect((try? TopologyDeclaration(decoding: bytes)) == (flaw == nil ? declaration : nil))
    }
  }

  @Test("as many members as there may be are declared, in several records, and no more")
  func limits() throws {
    var fixture = try MembershipFixture()
    let keys = devices(TopologyDeclaration.membersMax + 1)
    for count in [keys.count - 2, keys.count - 1] {
      let whole = ring(Array(keys.prefix(count)), port: count)
      let records = try declare(whole, in: fixture)
      #expect(records.count > 40)
      // Whatever order they come in, nothing holds before the last one is there.
      var random = SeededGenerator(seed: 3)
      for (number, record) in records.shuffled(using: &random).enumerated() {
        #expect(fixture.membership.topologies.first?.name != records.last?.hash, "\(number)")
        try fixture.membership.insert([try MembershipRecord(parsing: record.bytes)])
      }
      let held = try #require(fixture.membership.topologies.first)
      #expect(held.name == records.last?.hash)
      #expect(try held.open(with: fixture.key) == whole)
    }
    #expect(throws: MembershipError.topology(.tooMany)) {
      try declare(ring(keys), in: fixture)
    }
  }

  @Test("a declaration is for members: who has another key cannot read it")
  func sealed() throws {
    var fixture = try MembershipFixture()
    let declaration = ring(devices(2))
    let records = try declare(declaration, in: fixture)
    try fixture.membership.insert(records)
    let held = try #require(fixture.membership.topologies.first)
    #expect(held.author == fixture.founder.publicKey && held.keyEpoch == 1)
    #expect(try held.open(with: fixture.key) == declaration)
    #expect(throws: MembershipError.sealedTopology) {
      try held.open(with: WorkspaceKey(entropy: fixture.entropy))
    }
    let clear = Array("node-1".utf8)
    for record in records {
      #expect(!record.bytes.indices.contains { record.bytes[$0...].starts(with: clear) })
    }
  }

  @Test("readers declare nothing")
  func readers() throws {
    var fixture = try MembershipFixture()
    let reader = try fixture.join(.reader)
    #expect(throws: MembershipError.readerMayNotInvite(reader.device.publicKey)) {
      try declare(ring(devices(2)), by: reader.device, in: fixture)
    }
    // One that does all the same is not heard.
    let part = try #require(TopologyPart.cut([1, 2, 3], replacing: .zero)?.first)
    let record = MembershipRecord(
      .topology(part), workspace: fixture.founding.workspace, author: reader.device.signing,
      index: 0, previous: .zero)
    try fixture.membership.insert([record])
    #expect(fixture.membership.topologies.isEmpty)
  }

  /// Two writers declare at once and one after the other, in a random history; everybody who has
  /// the same records follows the same one, and it is none in whose place another one came.
  @Test(
    "all choose the same one, whatever order the records came in",
    arguments: 1...20 as ClosedRange<UInt64>)
  func order(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var fixture = try MembershipFixture(seed: seed)
    let other = try fixture.join()
    var views = [fixture.membership, fixture.membership]
    var declared = 0
    for _ in 0..<12 {
      let side = Int.random(in: 0...1, using: &random)
      if Bool.random(using: &random) {
        try views[side].insert(views[1 - side].records)
        continue
      }
      declared += 1
      let records = try views[side].declare(
        ring(devices(2), port: declared), by: [fixture.founder, other.device][side],
        key: fixture.key, keyEpoch: 1, entropy: fixture.entropy)
      try views[side].insert(records)
      #expect(views[side].topologies.first?.name == records.last?.hash, "seed \(seed)")
    }
    let all = (views[0].records + views[1].records).shuffled(using: &random)
    var shuffled = Membership(workspace: fixture.founding.workspace)
    for record in all { try shuffled.insert([record]) }
    try views[0].insert(all)
    #expect(shuffled.topologies.elementsEqual(views[0].topologies), "seed \(seed)")
    #expect(shuffled.topologies.count == declared, "seed \(seed)")
    let replaced = Set(shuffled.topologies.map(\.replaces))
    if let first = shuffled.topologies.first {
      #expect(!replaced.contains(first.name), "seed \(seed)")
    }
  }

  @Test("one that replaces what is not known waits, and holds when that comes")
  func waiting() throws {
    var fixture = try MembershipFixture()
    let other = try fixture.join()
    let before = fixture.membership
    let first = try declare(ring(devices(2), port: 1), in: fixture)
    try fixture.membership.insert(first)
    let second = try declare(ring(devices(2), port: 2), by: other.device, in: fixture)
    var late = before
    try late.insert(second)
    #expect(late.topologies.isEmpty)
    try late.insert(first)
    #expect(Array(late.topologies.map(\.name)) == [second.last?.hash, first.last?.hash])
  }

  @Test("a record of this kind that is not well-formed is kept, and has no effect")
  func malformed() throws {
    var fixture = try MembershipFixture()
    let record = MembershipRecord(
      .unknown(kind: 6), workspace: fixture.founding.workspace, author: fixture.founder.signing,
      index: 1, previous: fixture.founding.record.hash)
    let parsed = try MembershipRecord(parsing: record.bytes)
    #expect(parsed.content == .unknown(kind: 6))
    try fixture.membership.insert([parsed])
    #expect(fixture.membership.waiting.isEmpty && fixture.membership.topologies.isEmpty)
    let records = try declare(ring(devices(2)), in: fixture)
    try fixture.membership.insert(records)
    #expect(fixture.membership.topologies.count == 1)
  }
}
