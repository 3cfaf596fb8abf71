import JSONCoding
import ReplicaStore
import Replication

extension World {
  /// Folds what every member is known to have, step by step as a replica does, unless something
  /// ends it on the way.
  func compact(_ node: Node, _ fault: Fault) {
    guard let node = node as? ReplicaNode, node.isUp, !node.isPaused else { return }
    drive(node) { $0.sealForGood(at: node.instant(at: now)) }
    guard node.isUp, let store = node.store else { return }
    checks.keepChanges(of: node)
    do {
      var compaction = try store.beginCompaction(below: try store.stableCut().version)
      while !compaction.isFinished { try store.step(&compaction) }
      if compaction.folded > 0 { coverage.note("historyFolded") }
      if compaction.droppedSegments > 0 { coverage.note("segmentsDropped") }
      record(
        fault, "compact",
        [
          "folded": .count(compaction.folded),
          "dropped": .count(compaction.droppedSegments),
          "kept": .count(compaction.kept.values.reduce(0, +)),
        ])
    } catch {
      return refused(node, error)
    }
    drive(node) { $0.compacted(at: node.instant(at: now)) }
    guard node.isUp else { return }
    // Nothing is shown that was not shown before.
    observe(node, changed: nil)
  }
}
