import Causality
import Documents
import ReplicaStore
import SQLiteBridge
import Sealing
import Segments
import SyncProtocol

/// An island on which somebody lives who is a member of the workspace and cheats.
final class AdversaryNode: Node {
  private(set) var forger: Forger?
  /// Its conversations, by the number of the link.
  private(set) var calls: [UInt64: ForgedCall] = [:]

  override var isUp: Bool { forger != nil }

  /// Joins like anybody else, on a store that is thrown away when it knows what it needs.
  func join(_ invitation: Invitation) throws -> ReplicaStore {
    try ReplicaStore.create(
      SQLiteOptions(location: .memory, access: .create),
      .joining(invitation, name: "node \(number)"), now: wall(at: 0),
      entropy: .seeded(chance("founding")))
  }

  /// Is a member from here on.
  func begin(as identity: StoreIdentity, _ membership: Membership) {
    forger = Forger(identity, membership, entropy: .seeded(chance("forger")))
  }

  /// Makes what a fault asks for, from what a replica holds; nil when there is nothing to forge
  /// from.
  func forge(_ fault: Fault, knowing store: ReplicaStore) throws -> Forgery? {
    try forger?.membership.insert(store.membership.records)
    var random = RandomStream(seed: seed, "forgery \(fault.kind.rawValue) \(fault.at)")
    return try forger?.forge(fault, knowing: store, &random)
  }

  /// Calls somebody.
  ///
  /// - Returns: what it says first.
  func call(on link: UInt64, isRelay: Bool, saying items: [Forgery.Item]) -> [UInt8] {
    guard let forger else { return [] }
    let workspace = forger.identity.workspace.bytes
    let handshake = LinkHandshake(
      connectingTo: isRelay
        ? .relay(workspace: workspace, pinned: nil)
        : .replica(workspace: workspace, secret: forger.identity.key.linkSecret),
      as: .member(forger.identity.device.signing), entropy: .seeded(chance("call \(link)")))
    let (raw, first) = RawLink.dialling(handshake)
    calls[link] = ForgedCall(
      raw, origin: forger.identity.origin, membership: forger.membership, saying: items)
    return first
  }

  /// Bytes from somebody who was called.
  func receive(_ bytes: [UInt8], on link: UInt64) -> ForgedCall.Answer {
    calls[link]?.receive(bytes) ?? ForgedCall.Answer()
  }

  func hangUp(_ link: UInt64) -> [UInt8] {
    calls.removeValue(forKey: link)?.farewell ?? []
  }

  override func stop(_ loss: VirtualDisk.Loss) {
    super.stop(loss)
    calls = [:]
  }
}
