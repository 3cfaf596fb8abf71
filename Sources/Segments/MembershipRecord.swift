import ByteCoding
package import Causality
package import Sealing

/// What a device may do in a workspace.
package enum Role: UInt8, Hashable, Comparable, Sendable {
  case reader = 1
  case writer = 2

  package static func < (left: Role, right: Role) -> Bool { left.rawValue < right.rawValue }
}

/// A signed statement about who belongs to a workspace, in clear so that a relay can check it.
///
/// A value of this type is well-formed and signed by its author. Whether the author *may* say what
/// the record says is decided by ``Membership``. The records of one author form a chain by index
/// and previous hash. `FORMAT.md` beside this file gives the bytes.
package struct MembershipRecord: Sendable {
  package static let version: UInt8 = 1
  package static let bytesMax = 1024
  static let headerByteCount = 104
  static let domain = Domain("skerry member")
  static let joinDomain = Domain("skerry join")

  /// What a record says.
  package enum Content: Hashable, Sendable {
    /// Founds the workspace, whose id is the hash of this record. The author is its first member
    /// and a writer.
    case genesis(box: BoxKey.Public, salt: OriginSalt, name: SealedName)
    /// The holder of the invite key may ask to join.
    case invite(key: SigningKey.Public, role: Role, expiresMillis: UInt64)
    /// A device asks to join; made by the invite key, signed by the device as well.
    case request(
      device: SigningKey.Public, box: BoxKey.Public, salt: OriginSalt, name: SealedName)
    /// The device that gave out `invite` takes in the device of `request`.
    case admit(request: Digest, invite: SigningKey.Public, role: Role)
    /// The author will also write under another origin.
    case origin(salt: OriginSalt)
    /// A part of a declaration of which links the members keep.
    case topology(TopologyPart)
    /// What changes name that were written before their author knew of a fork.
    case branch(BranchStatement)
    /// A kind that this version does not know: kept, forwarded, and without effect.
    case unknown(kind: UInt8)

    var kind: UInt8 {
      switch self {
      case .genesis: 1
      case .invite: 2
      case .request: 3
      case .admit: 4
      case .origin: 5
      case .topology: 6
      case .branch: 7
      case .unknown(let kind): kind
      }
    }
  }

  /// The record as it is stored and sent.
  package let bytes: [UInt8]
  /// The hash of all but the signature; the author's next record names it.
  package let hash: Digest
  /// The workspace; for a genesis record the one that it founds.
  package let workspace: WorkspaceID
  package let author: SigningKey.Public
  /// Place in the author's chain, from 0.
  package let index: UInt32
  /// The hash of the author's record before; zeros for the first.
  package let previous: Digest
  package let content: Content

  /// Makes and signs a record. A request is also signed by `joiner`.
  init(
    _ content: Content, workspace: WorkspaceID?, author: SigningKey, index: UInt32,
    previous: Digest, joiner: SigningKey? = nil
  ) {
    var payload = ByteWriter(reservingCapacity: MembershipRecord.bytesMax)
    content.write(to: &payload)
    let payloadLength = payload.count + (joiner == nil ? 0 : Signature.byteCount)
    var writer = ByteWriter(reservingCapacity: MembershipRecord.bytesMax)
    writer.write(MembershipRecord.version)
    writer.write(content.kind)
    (workspace?.bytes ?? .zero).write(to: &writer)
    author.publicKey.write(to: &writer)
    writer.write(fixed: index)
    previous.write(to: &writer)
    writer.write(fixed: UInt16(payloadLength))
    writer.write(raw: payload.bytes)
    if let joiner {
      let digest = Digest.of(writer.bytes, domain: MembershipRecord.joinDomain)
      joiner.sign(digest, domain: MembershipRecord.joinDomain).write(to: &writer)
    }
    hash = Digest.of(writer.bytes, domain: MembershipRecord.domain)
    author.sign(hash, domain: MembershipRecord.domain).write(to: &writer)
    bytes = writer.bytes
    self.workspace = workspace ?? WorkspaceID(hash.bytes)
    self.author = author.publicKey
    self.index = index
    self.previous = previous
    self.content = content
  }

  /// Reads a record and checks its form and its signatures.
  ///
  /// Complexity: O(n) and one or two signature checks.
  package init(parsing bytes: [UInt8]) throws(MembershipError) {
    var joinerSignature: Signature?
    do throws(ByteDecodingError) {
      guard bytes.count <= MembershipRecord.bytesMax else {
        throw ByteDecodingError(.limitExceeded, "membership record")
      }
      var reader = ByteReader(bytes)
      guard try reader.readByte("version") == MembershipRecord.version else {
        throw ByteDecodingError(.unsupportedVersion, "membership record")
      }
      let kind = try reader.readByte("record kind")
      let workspaceBytes = try Bytes32(from: &reader, "workspace")
      author = try SigningKey.Public(from: &reader, "author")
      index = try reader.readFixed32("record index")
      previous = try Digest(from: &reader, "previous hash")
      let payloadLength = Int(try reader.readFixed16("payload length"))
      var payload = try reader.readSlice(payloadLength, "payload")
      content = try Content(from: &payload, kind: kind)
      if case .request = content { joinerSignature = try Signature(from: &payload, "signature") }
      try payload.finish("payload")
      hash = Digest.of(Array(bytes.prefix(reader.offset)), domain: MembershipRecord.domain)
      if case .genesis = content {
        workspace = WorkspaceID(hash.bytes)
        guard workspaceBytes == .zero, index == 0 else {
          throw ByteDecodingError(.invalidValue, "genesis record", at: 2)
        }
      } else {
        workspace = WorkspaceID(workspaceBytes)
        guard workspaceBytes != .zero else {
          throw ByteDecodingError(.invalidValue, "workspace", at: 2)
        }
      }
      if case .request = content, index != 0 {
        throw ByteDecodingError(.invalidValue, "record index", at: 66)
      }
      guard (index == 0) == (previous == .zero) else {
        throw ByteDecodingError(.invalidValue, "previous hash", at: 70)
      }
      let signature = try Signature(from: &reader, "signature")
      try reader.finish("membership record")
      guard author.verifies(signature, of: hash, domain: MembershipRecord.domain) else {
        throw ByteDecodingError(.checksumMismatch, "signature")
      }
    } catch {
      throw error.code == .checksumMismatch ? .badSignature : .malformed(error)
    }
    if case .request(let device, _, _, _) = content, let joinerSignature {
      let signedCount = bytes.count - 2 * Signature.byteCount
      let digest = Digest.of(
        Array(bytes.prefix(signedCount)), domain: MembershipRecord.joinDomain)
      guard device.verifies(joinerSignature, of: digest, domain: MembershipRecord.joinDomain)
      else { throw .badSignature }
    }
    self.bytes = bytes
  }
}

extension MembershipRecord: Hashable {
  /// Equal records say the same; their signatures may differ in bytes, never in meaning.
  package static func == (left: MembershipRecord, right: MembershipRecord) -> Bool {
    left.hash == right.hash
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}

extension MembershipRecord.Content {
  func write(to writer: inout ByteWriter) {
    switch self {
    case .genesis(let box, let salt, let name):
      box.write(to: &writer)
      salt.write(to: &writer)
      name.write(to: &writer)
    case .invite(let key, let role, let expiresMillis):
      key.write(to: &writer)
      writer.write(role.rawValue)
      writer.write(fixed: expiresMillis)
    case .request(let device, let box, let salt, let name):
      device.write(to: &writer)
      box.write(to: &writer)
      salt.write(to: &writer)
      name.write(to: &writer)
    case .admit(let request, let invite, let role):
      request.write(to: &writer)
      invite.write(to: &writer)
      writer.write(role.rawValue)
    case .origin(let salt): salt.write(to: &writer)
    case .topology(let part): part.write(to: &writer)
    case .branch(let statement): statement.write(to: &writer)
    case .unknown: break
    }
  }

  init(from reader: inout ByteReader, kind: UInt8) throws(ByteDecodingError) {
    switch kind {
    case 0: throw ByteDecodingError(.invalidValue, "record kind", at: 1)
    case 1:
      self = .genesis(
        box: try BoxKey.Public(from: &reader, "box key"), salt: try OriginSalt(from: &reader),
        name: try SealedName(from: &reader))
    case 2:
      self = .invite(
        key: try SigningKey.Public(from: &reader, "invite key"), role: try Role(from: &reader),
        expiresMillis: try reader.readFixed64("expiry"))
    case 3:
      self = .request(
        device: try SigningKey.Public(from: &reader, "device key"),
        box: try BoxKey.Public(from: &reader, "box key"), salt: try OriginSalt(from: &reader),
        name: try SealedName(from: &reader))
    case 4:
      self = .admit(
        request: try Digest(from: &reader, "request"),
        invite: try SigningKey.Public(from: &reader, "invite key"),
        role: try Role(from: &reader))
    case 5: self = .origin(salt: try OriginSalt(from: &reader))
    case 6: self = try Self.later(kind, &reader) { try? .topology(TopologyPart(from: &$0)) }
    case 7: self = try Self.later(kind, &reader) { try? .branch(BranchStatement(from: &$0)) }
    default: self = try Self.later(kind, &reader) { _ in nil }
    }
  }

  /// Releases that do not know a kind have kept and passed on whatever it says, so what is not
  /// well-formed has no effect, and nothing else.
  private static func later(
    _ kind: UInt8, _ reader: inout ByteReader, _ read: (inout ByteReader) -> Self?
  ) throws(ByteDecodingError) -> Self {
    var copy = reader
    if let content = read(&copy), copy.isAtEnd {
      reader = copy
      return content
    }
    _ = try reader.readRaw(reader.remaining, "payload")
    return .unknown(kind: kind)
  }
}

extension Role {
  init(from reader: inout ByteReader) throws(ByteDecodingError) {
    guard let role = Role(rawValue: try reader.readByte("role")) else {
      throw ByteDecodingError(.invalidValue, "role", at: reader.offset - 1)
    }
    self = role
  }
}

/// The random half of an origin.
///
/// An origin is the first 16 bytes of a hash of the device's key and a salt, so that no device can
/// claim the origin of another.
package struct OriginSalt: Hashable, Sendable {
  private static let byteCount = 16
  private static let domain = Domain("skerry origin")

  private let bytes: [UInt8]

  init(entropy: Entropy) {
    bytes = entropy.bytes(OriginSalt.byteCount)
  }

  init(from reader: inout ByteReader) throws(ByteDecodingError) {
    bytes = try reader.readRaw(OriginSalt.byteCount, "origin salt")
  }

  func write(to writer: inout ByteWriter) { writer.write(raw: bytes) }

  /// The origin that `device` takes with this salt.
  package func origin(of device: SigningKey.Public) -> Origin {
    let hash = Digest.of(device.array + bytes, domain: OriginSalt.domain).array
    func word(_ offset: Int) -> UInt64 {
      hash[offset..<(offset + 8)].reduce(0) { $0 << 8 | UInt64($1) }
    }
    return Origin(high: word(0), low: word(8))
  }
}
