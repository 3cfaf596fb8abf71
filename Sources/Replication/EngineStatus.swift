package import Causality
package import Documents
package import ReplicaStore
import Sealing
import SegmentStore
import Segments
package import SyncProtocol

/// How one link is doing.
package struct LinkFigures: Sendable {
  /// The peer's device, in hexadecimal; nil before the handshake is done.
  package var device: String?
  /// What the peer's people call it; nil for a relay and before it is known.
  package var name: String?
  /// Where the stream leads, in the words of whoever opened it.
  package var place: String
  package var role: PeerRole?
  package var isDialled: Bool
  package var isLevel = false
  package var traffic = Traffic()
  /// Everything that crossed, frames and all.
  package var bytesSent: UInt64 = 0
  package var bytesReceived: UInt64 = 0
  package var lag: Lag?
  /// A queue of the link that does not move.
  package var wedge: Wedge?
  /// What went wrong on the link without ending it.
  package var complaint: LinkFailure?
  /// This side may push segments on it.
  package var mayPush = false
  /// The peer was offered a snapshot, and nothing else goes until it has dealt with that.
  package var isGivingSnapshot = false
  /// Changes that the peer has and that are missing here.
  package var lacking: UInt64 = 0
  /// Documents that came in a snapshot, and that are still to come.
  package var snapshotDocuments: UInt64 = 0
  package var snapshotDocumentsToCome: UInt64 = 0
  /// Changes that the peer had acknowledged once and lacked when the link began: it was wiped or
  /// put back, or it lies. It is sent them again.
  package var lostByPeer: UInt64 = 0
  package var connectedAt: Timestamp
}

/// What is known of a device that was ever linked.
package struct KnownPeer: Sendable {
  package var device: String
  package var name: String?
  /// Durable there, as far as it said.
  package var acknowledged: VersionVector
  package var changesBehind: UInt64
  package var bytesBehind: Int
  package var lastContact: Timestamp?
  package var lastError: String?
  package var isConnected: Bool
  /// How long the oldest change that the peer has not acknowledged has been waiting: for the link
  /// that is up, else by this device's clock since the change was made here. Nil when none waits,
  /// or when only changes of others do.
  package var oldestUnacknowledgedMilliseconds: UInt64?
  /// What does not move on its link.
  package var wedge: Wedge?
}

/// How the dialling of one address stands.
package struct AddressStatus: Equatable, Sendable {
  package var address: String
  package var isConnected = false
  /// Since it last answered.
  package var failures = 0
  package var lastError: String?
  /// Until it is tried again; nil while it is linked or being dialled.
  package var nextDialMilliseconds: UInt64?
}

/// Everything that people may have to know, at one moment.
package struct EngineStatus: Sendable {
  package var links: [(id: LinkID, figures: LinkFigures)] = []
  package var peers: [KnownPeer] = []
  package var addresses: [AddressStatus] = []
  package var stalled: [StalledOrigin] = []
  /// Stored and not applied, as something before them is missing.
  package var waitingChanges: UInt64 = 0
  /// Own changes that are in no segment yet.
  package var unsealedChanges: UInt64 = 0
  /// What became of the identity of this store, in sentences.
  package var identityNotes: [String] = []
}

extension Engine {
  package func status(at instant: EngineInstant) throws(StoreError) -> EngineStatus {
    var status = EngineStatus()
    status.links = sortedLinks.compactMap { id in
      link(id, at: instant).map { (id, $0) }
    }
    status.addresses = dialler?.statuses(now: instant.monotonic) ?? []
    status.stalled = try store.stalled()
    status.waitingChanges = try store.waitingCount()
    status.unsealedChanges = try store.unsealedCount()
    status.identityNotes = try store.identityNotes()
    let connected = Set(status.links.compactMap(\.figures.device))
    var known = try records { () throws(SegmentStoreError) in try store.segments.peers() }
    // What was acknowledged since it was last saved.
    for id in sortedLinks {
      guard let connection = links[id], let key = connection.peerKey,
        let session = connection.link.session, session.isRunning
      else { continue }
      if !known.contains(where: { $0.key == key.array }) { known.append(.init(key: key.array)) }
      for index in known.indices where known[index].key == key.array {
        known[index].acknowledged.formUnion(session.peerVector)
        known[index].lastContactMilliseconds = instant.wall.milliseconds
      }
    }
    for peer in known.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      let device = Self.hexadecimal(peer.key)
      let behind = try records { () throws(SegmentStoreError) in
        try store.segments.totals(beyond: peer.acknowledged)
      }
      let link = status.links.first { $0.figures.device == device }?.figures
      status.peers.append(
        KnownPeer(
          device: device, name: name(ofDevice: peer.key), acknowledged: peer.acknowledged,
          changesBehind: behind.changes, bytesBehind: behind.bytes,
          lastContact: peer.lastContactMilliseconds.map {
            Timestamp(clampingMilliseconds: $0)
          }, lastError: peer.lastError, isConnected: connected.contains(device),
          oldestUnacknowledgedMilliseconds: try oldest(beyond: peer.acknowledged, link, instant),
          wedge: link?.wedge))
    }
    return status
  }

  private func oldest(
    beyond acknowledged: VersionVector, _ link: LinkFigures?, _ instant: EngineInstant
  ) throws(StoreError) -> UInt64? {
    if let lag = link?.lag { return lag.oldestUnacknowledgedMilliseconds }
    guard let made = try store.oldestOwn(beyond: acknowledged) else { return nil }
    return UInt64(clamping: max(0, instant.wall.milliseconds - made.milliseconds))
  }

  /// The first link with more on its way than `windows` times what its peer takes; nil when there
  /// is none. Complexity: O(links).
  package func linkBeyondWindow(times windows: Int) -> (id: LinkID, bytes: Int, window: Int)? {
    var found: (id: LinkID, bytes: Int, window: Int)?
    for (id, connection) in links {
      let gauges = connection.gauges
      guard gauges.bytesUnderWay > windows * gauges.window else { continue }
      guard found.map({ id < $0.id }) ?? true else { continue }
      found = (id, gauges.bytesUnderWay, gauges.window)
    }
    return found
  }

  /// Durable segments, as links are told of them.
  package var storedVector: VersionVector { stored }

  /// How a link is doing; nil when it is gone.
  package func link(_ id: LinkID, at instant: EngineInstant) -> LinkFigures? {
    links[id].map { figures(of: $0, at: instant) }
  }

  func figures(of connection: Connection, at instant: EngineInstant) -> LinkFigures {
    var figures = LinkFigures(
      place: connection.place, isDialled: connection.isInitiator,
      connectedAt: connection.connectedAt)
    figures.device = connection.peerKey?.hexadecimal
    figures.name = connection.peerKey.flatMap { name(ofDevice: $0.array) }
    figures.bytesSent = connection.link.bytesSent
    figures.bytesReceived = connection.link.bytesReceived
    figures.snapshotDocuments = connection.snapshotDocuments
    figures.complaint = connection.complaint
    if let taking, taking.link == connection.id, taking.documentsInAll > taking.documents {
      figures.snapshotDocumentsToCome = taking.documentsInAll - taking.documents
    }
    if let session = connection.link.session {
      figures.role = session.peer?.role
      figures.isLevel = session.isLevel
      figures.traffic = session.traffic
      if session.isRunning { figures.lag = session.lag(now: instant.monotonic) }
      figures.wedge = session.wedge(now: instant.monotonic)
      figures.mayPush = session.mayPush
      figures.isGivingSnapshot = session.isHoldingBack
      figures.lostByPeer = connection.lostByPeer
      figures.lacking = session.peerVector.changeCount(beyond: stored)
    }
    return figures
  }
}
