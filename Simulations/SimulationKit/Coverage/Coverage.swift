import Replication

/// What a run has seen happen: each kind of fault, and each thing worth happening. A sweep in which
/// something of it never happens has not looked there.
package struct Coverage {
  private var faults: [String: Int] = [:]
  private var events: [String: Int] = [:]

  /// The faults that a night's sweep has to see: all but the one that is a lie.
  package static let expectedFaults = Fault.Kind.allCases.filter { $0 != .canary }.map(\.rawValue)

  /// The events that a night's sweep has to see.
  package static let expectedEvents = [
    "coreConverged", "commitInDoubt", "processDied", "powerLostInWrite", "tornWriteRecovered",
    "disk.lostWrite", "disk.tornWrite", "disk.failedRead", "disk.failedWrite", "disk.failedSync",
    "disk.full", "disk.rottenByte", "link.protocolError", "link.silent", "piece.lost",
    "piece.duplicated", "piece.reordered", "piece.corrupted", "piece.truncated", "piece.injected",
    "duplicateSuppressed", "link.forked", "damageFound", "forgerySent", "forgeryRefused",
    "writtenAlone", "historyFolded", "segmentsDropped", "documentWholeAgain",
    "presenceShown", "presenceSeen",
    "segmentWithheld", "segmentShuffled", "withholdingSeen", "rollbackSeen",
  ]

  mutating func note(_ kind: Fault.Kind) { faults[kind.rawValue, default: 0] += 1 }
  mutating func note(_ event: String, _ count: Int = 1) { events[event, default: 0] += count }
  mutating func note(_ fate: Parcel.Fate) { note("piece.\(fate.rawValue)") }
  mutating func note(_ failure: LinkFailure) { note("link.\(failure.code)") }

  mutating func note(_ traffic: TrafficTotals) {
    if traffic.duplicateSegments > 0 {
      events["duplicateSuppressed", default: 0] += Int(clamping: traffic.duplicateSegments)
    }
  }

  mutating func noteRecovery(of disk: VirtualDisk) {
    if disk.counters.tornWrites > 0 { note("tornWriteRecovered") }
  }

  mutating func noteEnd(of disk: VirtualDisk) {
    let counters = disk.counters
    for (name, count) in [
      ("disk.lostWrite", counters.lostWrites), ("disk.tornWrite", counters.tornWrites),
      ("disk.failedRead", counters.failedReads), ("disk.failedWrite", counters.failedWrites),
      ("disk.failedSync", counters.failedSyncs), ("disk.full", counters.fullErrors),
      ("disk.rottenByte", counters.rottenBytes),
    ] where count > 0 {
      events[name, default: 0] += count
    }
  }

  var faultCounts: [RunReport.Count] { Self.sorted(faults) }
  var counts: [RunReport.Count] { Self.sorted(events) }

  private static func sorted(_ counts: [String: Int]) -> [RunReport.Count] {
    counts.sorted { $0.key < $1.key }.map { RunReport.Count(name: $0.key, count: $0.value) }
  }
}
