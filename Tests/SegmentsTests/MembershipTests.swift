import ByteCoding
import Causality
import Sealing
import Segments
import TestSupport
import Testing

@Suite struct MembershipTests {
  @Test func founderIsAWriterUnderTheFirstOrigin() throws {
    let fixture = try MembershipFixture()
    let membership = fixture.membership
    #expect(membership.devices.map(\.key) == [fixture.founder.publicKey])
    #expect(membership.device(owning: fixture.founding.origin)?.role == .writer)
    #expect(try membership.verifier(for: fixture.founding.origin) == fixture.founder.publicKey)
    let device = try #require(membership.device(fixture.founder.publicKey))
    #expect(try device.name(using: fixture.key) == "founder")
    #expect(device.box == fixture.founder.box.publicKey)
    #expect(throws: MembershipError.sealedName) {
      try device.name(using: WorkspaceKey(entropy: fixture.entropy))
    }
    #expect(fixture.founding.record.workspace == fixture.founding.workspace)
    #expect(membership.waiting.isEmpty)
  }

  @Test(arguments: [Role.writer, .reader])
  func invitedDeviceBecomesAMember(role: Role) throws {
    var fixture = try MembershipFixture()
    let joiner = DeviceKeys(entropy: fixture.entropy)
    let invitation = try fixture.invite(role)
    let identity = LinkHandshake.Identity.joiner(
      invite: invitation.inviteKey.publicKey, device: joiner.publicKey)
    #expect(fixture.membership.mayConnect(identity))
    #expect(!fixture.membership.mayConnect(.member(joiner.publicKey)))
    let asked = try fixture.request(invitation, joiner, name: "Zoë's laptop")
    #expect(fixture.membership.outcome(of: asked.record.hash) == .pending)
    #expect(fixture.membership.requests.map(\.hash) == [asked.record.hash])
    #expect(
      fixture.membership.requests(for: fixture.founder.publicKey)
        .map(\.origin) == [asked.origin])
    #expect(fixture.membership.requests(for: joiner.publicKey).isEmpty)
    #expect(throws: MembershipError.unknownOrigin(asked.origin)) {
      try fixture.membership.verifier(for: asked.origin)
    }
    try fixture.membership.insert([
      try fixture.membership.admit(asked.record.hash, by: fixture.founder, nowMillis: 999)
    ])
    #expect(fixture.membership.outcome(of: asked.record.hash) == .admitted(role))
    #expect(fixture.membership.requests.isEmpty)
    #expect(
      fixture.membership.invite(invitation.inviteKey.publicKey)?.usedBy == joiner.publicKey)
    let device = try #require(fixture.membership.device(owning: asked.origin))
    #expect(device.key == joiner.publicKey && device.role == role)
    #expect(try device.name(using: fixture.key) == "Zoë's laptop")
    #expect(fixture.membership.mayConnect(.member(joiner.publicKey)))
    if role == .writer {
      #expect(try fixture.membership.verifier(for: asked.origin) == joiner.publicKey)
    } else {
      #expect(throws: MembershipError.readerMayNotWrite(asked.origin)) {
        try fixture.membership.verifier(for: asked.origin)
      }
    }
  }

  @Test func twoDevicesRedeemOneInvitationAndOneIsAdmitted() throws {
    var fixture = try MembershipFixture()
    let invitation = try fixture.invite()
    let first = try fixture.request(invitation, DeviceKeys(entropy: fixture.entropy))
    let second = try fixture.request(invitation, DeviceKeys(entropy: fixture.entropy))
    #expect(fixture.membership.requests.count == 2)
    try fixture.membership.insert([
      try fixture.membership.admit(second.record.hash, by: fixture.founder, nowMillis: 0)
    ])
    #expect(fixture.membership.outcome(of: second.record.hash) == .admitted(.writer))
    #expect(fixture.membership.outcome(of: first.record.hash) == .refused)
    #expect(fixture.membership.requests.isEmpty)
    #expect(throws: MembershipError.inviteUsed) {
      try fixture.membership.admit(first.record.hash, by: fixture.founder, nowMillis: 0)
    }
    #expect(throws: MembershipError.unknownOrigin(first.origin)) {
      try fixture.membership.verifier(for: first.origin)
    }
  }

  @Test func issuersChainDecidesBetweenTwoAdmissionsOfOneInvitation() throws {
    var fixture = try MembershipFixture()
    let invitation = try fixture.invite()
    let one = try fixture.request(invitation, DeviceKeys(entropy: fixture.entropy))
    let two = try fixture.request(invitation, DeviceKeys(entropy: fixture.entropy))
    // An issuer restored from a backup forgets that it has admitted, and does so again.
    let before = fixture.membership
    let first = try before.admit(one.record.hash, by: fixture.founder, nowMillis: 0)
    let second = try before.admit(two.record.hash, by: fixture.founder, nowMillis: 0)
    #expect(first.index == second.index)
    var left = before
    try left.insert([first])
    try left.insert([second])
    var right = before
    try right.insert([second])
    try right.insert([first])
    #expect(left.devices == right.devices)
    #expect(left.devices.count == 2)
    let winner = first.hash < second.hash ? one : two
    #expect(left.device(owning: winner.origin) != nil)
    // A further record on a higher index does not win, whatever its hash.
    let again = try left.claimOrigin(device: fixture.founder, entropy: fixture.entropy)
    #expect(again.record.index == first.index + 1)
  }

  @Test func invitationIsExpiredFromItsExpiryOn() throws {
    var fixture = try MembershipFixture()
    let invitation = try fixture.invite(.writer, expiresMillis: 1000)
    let asked = try fixture.request(invitation, DeviceKeys(entropy: fixture.entropy))
    for now in [1000, 1001, UInt64.max] as [UInt64] {
      #expect(throws: MembershipError.inviteExpired(atMillis: 1000)) {
        try fixture.membership.admit(asked.record.hash, by: fixture.founder, nowMillis: now)
      }
      #expect(throws: InvitationError.expired(atMillis: 1000)) {
        try invitation.checkExpiry(nowMillis: now)
      }
    }
    try invitation.checkExpiry(nowMillis: 999)
    _ = try fixture.membership.admit(asked.record.hash, by: fixture.founder, nowMillis: 999)
  }

  @Test func onlyTheIssuerAdmits() throws {
    var fixture = try MembershipFixture()
    let other = try fixture.join()
    let invitation = try fixture.invite()
    let asked = try fixture.request(invitation, DeviceKeys(entropy: fixture.entropy))
    #expect(throws: MembershipError.notIssuer(other.device.publicKey)) {
      try fixture.membership.admit(asked.record.hash, by: other.device, nowMillis: 0)
    }
    #expect(throws: MembershipError.unknownRequest(.zero)) {
      try fixture.membership.admit(.zero, by: fixture.founder, nowMillis: 0)
    }
    let stranger = DeviceKeys(entropy: fixture.entropy)
    #expect(throws: MembershipError.notMember(stranger.publicKey)) {
      try fixture.membership.admit(asked.record.hash, by: stranger, nowMillis: 0)
    }
  }

  @Test func admittedWritersInviteOthersAndReadersDoNot() throws {
    var fixture = try MembershipFixture()
    let writer = try fixture.join()
    let reader = try fixture.join(.reader, by: writer.device)
    #expect(fixture.membership.devices.count == 3)
    #expect(throws: MembershipError.readerMayNotInvite(reader.device.publicKey)) {
      try fixture.membership.makeInvitation(
        by: reader.device, role: .reader, expiresMillis: 1, key: fixture.key, keyEpoch: 1,
        entropy: fixture.entropy)
    }
    #expect(throws: MembershipError.readerMayNotWrite(reader.origin)) {
      try fixture.membership.verifier(for: reader.origin)
    }
  }

  @Test func admissionMayGiveLessThanTheInvitationAndNotMore() throws {
    var fixture = try MembershipFixture()
    let forReader = try fixture.invite(.reader)
    let asked = try fixture.request(forReader, DeviceKeys(entropy: fixture.entropy))
    #expect(throws: MembershipError.roleExceedsInvite) {
      try fixture.membership.admit(
        asked.record.hash, by: fixture.founder, role: .writer, nowMillis: 0)
    }
    let forWriter = try fixture.invite()
    let other = try fixture.request(forWriter, DeviceKeys(entropy: fixture.entropy))
    try fixture.membership.insert([
      try fixture.membership.admit(
        other.record.hash, by: fixture.founder, role: .reader, nowMillis: 0)
    ])
    #expect(fixture.membership.device(owning: other.origin)?.role == .reader)
  }

  @Test func readerThatIsInvitedAgainBecomesAWriter() throws {
    var fixture = try MembershipFixture()
    let reader = try fixture.join(.reader)
    let invitation = try fixture.invite()
    let asked = try fixture.request(invitation, reader.device)
    try fixture.membership.insert([
      try fixture.membership.admit(asked.record.hash, by: fixture.founder, nowMillis: 0)
    ])
    #expect(fixture.membership.devices.count == 2)
    #expect(try fixture.membership.verifier(for: reader.origin) == reader.device.publicKey)
    #expect(try fixture.membership.verifier(for: asked.origin) == reader.device.publicKey)
    _ = try fixture.invite(by: reader.device)
  }

  @Test func furtherOriginsBelongToTheirDevice() throws {
    var fixture = try MembershipFixture()
    let member = try fixture.join()
    var origins = [member.origin]
    for _ in 0..<3 {
      let claim = try fixture.membership.claimOrigin(
        device: member.device, entropy: fixture.entropy)
      try fixture.membership.insert([claim.record])
      #expect(try fixture.membership.verifier(for: claim.origin) == member.device.publicKey)
      origins.append(claim.origin)
    }
    #expect(fixture.membership.device(member.device.publicKey)?.origins == origins.sorted())
    let stranger = DeviceKeys(entropy: fixture.entropy)
    #expect(throws: MembershipError.notMember(stranger.publicKey)) {
      try fixture.membership.claimOrigin(device: stranger, entropy: fixture.entropy)
    }
  }

  @Test func recordsWaitForWhatTheyBuildOnInEveryOrder() throws {
    for seed in 1...40 as ClosedRange<UInt64> {
      var generator = SeededGenerator(seed: seed)
      var fixture = try MembershipFixture(seed: seed)
      var writers = [fixture.founder]
      for _ in 0..<4 {
        let issuer = writers[Int.random(in: 0..<writers.count, using: &generator)]
        let role: Role = Bool.random(using: &generator) ? .writer : .reader
        let joined = try fixture.join(role, by: issuer)
        if role == .writer { writers.append(joined.device) }
        let claim = try fixture.membership.claimOrigin(
          device: joined.device, entropy: fixture.entropy)
        try fixture.membership.insert([claim.record])
      }
      // One invitation that two ask on, and an issuer that forks.
      let invitation = try fixture.invite()
      let asked = try (0..<2).map { _ in
        try fixture.request(invitation, DeviceKeys(entropy: fixture.entropy)).record
      }
      let before = fixture.membership
      for request in asked {
        try fixture.membership.insert([
          try before.admit(request.hash, by: fixture.founder, nowMillis: 0)
        ])
      }
      let records = fixture.membership.records
      #expect(fixture.membership.waiting.isEmpty)
      for _ in 0..<6 {
        var other = Membership(workspace: fixture.founding.workspace)
        for record in records.shuffled(using: &generator) {
          #expect(try other.insert([record]) == [record])
          #expect(try other.insert([record]).isEmpty)
        }
        #expect(other.devices == fixture.membership.devices, "seed \(seed)")
        #expect(other.invites == fixture.membership.invites, "seed \(seed)")
        #expect(other.requests == fixture.membership.requests, "seed \(seed)")
        #expect(other.records == records, "seed \(seed)")
        #expect(other.digest == fixture.membership.digest, "seed \(seed)")
      }
      // In the order in which they are given out, nothing ever waits.
      var inOrder = Membership(workspace: fixture.founding.workspace)
      for record in records {
        try inOrder.insert([record])
        #expect(inOrder.waiting.isEmpty, "seed \(seed)")
      }
    }
  }

  @Test func recordsOfStrangersAndOfOtherWorkspacesChangeNothing() throws {
    var fixture = try MembershipFixture()
    let other = try MembershipFixture(seed: 32)
    #expect(throws: MembershipError.wrongWorkspace) {
      try fixture.membership.insert([other.founding.record])
    }
    // A stranger who runs the same program against a membership of his own making.
    let forged = try MembershipFixture(seed: 33)
    let claim = try forged.membership.claimOrigin(
      device: forged.founder, entropy: forged.entropy)
    #expect(throws: MembershipError.wrongWorkspace) {
      try fixture.membership.insert([claim.record])
    }
    let before = fixture.membership.devices
    let member = try fixture.join()
    var alone = Membership(workspace: fixture.founding.workspace)
    let late = try fixture.membership.claimOrigin(
      device: member.device, entropy: fixture.entropy)
    try alone.insert([fixture.founding.record, late.record])
    #expect(alone.waiting == [late.record])
    #expect(alone.devices == before)
    #expect(alone.records == [fixture.founding.record, late.record])
    #expect(alone.contains(late.record.hash) && alone.record(late.record.hash) == late.record)
  }

  @Test func longestNameFitsAndALongerOneIsRefused() throws {
    let fixture = try MembershipFixture()
    for count in [0, SealedName.nameBytesMax - 1, SealedName.nameBytesMax] {
      let name = String(repeating: "n", count: count)
      let founding = try Membership.found(
        device: fixture.founder, name: name, key: fixture.key, entropy: fixture.entropy)
      #expect(founding.record.bytes.count <= MembershipRecord.bytesMax)
      var membership = Membership(workspace: founding.workspace)
      try membership.insert([try MembershipRecord(parsing: founding.record.bytes)])
      #expect(try membership.devices.first?.name(using: fixture.key) == name)
    }
    #expect(throws: MembershipError.nameTooLong(bytes: SealedName.nameBytesMax + 1)) {
      try Membership.found(
        device: fixture.founder,
        name: String(repeating: "n", count: SealedName.nameBytesMax + 1), key: fixture.key,
        entropy: fixture.entropy)
    }
  }
}
