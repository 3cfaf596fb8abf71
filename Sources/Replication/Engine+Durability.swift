import ByteCoding
package import Causality
package import ReplicaStore
package import Sealing
import SegmentStore
import Segments
import SyncProtocol

// How many other replicas have a change: what a commit may wait for.
extension Engine {
  /// Under which name a change that was committed here is known now: it gets another one when the
  /// store turns out to be a copy and nobody else could have seen it.
  package func currentName(of change: ChangeID) throws(StoreError) -> ChangeID {
    var name = change
    for renamed in try store.renamedChanges()
    where renamed.origin == name.origin && renamed.sequences.contains(name.sequence) {
      let (sequence, overflow) = renamed.first.sequence.addingReportingOverflow(
        name.sequence - renamed.sequences.lowerBound)
      if !overflow { name = ChangeID(origin: renamed.first.origin, sequence: sequence) }
    }
    return name
  }

  /// How many member devices beside this one are known to have a change durably: those that have
  /// acknowledged it, and those that say so in a receipt. None before it is in a segment here: what
  /// a peer calls by the same name until then may be another change.
  ///
  /// Of members that are not linked to this replica only receipts tell, and those come late: see
  /// ``EngineLimits/receiptMilliseconds``.
  ///
  /// Complexity: O(members · log origins).
  package func holderCount(of change: ChangeID) throws(StoreError) -> Int {
    let name = try currentName(of: change)
    guard name.sequence > 0, stored[name.origin] >= name.sequence else { return 0 }
    var holders: Set<SigningKey.Public> = []
    let peers = try records { () throws(SegmentStoreError) in try store.segments.peers() }
    for peer in peers where peer.acknowledged[name.origin] >= name.sequence {
      if let key = SigningKey.Public(peer.key) { holders.insert(key) }
    }
    for receipt in try store.receipts() where receipt.seen[name.origin] >= name.sequence {
      holders.insert(receipt.device)
    }
    // A live word counts more than an older one: the peer may have lost it.
    holders.subtract(links.values.filter(\.isRunning).compactMap(\.peerKey))
    holders.formUnion(linkedDevices(holding: name))
    holders.remove(store.identity.device.publicKey)
    return holders.count { store.membership.device($0) != nil }
  }

  /// Whether so many member devices beside this one that are linked have a change durably, by its
  /// current name. Complexity: O(links); nothing is read.
  package func isHeldByLinks(_ name: ChangeID, by count: Int) -> Bool {
    guard name.sequence > 0, hasDurably(name) else { return false }
    let own = store.identity.device.publicKey
    return linkedDevices(holding: name).count {
      $0 != own && store.membership.device($0) != nil
    } >= count
  }

  /// The devices at the other ends of links that say themselves to have a change durably, sorted.
  /// Whether it is sealed here is not looked at. Complexity: O(links).
  package func linkedDevices(holding change: ChangeID) -> [SigningKey.Public] {
    let holding = links.values.filter {
      $0.link.session?.holdsDurably(change.origin, change.sequence) == true && $0.isRunning
    }
    return Set(holding.compactMap(\.peerKey)).sorted()
  }

  /// Whether a change is in a segment that is durable here. Complexity: O(log origins).
  package func hasDurably(_ change: ChangeID) -> Bool {
    stored[change.origin] >= change.sequence
  }

  // MARK: Between processes

  private static let awaitedSetting = "awaited change"
  /// While somebody in another process waits for what peers acknowledge, it is saved so long after
  /// it came. Each time is a write to the disk.
  private static let awaitedSaveMilliseconds: UInt64 = 50

  /// Asks whoever holds links to save soon what peers acknowledge of a change.
  package func awaitHolders(of change: ChangeID) throws(StoreError) {
    try setAwaited(Self.encode(change))
  }

  /// Takes that back, unless somebody waits for another change by now.
  package func endAwaiting(_ change: ChangeID) throws(StoreError) {
    if try awaitedSetting() == Self.encode(change) { try setAwaited(nil) }
  }

  /// Takes up what another process waits for.
  func noteAwaited() {
    do throws(StoreError) {
      awaited = nil
      guard let bytes = try awaitedSetting(), let change = Self.decode(bytes) else { return }
      awaited = try currentName(of: change)
      if !unsavedPeers.isEmpty { savePeersSoon() }
    } catch {
      log(.warning, "what another process waits for could not be read: \(error)")
    }
  }

  /// Decides when what peers have acknowledged is saved next.
  func savePeersSoon() {
    let delay = awaited == nil ? limits.savePeersMilliseconds : Self.awaitedSaveMilliseconds
    savePeersAt = min(savePeersAt ?? .max, now + delay)
    // Once all that are linked have it, nobody need hurry after this time.
    if !isMissedByLinks { awaited = nil }
  }

  /// Whether a linked peer has still to acknowledge what another process waits for.
  private var isMissedByLinks: Bool {
    guard let awaited else { return false }
    return links.values.contains { connection in
      guard let session = connection.link.session, session.isRunning else { return false }
      return !session.holdsDurably(awaited.origin, awaited.sequence)
    }
  }

  private func awaitedSetting() throws(StoreError) -> [UInt8]? {
    try records { () throws(SegmentStoreError) in
      try store.segments.setting(Self.awaitedSetting)
    }
  }

  private func setAwaited(_ bytes: [UInt8]?) throws(StoreError) {
    try store.write { () throws(StoreError) in
      try records { () throws(SegmentStoreError) in
        try store.segments.setSetting(Self.awaitedSetting, to: bytes)
      }
    }
  }

  private static func encode(_ change: ChangeID) -> [UInt8] {
    var writer = ByteWriter()
    change.origin.write(to: &writer)
    writer.write(varint: change.sequence)
    return writer.bytes
  }

  private static func decode(_ bytes: [UInt8]) -> ChangeID? {
    var reader = ByteReader(bytes)
    do throws(ByteDecodingError) {
      let origin = try Origin(from: &reader)
      let sequence = try reader.readVarint("awaited change")
      try reader.finish("awaited change")
      return ChangeID(origin: origin, sequence: sequence)
    } catch {
      return nil
    }
  }
}
