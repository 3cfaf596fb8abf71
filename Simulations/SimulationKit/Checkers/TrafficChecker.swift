import Causality
import Replication
import SyncProtocol

/// What crossed all links, added up.
struct TrafficTotals: Equatable {
  var sentChanges: UInt64 = 0
  var sentSegments: UInt64 = 0
  var duplicateSegments: UInt64 = 0
  var bytesSent: UInt64 = 0

  mutating func add(_ figures: LinkFigures) {
    sentChanges += figures.traffic.sentChanges
    sentSegments += figures.traffic.sentSegments
    duplicateSegments += figures.traffic.duplicateSegments
    bytesSent += figures.bytesSent
  }

  mutating func add(_ other: TrafficTotals) {
    sentChanges += other.sentChanges
    sentSegments += other.sentSegments
    duplicateSegments += other.duplicateSegments
    bytesSent += other.bytesSent
  }
}

/// The cost of topologies on a healthy network: each payload crosses each needed link once, and at
/// rest there are only heartbeats.
struct TrafficChecker {
  /// Of links that are gone.
  private(set) var ended = TrafficTotals()
  private var atRest: TrafficTotals?

  /// A heartbeat and its answer are small; one link has few in the time for which rest is watched.
  private static let restBytesMax: UInt64 = 4_096

  mutating func add(_ figures: LinkFigures) { ended.add(figures) }

  /// All have converged; what crosses from now on is counted apart.
  mutating func beginRest(_ live: TrafficTotals) {
    atRest = live
    atRest?.add(ended)
  }

  func conclude(_ plan: Plan, live: TrafficTotals, ledger: Ledger) -> [Violation] {
    guard let atRest else { return [] }
    var totals = live
    totals.add(ended)
    var found: [Violation] = []
    if totals.sentSegments > atRest.sentSegments {
      found.append(
        Violation(
          "P5", at: 0,
          "\(totals.sentSegments - atRest.sentSegments) segments crossed a link after all had "
            + "everything"))
    }
    guard plan.isHealthy else { return found }
    let links = UInt64(max(1, plan.nodeCount * (plan.nodeCount - 1)))
    if totals.bytesSent - atRest.bytesSent > Self.restBytesMax * links {
      found.append(
        Violation(
          "P5", at: 0,
          "\(totals.bytesSent - atRest.bytesSent) bytes crossed the links of a world at rest"))
    }
    let needed =
      ledger.all.changeCount(beyond: VersionVector()) * UInt64(plan.nodeCount - 1)
    let allowed = plan.shape == .mesh ? needed + needed / 5 : needed
    if totals.sentChanges > allowed {
      found.append(
        Violation(
          "P5", at: 0,
          "changes crossed links \(totals.sentChanges) times in a healthy \(plan.shape.rawValue), "
            + "where \(needed) are needed"))
    }
    return found
  }
}

extension Violation {
  func at(_ time: Int) -> Violation { Violation(promise, at: time, what) }
}
