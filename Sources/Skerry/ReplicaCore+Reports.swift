internal import ReplicaStore
private import Replication
private import Sealing
private import Segments
private import SyncProtocol

extension ReplicaCore {
  func identity() throws(ReplicaError) -> Identity {
    Identity(try opened().store)
  }

  func version() throws(ReplicaError) -> VersionVector {
    let store = try opened().store
    lookAround()
    return store.appliedVector
  }

  func check() throws(ReplicaError) -> [String] {
    let store = try opened().store
    return try ReplicaError.translating { try store.check() }
  }

  func repair() throws(ReplicaError) -> [String] {
    let store = try opened().store
    return try ReplicaError.translating { try store.repair() }
  }

  func status() throws(ReplicaError) -> Status {
    var status = try ownStatus()
    for report in try liveReports() { status.add(report) }
    return status
  }

  /// Without what other processes know of their links.
  func ownStatus() throws(ReplicaError) -> Status {
    let open = try opened()
    lookAround()
    return try ReplicaError.translating {
      let status = try open.engine.status(at: .now)
      let progress = try open.store.snapshotProgress()
      return Status(
        identity: Identity(open.store), version: open.store.appliedVector,
        peers: status.peers.map {
          PeerStatus($0, status.links.map(\.figures), unsealed: status.unsealedChanges)
        },
        addresses: status.addresses.map {
          AddressStatus(
            address: $0.address, isConnected: $0.isConnected, failureCount: $0.failures,
            lastError: $0.lastError)
        },
        waitingChangeCount: Int(clamping: status.waitingChanges),
        unsealedChangeCount: Int(clamping: status.unsealedChanges),
        stalled: status.stalled.map { StalledOrigin(origin: $0.origin, reason: $0.reason) },
        arrival: progress.map {
          Arrival(documents: $0.documents, documentsInAll: $0.documentsInAll)
        },
        identityNotes: status.identityNotes)
    }
  }

  func invite(
    role: Role, expiresAfter: Duration
  ) throws(ReplicaError) -> String {
    let open = try opened()
    let seconds = UInt64(clamping: expiresAfter.components.seconds)
    let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
    let now = UInt64(clamping: Timestamp.now.milliseconds)
    let (expires, overflowToo) = now.addingReportingOverflow(milliseconds)
    guard expiresAfter > .zero, !overflow, !overflowToo else {
      throw ReplicaError(.invalid, "An invitation must be valid for some time, at most for years.")
    }
    let invited = try ReplicaError.translating {
      try open.engine.invite(
        role: role == .writer ? .writer : .reader, expiresMillis: expires, at: .now)
    }
    perform(invited.effects)
    return invited.code
  }
}

extension Identity {
  init(_ store: ReplicaStore) {
    let identity = store.identity
    self.init(
      workspace: identity.workspace.description, origin: identity.origin, name: identity.name,
      role: store.role == .writer ? .writer : .reader, isAdmitted: store.isAdmitted)
  }
}

extension PeerStatus {
  /// - Parameter unsealed: changes that are in no segment yet, which nobody else can have.
  fileprivate init(_ peer: KnownPeer, _ links: [LinkFigures], unsealed: UInt64) {
    let (behind, overflow) = peer.changesBehind.addingReportingOverflow(unsealed)
    self.init(
      device: peer.device, name: peer.name,
      address: links.first { $0.device == peer.device }?.place, isConnected: peer.isConnected,
      lastContact: peer.lastContact, changesBehind: overflow ? .max : behind,
      bytesBehind: UInt64(clamping: peer.bytesBehind),
      oldestUnacknowledged: peer.oldestUnacknowledgedMilliseconds.map {
        .milliseconds(Int64(clamping: $0))
      }, lastError: peer.lastError, stalledBecause: peer.wedge?.description,
      stallReason: peer.wedge?.reason)
  }
}
