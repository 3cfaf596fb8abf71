import Causality
import ReplicaStore
import SegmentStore
import SyncProtocol

/// Damaged segments that peers are asked for.
struct DamageFetching {
  /// Who was asked last, by the place of the segment. Only looked up in.
  var asked: [Int64: LinkID] = [:]
  /// When the next one is to be asked; nil when there is nothing to ask, or nobody.
  var dueAt: UInt64?
  /// How many were known when it was last told.
  var told = 0

  /// How long a peer may take before another one is asked.
  static let patienceMilliseconds: UInt64 = 10_000
}

// What is stored and damaged is fetched again from whoever has it.
extension Engine {
  /// At the end of each turn: writes down what reading has found damaged, and asks for it. O(1)
  /// when nothing is new.
  func noteDamage() {
    let count = store.damagedCount
    guard count != fetching.told else { return }
    if count > fetching.told {
      for segment in store.damagedSegments { log(.error, "\(Self.sentence(segment))") }
    }
    do throws(StoreError) {
      try store.saveDamage()
    } catch {
      log(.warning, "what is damaged could not be noted: \(error)")
    }
    fetching.told = store.damagedCount
    fetchDamaged()
    drain()
  }

  /// Asks one peer for each damaged segment; another one each time.
  func fetchDamaged() {
    fetching.dueAt = nil
    for segment in store.damagedSegments {
      let holders = sortedLinks.filter { id in
        guard let session = links[id]?.link.session, session.isRunning else { return false }
        return session.peerVector[segment.origin] >= segment.sequences.upperBound
      }
      let last = fetching.asked[segment.position]
      guard let next = last.flatMap({ last in holders.first { $0 > last } }) ?? holders.first
      else { continue }
      fetching.asked[segment.position] = next
      fetching.dueAt = now + DamageFetching.patienceMilliseconds
      session(next) { $0.fetchAgain(segment.origin, segment.sequences, now: now) }
    }
  }

  /// Segments that were damaged are whole again.
  func tellMended(_ segments: [ChangeID]) {
    for change in segments {
      log(
        .warning,
        "the damaged segment with change \(change.sequence) of \(change.origin) was fetched again")
    }
    fetching.told = store.damagedCount
    if store.damagedCount == 0 { fetching = DamageFetching() }
    let origins = segments.map(\.origin)
    for id in sortedLinks { session(id) { $0.mended(origins, now: now) } }
  }

  private static func sentence(_ segment: DamagedSegment) -> String {
    SegmentStoreError.damaged(
      origin: segment.origin, sequences: segment.sequences, position: segment.position
    ).description
  }
}
