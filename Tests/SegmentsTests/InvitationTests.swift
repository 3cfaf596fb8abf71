import Sealing
import Segments
import Testing

@Suite struct InvitationTests {
  private func code(seed: UInt64 = 51) throws -> String {
    var fixture = try MembershipFixture(seed: seed)
    return try fixture.invite(.writer, expiresMillis: 1_763_800_000_000).code
  }

  @Test func codeCarriesTheInvitation() throws {
    var fixture = try MembershipFixture()
    for role in [Role.reader, .writer] {
      let invitation = try fixture.invite(role, expiresMillis: .max)
      #expect(invitation.code.count == Invitation.codeCharacterCount)
      let read = try Invitation(code: invitation.code)
      #expect(read.workspace == fixture.founding.workspace)
      #expect(read.issuer == fixture.founder.publicKey)
      #expect(read.role == role && read.keyEpoch == 1 && read.expiresMillis == .max)
      #expect(read.inviteKey.publicKey == invitation.inviteKey.publicKey)
      #expect(read.key.encoded() == fixture.key.encoded())
      #expect(read.code == invitation.code)
    }
  }

  @Test func whiteSpaceOfTerminalsAndMailsIsPassedOver() throws {
    let code = try code()
    let wrapped =
      " \t\(code.prefix(60))\r\n\(code.dropFirst(60).prefix(60))\n  \(code.dropFirst(120))\n"
    #expect(try Invitation(code: wrapped).code == code)
  }

  @Test func everyChangedCharacterIsRefused() throws {
    let characters = Array(try code())
    for index in characters.indices {
      for replacement in ["A", "b", "7", "_", "=", "é", "."] as [Character]
      where replacement != characters[index] {
        var changed = characters
        changed[index] = replacement
        #expect(throws: InvitationError.self, "character \(index)") {
          try Invitation(code: String(changed))
        }
      }
    }
  }

  @Test func truncatedCodeSaysHowMuchIsThere() throws {
    let code = try code()
    for count in 6..<code.count {
      #expect(throws: InvitationError.incomplete(characters: count)) {
        try Invitation(code: String(code.prefix(count)))
      }
    }
    for count in 0..<6 {
      #expect(throws: InvitationError.wrongPrefix) {
        try Invitation(code: String(code.prefix(count)))
      }
    }
  }

  @Test func eachMistakeHasItsOwnSentence() throws {
    let code = try code()
    #expect(throws: InvitationError.wrongPrefix) { try Invitation(code: "tcp://localhost:1") }
    #expect(throws: InvitationError.wrongPrefix) { try Invitation(code: "") }
    #expect(throws: InvitationError.wrongPrefix) { try Invitation(code: "skerryx") }
    #expect(throws: InvitationError.unsupportedVersion("2")) {
      try Invitation(code: "skerry2" + code.dropFirst(7))
    }
    #expect(throws: InvitationError.tooLong(characters: 180)) {
      try Invitation(code: code + "A")
    }
    #expect(throws: InvitationError.invalidCharacter(at: 10)) {
      try Invitation(code: "skerry1AB!" + code.dropFirst(10))
    }
    var swapped = Array(code)
    swapped[20] = swapped[20] == "A" ? "B" : "A"
    #expect(throws: InvitationError.badChecksum) { try Invitation(code: String(swapped)) }
    let errors: [InvitationError] = [
      .wrongPrefix, .unsupportedVersion("2"), .incomplete(characters: 3), .tooLong(characters: 180),
      .invalidCharacter(at: 10), .badChecksum, .invalidValue, .expired(atMillis: 1),
    ]
    #expect(Set(errors.map(\.description)).count == errors.count)
  }

  @Test func codeIsThatOfTheFormat() throws {
    let text = try code(seed: 2026)
    #expect(text == GoldenVectors.code)
    #expect(try Invitation(code: GoldenVectors.code).role == .writer)
  }
}
