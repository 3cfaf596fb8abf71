import Causality
import Documents
import EditingTraces

/// A concurrent trace as an event graph and a log, without merging anything.
struct TraceHistory {
  private(set) var graph = EventGraph()
  private(set) var log = SequenceLog(.text)
  private(set) var lastVersions: [Int] = []
  private var sequences: [UInt64]

  /// Agents are origins; their order is that of their numbers.
  var ranks: [UInt32] { sequences.indices.map { UInt32($0) } }

  init(_ trace: ConcurrentTrace) throws {
    self.init(agentCount: trace.agentCount)
    for transaction in trace.transactions { try append(transaction) }
  }

  init(agentCount: Int) {
    sequences = Array(repeating: 0, count: agentCount)
  }

  /// A transaction without events becomes one event that touches no text.
  mutating func append(_ transaction: ConcurrentTrace.Transaction) throws {
    let eventCount = transaction.patches.reduce(0) {
      $0 + $1.deleteCount + $1.insertion.unicodeScalars.count
    }
    sequences[transaction.agent] += 1
    let versions = try graph.append(
      origin: transaction.agent, sequence: sequences[transaction.agent],
      eventCount: max(1, eventCount), parents: transaction.parents.map { lastVersions[$0] })
    lastVersions.append(versions.upperBound - 1)
    var version = versions.lowerBound
    for patch in transaction.patches {
      if patch.deleteCount > 0 {
        try log.appendDelete(version: version, position: patch.position, count: patch.deleteCount)
        version += patch.deleteCount
      }
      if !patch.insertion.isEmpty {
        version += try log.appendInsert(
          version: version, position: patch.position, text: patch.insertion)
      }
    }
  }
}

extension TextRope {
  /// Applies the patch of a trace as a local edit.
  mutating func apply(_ patch: TracePatch) throws {
    if patch.deleteCount > 0 {
      try remove(patch.position..<patch.position + patch.deleteCount)
    }
    if !patch.insertion.isEmpty { try insert(patch.insertion, at: patch.position) }
  }
}
