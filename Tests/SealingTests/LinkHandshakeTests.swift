import ByteCoding
import Sealing
import Testing

/// Both ends of a link, and what they hold.
struct LinkFixture {
  let entropy: Entropy
  let initiator: DeviceKeys
  let responder: DeviceKeys
  let invite: SigningKey
  let workspace: Bytes32
  let key: WorkspaceKey

  init(seed: UInt64 = 11) {
    entropy = .seeded(seed)
    initiator = DeviceKeys(entropy: entropy)
    responder = DeviceKeys(entropy: entropy)
    invite = SigningKey(entropy: entropy)
    workspace = entropy.bytes32()
    key = WorkspaceKey(entropy: entropy)
  }

  var served: LinkHandshake.ServedWorkspace {
    .init(workspace: workspace, secret: key.linkSecret)
  }

  func caller(
    _ target: LinkHandshake.Target? = nil, _ credential: LinkHandshake.Credential? = nil
  ) -> LinkHandshake {
    LinkHandshake(
      connectingTo: target ?? .replica(workspace: workspace, secret: key.linkSecret),
      as: credential ?? .member(initiator.signing), entropy: entropy)
  }

  func callee(_ service: LinkHandshake.Service? = nil) -> LinkHandshake {
    LinkHandshake(
      accepting: service ?? .replicas([served]), as: responder.signing, entropy: entropy)
  }

  /// Runs a whole handshake; `change` may alter message 1, 2 or 3 on its way.
  func run(
    _ caller: LinkHandshake, _ callee: LinkHandshake,
    change: (Int, inout [UInt8]) -> Void = { _, _ in }
  ) throws -> (LinkSession, LinkSession) {
    var caller = caller
    var callee = callee
    var first = caller.start()
    change(1, &first)
    guard case .send(var second) = try callee.receive(first) else { throw Unexpected() }
    change(2, &second)
    guard case .sendAndFinish(var third, let near) = try caller.receive(second) else {
      throw Unexpected()
    }
    change(3, &third)
    guard case .finish(let far) = try callee.receive(third) else { throw Unexpected() }
    return (near, far)
  }

  struct Unexpected: Error {}
}

@Suite struct LinkHandshakeTests {
  let fixture = LinkFixture()

  private func expectTalk(_ near: LinkSession, _ far: LinkSession) throws {
    for message in [[], [1], fixture.entropy.bytes(3000)] {
      let opened = try far.incoming.open(try near.outgoing.seal(message))
      #expect(opened.message == message && !opened.isFinal)
      #expect(try near.incoming.open(try far.outgoing.seal(message)).message == message)
    }
  }

  @Test func membersFindEachOtherAndTalk() throws {
    let (near, far) = try fixture.run(fixture.caller(), fixture.callee())
    #expect(near.peer == .member(fixture.responder.publicKey))
    #expect(far.peer == .member(fixture.initiator.publicKey))
    #expect(near.workspace == fixture.workspace && far.workspace == fixture.workspace)
    #expect(near.mode == .replica && far.mode == .replica)
    try expectTalk(near, far)
  }

  @Test func joinerProvesInvitationAndDevice() throws {
    let credential = LinkHandshake.Credential.joiner(
      invite: fixture.invite, device: fixture.initiator.signing)
    let (near, far) = try fixture.run(fixture.caller(nil, credential), fixture.callee())
    #expect(
      far.peer
        == .joiner(invite: fixture.invite.publicKey, device: fixture.initiator.publicKey))
    #expect(far.peer.device == fixture.initiator.publicKey)
    try expectTalk(near, far)
  }

  @Test func responderFindsTheWorkspaceThatIsMeant() throws {
    let others = (0..<5).map { _ in
      LinkHandshake.ServedWorkspace(
        workspace: fixture.entropy.bytes32(),
        secret: WorkspaceKey(entropy: fixture.entropy).linkSecret)
    }
    let callee = fixture.callee(.replicas(others + [fixture.served]))
    let (_, far) = try fixture.run(fixture.caller(), callee)
    #expect(far.workspace == fixture.workspace)
  }

  @Test(arguments: [true, false])
  func relayLearnsWhichWorkspaceAndWho(pinned: Bool) throws {
    let caller = fixture.caller(
      .relay(workspace: fixture.workspace, pinned: pinned ? fixture.responder.publicKey : nil))
    let (near, far) = try fixture.run(caller, fixture.callee(.relay))
    #expect(far.workspace == fixture.workspace && far.mode == .relay)
    #expect(far.peer == .member(fixture.initiator.publicKey))
    try expectTalk(near, far)
  }

  @Test func relayWithAnotherKeyThanPinnedLearnsNothing() {
    let pinned = fixture.initiator.publicKey
    let caller = fixture.caller(.relay(workspace: fixture.workspace, pinned: pinned))
    #expect(throws: LinkError.unexpectedPeer(fixture.responder.publicKey)) {
      try fixture.run(caller, fixture.callee(.relay))
    }
  }

  @Test func strangerIsNotAnswered() {
    let stranger = WorkspaceKey(entropy: fixture.entropy)
    let wrongSecret = fixture.caller(
      .replica(workspace: fixture.workspace, secret: stranger.linkSecret))
    #expect(throws: LinkError.stranger) { try fixture.run(wrongSecret, fixture.callee()) }
    let wrongWorkspace = fixture.caller(
      .replica(workspace: .zero, secret: fixture.key.linkSecret))
    #expect(throws: LinkError.stranger) { try fixture.run(wrongWorkspace, fixture.callee()) }
    #expect(throws: LinkError.stranger) {
      try fixture.run(fixture.caller(), fixture.callee(.replicas([])))
    }
  }

  @Test func relayAndReplicaDoNotTakeEachOtherForTheOther() {
    #expect(throws: LinkError.wrongMode) {
      try fixture.run(fixture.caller(), fixture.callee(.relay))
    }
    let toRelay = fixture.caller(.relay(workspace: fixture.workspace, pinned: nil))
    #expect(throws: LinkError.wrongMode) { try fixture.run(toRelay, fixture.callee()) }
  }

  @Test(arguments: [1, 2, 3], [false, true])
  func everyChangedByteEndsTheHandshake(number: Int, relay: Bool) throws {
    let credential = LinkHandshake.Credential.joiner(
      invite: fixture.invite, device: fixture.initiator.signing)
    let target: LinkHandshake.Target? =
      relay ? .relay(workspace: fixture.workspace, pinned: nil) : nil
    let service: LinkHandshake.Service? = relay ? .relay : nil
    var length = 0
    _ = try fixture.run(fixture.caller(target, credential), fixture.callee(service)) {
      if $0 == number { length = $1.count }
    }
    #expect(length > 0 && length <= LinkHandshake.messageBytesMax)
    for index in 0..<length {
      #expect(throws: LinkError.self, "byte \(index)") {
        try fixture.run(fixture.caller(target, credential), fixture.callee(service)) {
          if $0 == number { $1[index] ^= 1 << UInt8(index % 8) }
        }
      }
    }
  }

  @Test(arguments: [1, 2, 3])
  func everyOtherLengthEndsTheHandshake(number: Int) throws {
    var length = 0
    _ = try fixture.run(fixture.caller(), fixture.callee()) {
      if $0 == number { length = $1.count }
    }
    for count in Array(0..<length) + [length + 1, length + 100] {
      #expect(throws: LinkError.self) {
        try fixture.run(fixture.caller(), fixture.callee()) {
          if $0 == number {
            $1 = Array(($1 + [UInt8](repeating: 0, count: 100)).prefix(count))
          }
        }
      }
    }
  }

  @Test func memberAndJoinerLookAlikeOnTheWire() throws {
    var lengths: Set<Int> = []
    for credential in [
      LinkHandshake.Credential.member(fixture.initiator.signing),
      .joiner(invite: fixture.invite, device: fixture.initiator.signing),
    ] {
      _ = try fixture.run(fixture.caller(nil, credential), fixture.callee()) {
        if $0 == 3 { lengths.insert($1.count) }
      }
    }
    #expect(lengths.count == 1)
  }

  /// The points of small order on Curve25519 and their second encodings (those that libsodium
  /// knows), little-endian.
  static let lowOrderPoints: [String] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ]

  @Test(arguments: lowOrderPoints)
  func lowOrderPointsAreRefusedOnBothSides(point: String) throws {
    let bytes = try #require(Hexadecimal.decode(point))
    let toRelay = fixture.caller(.relay(workspace: fixture.workspace, pinned: nil))
    #expect(throws: LinkError.weakKey) {
      try fixture.run(toRelay, fixture.callee(.relay)) {
        if $0 == 1 { $1.replaceSubrange(2..<34, with: bytes) }
      }
    }
    #expect(throws: LinkError.weakKey) {
      try fixture.run(toRelay, fixture.callee(.relay)) {
        if $0 == 2 { $1.replaceSubrange(0..<32, with: bytes) }
      }
    }
  }

  @Test func replayedFirstMessageGivesNoSession() throws {
    var first: [UInt8] = []
    var third: [UInt8] = []
    _ = try fixture.run(fixture.caller(), fixture.callee()) {
      if $0 == 1 { first = $1 }
      if $0 == 3 { third = $1 }
    }
    var again = fixture.callee()
    guard case .send = try again.receive(first) else { throw LinkFixture.Unexpected() }
    #expect(throws: LinkError.notAuthentic) { try again.receive(third) }
  }

  @Test func messagesOfOneHandshakeAreWorthNothingInAnother() throws {
    var old: [UInt8] = []
    _ = try fixture.run(fixture.caller(), fixture.callee()) { if $0 == 2 { old = $1 } }
    #expect(throws: LinkError.notAuthentic) {
      try fixture.run(fixture.caller(), fixture.callee()) { if $0 == 2 { $1 = old } }
    }
  }

  @Test func deadHandshakeStaysDead() throws {
    var callee = fixture.callee()
    #expect(throws: LinkError.malformed) { try callee.receive([]) }
    var caller = fixture.caller()
    #expect(throws: LinkError.ended) { try callee.receive(caller.start()) }
    #expect(throws: LinkError.unsupportedVersion(2)) {
      var fresh = fixture.callee()
      _ = try fresh.receive([2] + [UInt8](repeating: 0, count: 65))
    }
  }

  @Test func randomBytesAreRefused() {
    for count in 0..<600 {
      var callee = fixture.callee(count % 2 == 0 ? .relay : nil)
      var bytes = fixture.entropy.bytes(count)
      if count > 1 { (bytes[0], bytes[1]) = (1, UInt8(count % 2 == 0 ? 1 : 0)) }
      // A relay answers whoever speaks its protocol; there is nothing to learn from it.
      if count == 34 { continue }
      #expect(throws: LinkError.self) { try callee.receive(bytes) }
    }
  }

  @Test func handshakeBytesAreThoseOfTheFormat() throws {
    var messages: [Int: [UInt8]] = [:]
    let golden = LinkFixture(seed: 2026)
    let (near, _) = try golden.run(golden.caller(), golden.callee()) { messages[$0] = $1 }
    let hashes = [1, 2, 3].map {
      Digest.of(messages[$0] ?? [], domain: Domain("golden")).hexadecimal
    }
    #expect(messages.values.map(\.count).sorted() == [66, 144, 209])
    #expect(Hexadecimal.encode(messages[1] ?? []) == GoldenVectors.firstMessage)
    #expect(hashes == GoldenVectors.handshakeHashes)
    let frame = Hexadecimal.encode(try near.outgoing.seal(Array("skerry".utf8)))
    #expect(frame == GoldenVectors.firstFrame)
  }
}
