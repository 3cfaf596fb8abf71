import ByteCoding
package import Sealing

/// Why an invitation code was refused.
package enum InvitationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The text is something else.
  case wrongPrefix
  /// Made by a program of a later version.
  case unsupportedVersion(Character)
  /// Characters are missing at the end.
  case incomplete(characters: Int)
  /// Characters follow that do not belong to the code.
  case tooLong(characters: Int)
  /// A character that codes do not use, at this place (from 1, white space not counted).
  case invalidCharacter(at: Int)
  /// A character was changed.
  case badChecksum
  /// Whole, but with a value that is not allowed.
  case invalidValue
  case expired(atMillis: UInt64)

  package var description: String {
    switch self {
    case .wrongPrefix: "this is not an invitation code; a code starts with \"skerry1\""
    case .unsupportedVersion(let version):
      "the invitation code has version \(version); this program is too old for it"
    case .incomplete(let characters):
      "the invitation code is not complete: it has \(characters) of "
        + "\(Invitation.codeCharacterCount) characters"
    case .tooLong(let characters):
      "the invitation code has \(characters) characters, more than the "
        + "\(Invitation.codeCharacterCount) of a code: copy it again, alone"
    case .invalidCharacter(let place):
      "the invitation code has a character that codes do not use, at place \(place)"
    case .badChecksum:
      "the invitation code was changed on its way: copy it again, or ask for a new one"
    case .invalidValue: "the invitation code says something that makes no sense: ask for a new one"
    case .expired: "the invitation has expired; ask for a new one"
    }
  }
}

/// What a person hands to another so that a device of theirs can join: a secret, single-use.
///
/// As text: `skerry1` and 172 characters of base64url. It holds the workspace's key, so whoever
/// reads it can read the workspace; it admits one device, until it expires.
package struct Invitation: Sendable {
  package static let codeCharacterCount = 179
  static let seedByteCount = 16
  private static let name = "skerry"
  private static let version: Character = "1"
  private static let payloadByteCount = 125
  private static let checksumByteCount = 4
  private static let domain = Domain("skerry code")
  private static let seedDomain = Domain("skerry invite")

  package let workspace: WorkspaceID
  /// The workspace's key, of the epoch ``keyEpoch``.
  package let key: WorkspaceKey
  package let keyEpoch: UInt32
  /// The device that gave the invitation out and that alone can admit on it.
  package let issuer: SigningKey.Public
  package let role: Role
  /// Wall time, milliseconds since 1970.
  package let expiresMillis: UInt64
  /// What the holder of the code signs with.
  package let inviteKey: SigningKey
  private let seed: SecretBytes

  init(
    workspace: WorkspaceID, seed: SecretBytes, key: WorkspaceKey, keyEpoch: UInt32,
    issuer: SigningKey.Public, role: Role, expiresMillis: UInt64
  ) {
    self.workspace = workspace
    self.seed = seed
    self.key = key
    self.keyEpoch = keyEpoch
    self.issuer = issuer
    self.role = role
    self.expiresMillis = expiresMillis
    inviteKey = SigningKey(seed: seed.expanded(for: Invitation.seedDomain))
  }

  /// The code, for a person to hand over.
  package var code: String {
    var writer = ByteWriter(reservingCapacity: Invitation.payloadByteCount + 4)
    writer.write(role.rawValue)
    writer.write(fixed: keyEpoch)
    writer.write(fixed: expiresMillis)
    workspace.write(to: &writer)
    issuer.write(to: &writer)
    writer.write(raw: seed.array)
    writer.write(raw: key.encoded().array)
    let prefix = Invitation.name + String(Invitation.version)
    writer.write(raw: Invitation.checksum(prefix, writer.bytes))
    return prefix + Base64URL.encode(writer.bytes)
  }

  private static func checksum(_ prefix: String, _ payload: [UInt8]) -> ArraySlice<UInt8> {
    Digest.of(Array(prefix.utf8) + payload, domain: domain).array.prefix(checksumByteCount)
  }

  /// Reads a code; white space around and within it, as terminals and mails put it there, is
  /// passed over.
  package init(code: String) throws(InvitationError) {
    let text = String(code.unicodeScalars.filter { !$0.properties.isWhitespace })
    guard text.hasPrefix(Invitation.name) else { throw .wrongPrefix }
    let versioned = text.dropFirst(Invitation.name.count)
    guard let version = versioned.first else { throw .incomplete(characters: text.count) }
    guard version.isASCII, version.isNumber else { throw .wrongPrefix }
    guard version == Invitation.version else { throw .unsupportedVersion(version) }
    let encoded = versioned.dropFirst()
    let prefixCount = Invitation.name.count + 1

    let payload: [UInt8]
    do {
      // Whole groups of four characters, so that a missing rest is not taken for a wrong bit.
      payload = try Base64URL.decode(encoded.prefix(encoded.count / 4 * 4))
    } catch {
      throw .invalidCharacter(at: prefixCount + error.offset + 1)
    }
    guard text.count >= Invitation.codeCharacterCount else {
      throw .incomplete(characters: text.count)
    }
    guard text.utf8.count == Invitation.codeCharacterCount else {
      throw .tooLong(characters: text.count)
    }
    let body = Array(payload.dropLast(Invitation.checksumByteCount))
    let expected = Invitation.checksum(String(text.prefix(prefixCount)), body)
    guard payload.suffix(Invitation.checksumByteCount) == expected else { throw .badChecksum }

    do {
      var reader = ByteReader(body)
      let role = try Role(from: &reader)
      let keyEpoch = try reader.readFixed32("key epoch")
      let expiresMillis = try reader.readFixed64("expiry")
      let workspace = try WorkspaceID(from: &reader, "workspace")
      let issuer = try SigningKey.Public(from: &reader, "issuer")
      let seed = SecretBytes(try reader.readRaw(Invitation.seedByteCount, "seed"))
      let key = try WorkspaceKey(decoding: try reader.readRaw(WorkspaceKey.byteCount, "key"))
      guard keyEpoch >= 1 else { throw InvitationError.invalidValue }
      self.init(
        workspace: workspace, seed: seed, key: key, keyEpoch: keyEpoch, issuer: issuer,
        role: role, expiresMillis: expiresMillis)
    } catch {
      throw .invalidValue
    }
  }

  /// - Throws: `expired` when `nowMillis` has reached the invitation's expiry.
  package func checkExpiry(nowMillis: UInt64) throws(InvitationError) {
    guard nowMillis < expiresMillis else { throw .expired(atMillis: expiresMillis) }
  }
}
