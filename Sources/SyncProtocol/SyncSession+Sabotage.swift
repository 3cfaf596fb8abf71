import Causality

// What planted bugs do; unreachable in builds without them.
extension VersionVector {
  mutating func keepOnly(_ origin: Origin) {
    self = VersionVector(sorted: entries.filter { $0.origin == origin })
  }
}

extension SyncSession {
  /// Takes the peer to lack what is news here, though it may be what sent it.
  mutating func forgetWhoHas(_ news: VersionVector) {
    peerHoldsItsOrigin = false
    for entry in news.entries where known[entry.origin] > local[entry.origin] {
      known.set(entry.origin, to: local[entry.origin])
    }
  }
}
