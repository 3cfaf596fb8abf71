import ByteCoding

/// Version, mode, ephemeral key; between replicas also the tag.
struct FirstMessage {
  private static let plainByteCount = 34
  private static let taggedByteCount = 66

  let mode: LinkHandshake.Mode
  let ephemeral: BoxKey.Public
  private let plain: [UInt8]
  private let tag: [UInt8]

  static func encoded(
    _ mode: LinkHandshake.Mode, _ ephemeral: BoxKey.Public, _ secret: LinkSecret,
    _ workspace: Bytes32
  ) -> [UInt8] {
    let plain = [LinkHandshake.version, mode.rawValue] + ephemeral.array
    switch mode {
    case .replica: return plain + secret.tag(first: plain, workspace: workspace).array
    case .relay: return plain
    }
  }

  init(parsing message: [UInt8]) throws(LinkError) {
    guard let version = message.first else { throw .malformed }
    guard version == LinkHandshake.version else { throw .unsupportedVersion(version) }
    guard message.count >= FirstMessage.plainByteCount,
      let mode = LinkHandshake.Mode(rawValue: message[1]),
      let ephemeral = BoxKey.Public(message[2..<FirstMessage.plainByteCount]),
      message.count
        == (mode == .replica ? FirstMessage.taggedByteCount : FirstMessage.plainByteCount)
    else { throw .malformed }
    self.mode = mode
    self.ephemeral = ephemeral
    plain = Array(message[..<FirstMessage.plainByteCount])
    tag = Array(message[FirstMessage.plainByteCount...])
  }

  func isMeant(for served: LinkHandshake.ServedWorkspace) -> Bool {
    let expected = served.secret.tag(first: plain, workspace: served.workspace)
    return equalInConstantTime(expected.array, tag)
  }
}

/// The responder's ephemeral key; sealed, its long-term key and signature.
struct SecondMessage {
  private static let plaintextByteCount = 96
  private static let byteCount = 32 + plaintextByteCount + AEADKey.tagByteCount

  let ephemeral: BoxKey.Public
  private let sealed: [UInt8]

  static func encoded(
    _ ephemeral: BoxKey.Public, _ key: SigningKey, _ keys: LinkKeys
  ) -> [UInt8] {
    let signature = key.sign(
      keys.responderStatement(key.publicKey), domain: LinkKeys.responderDomain)
    return ephemeral.array
      + keys.secondMessageKey.sealOnce(
        key.publicKey.array + signature.array, associatedData: keys.opening)
  }

  init(parsing message: [UInt8]) throws(LinkError) {
    guard message.count == SecondMessage.byteCount, let ephemeral = BoxKey.Public(message[..<32])
    else { throw .malformed }
    self.ephemeral = ephemeral
    sealed = Array(message[32...])
  }

  func openResponder(_ keys: LinkKeys) throws(LinkError) -> SigningKey.Public {
    guard let plaintext = keys.secondMessageKey.openOnce(sealed, associatedData: keys.opening)
    else { throw .notAuthentic }
    guard plaintext.count == SecondMessage.plaintextByteCount,
      let responder = SigningKey.Public(plaintext[..<32]),
      let signature = Signature(plaintext[32...])
    else { throw .malformed }
    guard
      responder.verifies(
        signature, of: keys.responderStatement(responder), domain: LinkKeys.responderDomain)
    else { throw .badSignature }
    return responder
  }
}

/// Sealed: towards a relay the workspace; who the initiator is, and the signatures that prove it.
///
/// A member's message is as long as a joiner's, so that the two look alike on the wire.
struct ThirdMessage {
  private static let identityByteCount = 193
  private static let memberByteCount = 97
  private static let memberKind: UInt8 = 1
  private static let joinerKind: UInt8 = 2

  let workspace: Bytes32
  let identity: LinkHandshake.Identity

  static func encoded(
    _ mode: LinkHandshake.Mode, _ workspace: Bytes32, _ credential: LinkHandshake.Credential,
    responder: SigningKey.Public, _ keys: LinkKeys, middle: Digest
  ) -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: 32 + identityByteCount)
    if mode == .relay { workspace.write(to: &writer) }
    let start = writer.count
    switch credential {
    case .member(let device):
      let statement = statement(
        middle, responder, workspace, .member(device.publicKey))
      writer.write(memberKind)
      device.publicKey.write(to: &writer)
      device.sign(statement, domain: LinkKeys.initiatorDomain).write(to: &writer)
    case .joiner(let invite, let device):
      let statement = statement(
        middle, responder, workspace,
        .joiner(invite: invite.publicKey, device: device.publicKey))
      writer.write(joinerKind)
      device.publicKey.write(to: &writer)
      device.sign(statement, domain: LinkKeys.initiatorDomain).write(to: &writer)
      invite.publicKey.write(to: &writer)
      invite.sign(statement, domain: LinkKeys.inviteDomain).write(to: &writer)
    }
    let filling = identityByteCount - (writer.count - start)
    writer.write(raw: repeatElement(0, count: filling))
    return keys.thirdMessageKey.sealOnce(writer.bytes, associatedData: middle)
  }

  /// What the initiator signs: all that was said, to whom, for which workspace, as whom.
  private static func statement(
    _ middle: Digest, _ responder: SigningKey.Public, _ workspace: Bytes32,
    _ identity: LinkHandshake.Identity
  ) -> Digest {
    let state = HashState(domain: LinkKeys.initiatorDomain)
    state.update(middle)
    state.update(responder)
    workspace.withUnsafeBytes { state.update($0) }
    switch identity {
    case .member(let device):
      state.update([memberKind])
      state.update(device)
    case .joiner(let invite, let device):
      state.update([joinerKind])
      state.update(device)
      state.update(invite)
    }
    return state.finish()
  }

  init(
    opening message: [UInt8], _ mode: LinkHandshake.Mode, _ known: Bytes32?,
    responder: SigningKey.Public, _ keys: LinkKeys, middle: Digest
  ) throws(LinkError) {
    let expected = ThirdMessage.identityByteCount + (mode == .relay ? 32 : 0)
    guard message.count == expected + AEADKey.tagByteCount else { throw .malformed }
    guard let plaintext = keys.thirdMessageKey.openOnce(message, associatedData: middle) else {
      throw .notAuthentic
    }
    do {
      var reader = ByteReader(plaintext)
      workspace = try known ?? Bytes32(from: &reader, "workspace")
      let kind = try reader.readByte("identity kind")
      let device = try SigningKey.Public(from: &reader, "device key")
      let deviceSignature = try Signature(from: &reader, "device signature")
      switch kind {
      case ThirdMessage.memberKind:
        identity = .member(device)
        let filling = ThirdMessage.identityByteCount - ThirdMessage.memberByteCount
        guard try reader.readRaw(filling, "filling").allSatisfy({ $0 == 0 }) else {
          throw LinkError.malformed
        }
      case ThirdMessage.joinerKind:
        let invite = try SigningKey.Public(from: &reader, "invite key")
        let inviteSignature = try Signature(from: &reader, "invite signature")
        identity = .joiner(invite: invite, device: device)
        let statement = ThirdMessage.statement(middle, responder, workspace, identity)
        guard invite.verifies(inviteSignature, of: statement, domain: LinkKeys.inviteDomain)
        else { throw LinkError.badSignature }
      default: throw LinkError.malformed
      }
      try reader.finish("third message")
      let statement = ThirdMessage.statement(middle, responder, workspace, identity)
      guard device.verifies(deviceSignature, of: statement, domain: LinkKeys.initiatorDomain)
      else { throw LinkError.badSignature }
    } catch let error as LinkError {
      throw error
    } catch {
      throw .malformed
    }
  }
}

extension AEADKey {
  /// Seals with a nonce of zeros, which is right for a key that seals one message in its life.
  fileprivate func sealOnce(_ plaintext: [UInt8], associatedData: Digest) -> [UInt8] {
    var sealed = plaintext + [UInt8](repeating: 0, count: AEADKey.tagByteCount)
    sealed.withUnsafeMutableBytes { buffer in
      associatedData.bytes.withUnsafeBytes { extra in
        AEADKey.zeroNonce.withUnsafeBytes { nonce in
          encrypt(inPlace: buffer, count: plaintext.count, associatedData: extra, nonce: nonce)
        }
      }
    }
    return sealed
  }

  fileprivate func openOnce(_ sealed: [UInt8], associatedData: Digest) -> [UInt8]? {
    sealed.withUnsafeBytes { buffer in
      associatedData.bytes.withUnsafeBytes { extra in
        AEADKey.zeroNonce.withUnsafeBytes { nonce in
          decrypt(buffer, associatedData: extra, nonce: nonce)
        }
      }
    }
  }

  private static let zeroNonce = [UInt8](repeating: 0, count: AEADKey.nonceByteCount)
}
