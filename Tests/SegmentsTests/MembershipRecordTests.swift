import ByteCoding
import Sealing
import Segments
import Testing

@Suite struct MembershipRecordTests {
  /// One record of each kind.
  private func records(seed: UInt64 = 41) throws -> [MembershipRecord] {
    var fixture = try MembershipFixture(seed: seed)
    let member = try fixture.join()
    let claim = try fixture.membership.claimOrigin(
      device: member.device, entropy: fixture.entropy)
    try fixture.membership.insert([claim.record])
    return fixture.membership.records
  }

  @Test func recordsComeBackFromTheirBytes() throws {
    let records = try records()
    #expect(records.count == 5)
    for record in records {
      let parsed = try MembershipRecord(parsing: record.bytes)
      #expect(parsed.bytes == record.bytes && parsed.hash == record.hash)
      #expect(parsed.workspace == record.workspace && parsed.author == record.author)
      #expect(parsed.index == record.index && parsed.previous == record.previous)
      #expect(parsed.content == record.content)
    }
  }

  @Test func everyChangedByteIsRefused() throws {
    for record in try records() {
      for index in record.bytes.indices {
        var changed = record.bytes
        changed[index] ^= 1 << UInt8(index % 8)
        #expect(throws: MembershipError.self, "\(record.content) byte \(index)") {
          try MembershipRecord(parsing: changed)
        }
      }
    }
  }

  @Test func everyOtherLengthIsRefused() throws {
    for record in try records() {
      for count in record.bytes.indices {
        #expect(throws: MembershipError.malformed(ByteDecodingError(.truncated, ""))) {
          try MembershipRecord(parsing: Array(record.bytes.prefix(count)))
        }
      }
      #expect(throws: MembershipError.malformed(ByteDecodingError(.trailingBytes, ""))) {
        try MembershipRecord(parsing: record.bytes + [0])
      }
    }
    #expect(throws: MembershipError.malformed(ByteDecodingError(.limitExceeded, ""))) {
      try MembershipRecord(parsing: [UInt8](repeating: 1, count: MembershipRecord.bytesMax + 1))
    }
  }

  @Test func kindsNotKnownYetAreKeptInTheirChainAndHaveNoEffect() throws {
    var fixture = try MembershipFixture()
    let future = try MembershipRecord(
      parsing: signedRecord(
        by: fixture.founder.signing, kind: 99, workspace: fixture.founding.workspace, index: 1,
        previous: fixture.founding.record.hash, payload: [1, 2, 3]))
    #expect(future.content == .unknown(kind: 99))
    let devices = fixture.membership.devices
    try fixture.membership.insert([future])
    #expect(fixture.membership.devices == devices)
    #expect(fixture.membership.waiting.isEmpty)
    let claim = try fixture.membership.claimOrigin(
      device: fixture.founder, entropy: fixture.entropy)
    #expect(claim.record.index == 2 && claim.record.previous == future.hash)
  }

  @Test func longestRecordIsReadAndALongerOneIsRefused() throws {
    let fixture = try MembershipFixture()
    let room = MembershipRecord.bytesMax - 104 - Signature.byteCount
    for count in [0, room - 1, room] {
      let bytes = signedRecord(
        by: fixture.founder.signing, kind: 99, workspace: fixture.founding.workspace, index: 0,
        previous: .zero, payload: [UInt8](repeating: 7, count: count))
      #expect(try MembershipRecord(parsing: bytes).bytes == bytes)
    }
    let bytes = signedRecord(
      by: fixture.founder.signing, kind: 99, workspace: fixture.founding.workspace, index: 0,
      previous: .zero, payload: [UInt8](repeating: 7, count: room + 1))
    #expect(throws: MembershipError.malformed(ByteDecodingError(.limitExceeded, ""))) {
      try MembershipRecord(parsing: bytes)
    }
  }

  @Test func recordsThatContradictThemselvesAreRefusedThoughTheyAreSigned() throws {
    let fixture = try MembershipFixture()
    let key = fixture.founder.signing
    let workspace = fixture.founding.workspace
    let salt = [UInt8](repeating: 3, count: 16)
    let cases: [(String, [UInt8])] = [
      (
        "kind 0",
        signedRecord(by: key, kind: 0, workspace: workspace, index: 0, previous: .zero, payload: [])
      ),
      (
        "first with a hash before it",
        signedRecord(
          by: key, kind: 5, workspace: workspace, index: 0, previous: Digest(workspace.bytes),
          payload: salt)
      ),
      (
        "later without one",
        signedRecord(
          by: key, kind: 5, workspace: workspace, index: 1, previous: .zero, payload: salt)
      ),
      (
        "no workspace",
        signedRecord(
          by: key, kind: 5, workspace: WorkspaceID(.zero), index: 0, previous: .zero,
          payload: salt)
      ),
      (
        "payload too long",
        signedRecord(
          by: key, kind: 5, workspace: workspace, index: 0, previous: .zero,
          payload: salt + [0])
      ),
      (
        "role 3",
        signedRecord(
          by: key, kind: 2, workspace: workspace, index: 0, previous: .zero,
          payload: key.publicKey.array + [3] + [UInt8](repeating: 0, count: 8))
      ),
      (
        "request for a device that did not sign",
        signedRecord(
          by: key, kind: 3, workspace: workspace, index: 0, previous: .zero,
          payload: Array(fixture.founding.record.bytes[70..<102])
            + Array(fixture.founding.record.bytes[104..<152]) + [0])
      ),
    ]
    for (name, bytes) in cases {
      #expect(throws: MembershipError.self, "\(name)") { try MembershipRecord(parsing: bytes) }
    }
  }

  @Test func joinRequestNeedsTheDevicesOwnSignature() throws {
    var fixture = try MembershipFixture()
    let invitation = try fixture.invite()
    let asked = try fixture.request(invitation, DeviceKeys(entropy: fixture.entropy)).record
    // The holder of the invitation signs again after putting another device's signature in.
    var payload = Array(asked.bytes[104..<(asked.bytes.count - 64)])
    payload[payload.count - 1] ^= 1
    let forged = signedRecord(
      by: invitation.inviteKey, kind: 3, workspace: fixture.founding.workspace, index: 0,
      previous: .zero, payload: payload)
    #expect(throws: MembershipError.badSignature) { try MembershipRecord(parsing: forged) }
  }

  @Test func recordBytesAreThoseOfTheFormat() throws {
    let records = try records(seed: 2026)
    #expect(records.map { Hexadecimal.encode($0.bytes) } == GoldenVectors.records)
    for text in GoldenVectors.records {
      let bytes = try #require(Hexadecimal.decode(text))
      #expect(try MembershipRecord(parsing: bytes).bytes == bytes)
    }
  }
}
