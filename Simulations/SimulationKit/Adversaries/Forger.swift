import ByteCoding
import Causality
import ChangeCoding
import Documents
import ReplicaStore
import Sealing
import SegmentStore
import Segments
import SyncProtocol

/// A member of the workspace who cheats. It has the keys that every member has, reads what every
/// member may read, and makes segments that nobody should take, or should take and not act upon.
struct Forger {
  let identity: StoreIdentity
  /// What it knows of who belongs to the workspace; its own claims are in it.
  var membership: Membership
  private let entropy: Entropy

  init(_ identity: StoreIdentity, _ membership: Membership, entropy: Entropy) {
    self.identity = identity
    self.membership = membership
    self.entropy = entropy
  }

  /// Makes what a fault asks for.
  ///
  /// - Parameter store: what it has read, one way or another.
  /// - Returns: nil when there is nothing yet to forge from.
  mutating func forge(
    _ fault: Fault, knowing store: ReplicaStore, _ random: inout RandomStream
  ) throws -> Forgery? {
    let scene = try Scene(store, random: &random)
    switch fault.kind {
    case .forgeFork: return try fork(scene, length: fault.amount, &random)
    case .forgeChain: return try breakChain(scene, &random)
    case .forgeSignature: return try signWrongly(scene, store, &random)
    case .forgeSplice: return try splice(scene, store, &random)
    case .forgeReplay: return try replay(store, &random)
    case .forgeLamport: return try claimLamport(scene, &random)
    case .forgeDependency: return try dependOnNothing(scene, &random)
    case .forgeBody: return try garble(scene, &random)
    case .forgeContent: return try writeNonsense(scene, &random)
    default: return nil
    }
  }

  // MARK: What it works with

  /// What an author who saw everything in a store would write next.
  private struct Scene {
    var heads: [ChangeID]
    var lamport: UInt64 = 1
    var document: DocumentID
    var parents: [ChangeID] = []

    init(_ store: ReplicaStore, random: inout RandomStream) throws {
      heads = store.heads.sorted()
      var newest: UInt64 = 0
      try store.changes { change, _ in
        newest = change.lamport
        return false
      }
      lamport = newest + 1
      let known = try store.documents(includingDeleted: false).map(\.id).sorted()
      document = random.element(of: known) ?? DocumentID(high: random.next(), low: random.next())
      parents = try store.document(document)?.parents.sorted() ?? []
    }
  }

  /// A further origin of this device, with the record that says so.
  private mutating func newOrigin(isClaimed: Bool = true) throws -> Origin {
    let (record, origin) = try membership.claimOrigin(device: identity.device, entropy: entropy)
    if isClaimed { try membership.insert([record]) }
    return origin
  }

  private func change(
    _ scene: Scene, _ origin: Origin, after previous: Change? = nil,
    _ operations: [Operation], time: Int64 = 0
  ) -> Change {
    Change(
      id: ChangeID(origin: origin, sequence: (previous?.id.sequence ?? 0) + 1),
      lamport: previous.map { $0.lamport + 1 } ?? scene.lamport,
      time: Timestamp(clampingMilliseconds: time),
      dependencies: previous == nil ? scene.heads : [],
      edits: [
        DocumentEdit(
          document: scene.document, parents: previous.map { [$0.id] } ?? scene.parents,
          operations: operations)
      ])
  }

  /// Something that would be seen: in a register that people write too, and in a text.
  private func graffiti(_ word: String) -> [Operation] {
    let body = ContainerID.child(
      parent: .root, key: Key("body"), kind: .text, generation: nil)
    return [
      Operation(.root, .set(Key("title"), .string(word), replaces: [])),
      Operation(body, .insertText(at: 0, word)),
    ]
  }

  private func seal(
    _ change: Change, after previous: Digest = .zero, bytes: [UInt8]? = nil
  ) throws -> Segment {
    let sealer = SegmentSealer(
      workspace: identity.workspace, keyEpoch: identity.keyEpoch, key: identity.key,
      device: identity.device, entropy: entropy)
    let sequence = change.id.sequence
    return try sealer.seal(
      bytes ?? ChangeBlock.encode([change]), origin: change.id.origin,
      sequences: sequence...sequence, after: previous)
  }

  private func allowed(_ change: Change) -> Forgery.Allowed {
    Forgery.Allowed(change: change.id, dependencies: change.dependencies)
  }

  // MARK: The deceits

  /// Tells one this and another that, under one name.
  private mutating func fork(
    _ scene: Scene, length: Int, _ random: inout RandomStream
  ) throws -> Forgery {
    let origin = try newOrigin()
    let left = change(scene, origin, graffiti("this"))
    let right = change(scene, origin, graffiti("that too"))
    var segments = [try seal(left)]
    var forgery = Forgery([])
    forgery.allowed = [allowed(left)]
    var last = left
    for number in 0..<min(max(length, 0), 10) {
      let next = change(scene, origin, after: last, graffiti("more \(number)"))
      segments.append(try seal(next, after: segments[segments.count - 1].hash))
      forgery.allowed.append(allowed(next))
      last = next
    }
    let other = try seal(right)
    forgery.branches = [segments.map { Forgery.Item($0) }, [Forgery.Item(other)]]
    forgery.forked = origin
    // Whoever hears both calls each by a name of its own.
    for (first, count) in [(segments[0], segments.count), (other, 1)] {
      let name = Branch(root: origin, start: 0, first: first.hash).origin
      for number in 1...count {
        forgery.allowed.append(
          Forgery.Allowed(
            change: ChangeID(origin: name, sequence: UInt64(number)),
            dependencies: number == 1 ? left.dependencies : []))
      }
    }
    return forgery
  }

  /// A second segment that names another than the first, or that leaves one out.
  private mutating func breakChain(
    _ scene: Scene, _ random: inout RandomStream
  ) throws -> Forgery {
    let origin = try newOrigin()
    let first = change(scene, origin, graffiti("first"))
    var second = change(scene, origin, after: first, graffiti("second"))
    let start = try seal(first)
    var previous = Digest(entropy.bytes32())
    if random.chance(millionths: 300_000) {
      second.id.sequence += 1
      previous = start.hash
    }
    let broken = try seal(second, after: previous)
    var forgery = Forgery([start, broken])
    forgery.allowed = [allowed(first)]
    forgery.forbidden = [broken]
    return forgery
  }

  /// In somebody else's name, with a signature of nobody, or under a name that was never claimed.
  private mutating func signWrongly(
    _ scene: Scene, _ store: ReplicaStore, _ random: inout RandomStream
  ) throws -> Forgery? {
    let kind = random.integer(in: 0...4)
    if kind == 0 {
      let signed = try seal(change(scene, try newOrigin(), graffiti("unsigned")))
      var bytes = signed.bytes
      bytes[bytes.count - 1 - random.integer(in: 0...63)] ^= 1
      return forbidding([try Segment(parsing: bytes)])
    }
    if kind == 1 {
      let nobody = try newOrigin(isClaimed: false)
      return forbidding([try seal(change(scene, nobody, graffiti("nobody")))])
    }
    let others = try store.storedTips().filter {
      membership.device(owning: $0.origin)?.key != identity.device.publicKey
    }
    guard let tip = random.element(of: others) else { return nil }
    var forged = change(scene, tip.origin, graffiti("not me"))
    forged.id.sequence = tip.position.sequence + 1
    forged.dependencies.removeAll { $0.origin == tip.origin }
    return forbidding([try seal(forged, after: tip.position.hash)])
  }

  private func forbidding(_ segments: [Segment]) -> Forgery {
    var forgery = Forgery(segments)
    forgery.forbidden = segments
    return forgery
  }

  /// The sealed body of somebody else's segment behind a header of its own, duly signed; or a
  /// header that was changed after it was signed.
  private mutating func splice(
    _ scene: Scene, _ store: ReplicaStore, _ random: inout RandomStream
  ) throws -> Forgery? {
    let own = try seal(change(scene, try newOrigin(), graffiti("mine")))
    if random.chance(millionths: 300_000) {
      var bytes = own.bytes
      // The last sequence, which the signature covers.
      bytes[73] &+= 1
      return forbidding([try Segment(parsing: bytes)])
    }
    guard let other = random.element(of: try segments(in: store)) else { return nil }
    let start = SegmentHeader.byteCount
    // All lengths are in the header, so that only one of the same length fits behind it.
    guard other.bytes.count == own.bytes.count else {
      var forgery = Forgery([other])
      forgery.branches[0][0].head.origin = own.header.origin
      forgery.branches[0][0].head.first = 1
      forgery.branches[0][0].head.last = 1
      return forgery
    }
    let clear = Array(own.bytes[..<start]) + other.bytes[start...].dropLast(Signature.byteCount)
    let hash = Digest.of(clear, domain: "skerry segment")
    let signature = identity.device.signing.sign(hash, domain: "skerry segment")
    return Forgery([try Segment(parsing: clear + signature.array)])
  }

  /// What others wrote, again, in another order, some of it announced as something else.
  private func replay(
    _ store: ReplicaStore, _ random: inout RandomStream
  ) throws -> Forgery? {
    var known = try segments(in: store)
    guard !known.isEmpty else { return nil }
    known.shuffle(using: &random)
    var forgery = Forgery(Array(known.prefix(6)))
    for index in forgery.branches[0].indices where random.chance(millionths: 300_000) {
      forgery.branches[0][index].head.first += 1
      forgery.branches[0][index].head.last += 1
    }
    return forgery
  }

  private func segments(in store: ReplicaStore) throws -> [Segment] {
    var found: [Segment] = []
    for tip in try store.storedTips().prefix(64) {
      let change = ChangeID(origin: tip.origin, sequence: tip.position.sequence)
      let last = try store.read { try store.segments.segment(containing: change) }
      if let last { found.append(try Segment(parsing: last.bytes)) }
    }
    return found
  }

  /// A Lamport time that follows from nothing: whoever took it would let this author win for ever.
  private mutating func claimLamport(
    _ scene: Scene, _ random: inout RandomStream
  ) throws -> Forgery {
    var forged = change(scene, try newOrigin(), graffiti("winner"), time: 4_000_000_000_000)
    let claims = [UInt64.max, UInt64(Int64.max), scene.lamport + 1, scene.lamport + 1_000_000, 0]
    forged.lamport = random.element(of: claims) ?? .max
    return Forgery([try seal(forged)])
  }

  /// Builds on what nobody made, or on itself.
  private mutating func dependOnNothing(
    _ scene: Scene, _ random: inout RandomStream
  ) throws -> Forgery {
    let origin = try newOrigin()
    var forged = change(scene, origin, graffiti("adrift"))
    var nothing = ChangeID(origin: try newOrigin(), sequence: 1 + random.next() % 1_000)
    if random.chance(millionths: 300_000) { nothing.origin = origin }
    if random.chance(millionths: 300_000), let other = scene.heads.first {
      nothing = ChangeID(origin: other.origin, sequence: other.sequence + 1_000_000)
    }
    if random.chance(millionths: 500_000) {
      forged.dependencies = (scene.heads.filter { $0.origin != nothing.origin } + [nothing])
        .sorted()
    } else {
      forged.edits[0].parents = [nothing]
    }
    return Forgery([try seal(forged)])
  }

  /// A body that is no change block, or one with a wrong byte and a checksum that is right.
  private mutating func garble(
    _ scene: Scene, _ random: inout RandomStream
  ) throws -> Forgery {
    let written = change(scene, try newOrigin(), graffiti("mangled"))
    var block = ChangeBlock.encode([written])
    if random.chance(millionths: 200_000) {
      block = (0..<random.integer(in: 0...200)).map { _ in UInt8(random.integer(in: 0...255)) }
      return Forgery([try seal(written, bytes: block)])
    }
    block.removeLast(4)
    for _ in 0..<random.integer(in: 1...3) {
      block[random.integer(in: 1...(block.count - 1))] = UInt8(random.integer(in: 0...255))
    }
    var writer = ByteWriter()
    writer.write(fixed: CRC32C.checksum(block))
    block += writer.bytes
    var forgery = Forgery([try seal(written, bytes: block)])
    // What can be read all the same is a change like others.
    if let read = try? ChangeBlock.decode(block), read.count == 1, read[0].id == written.id {
      forgery.allowed = [allowed(read[0])]
    }
    return forgery
  }

  /// A change in good order, of operations that no editor makes.
  private mutating func writeNonsense(
    _ scene: Scene, _ random: inout RandomStream
  ) throws -> Forgery {
    let origin = try newOrigin()
    var operations: [Operation] = []
    for _ in 0..<random.integer(in: 1...8) {
      operations.append(Nonsense.operation(by: origin, &random))
    }
    let written = change(scene, origin, operations)
    var forgery = Forgery([try seal(written)])
    forgery.allowed = [allowed(written)]
    return forgery
  }
}
