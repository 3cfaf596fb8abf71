import SyncProtocol

// A queue that does not move is never silent: it is logged when that begins and when it ends, and
// remembered with the peer, so that every process that shows the store's status can name it.
extension Engine {
  /// How often it is looked, at most. Heartbeats wake the engine where nothing else does.
  private static let wedgeCheckMilliseconds: UInt64 = 1_000

  /// At the end of each turn. O(1) when it was looked just before, else O(links · origins).
  func noteWedges() {
    guard now >= wedgesCheckedAt + Self.wedgeCheckMilliseconds else { return }
    wedgesCheckedAt = now
    for id in sortedLinks {
      guard let connection = links[id] else { continue }
      var wedge = connection.link.session?.wedge(now: now)
      // While a snapshot is taken from one peer, the others have nothing to send.
      if let kind = wedge?.kind, [.notArriving, .dropped].contains(kind), taking != nil {
        wedge = nil
      }
      guard wedge?.reason != connection.wedgeReason else { continue }
      connection.wedgeReason = wedge?.reason
      if let wedge {
        let failure = LinkFailure(.silent, "\(connection.place) does not move: \(wedge)")
        log(.warning, failure.sentence)
        note(failure, of: connection)
      } else {
        log(.info, "\(connection.place) moves again")
        note(connection.complaint, of: connection)
      }
    }
  }
}
