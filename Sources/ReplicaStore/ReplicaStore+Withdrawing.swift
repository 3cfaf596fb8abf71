import Causality
import Documents
import SQLiteBridge
import SegmentStore
import Segments

/// Applied changes that are taken back, to be applied again from their segments: some, and all that
/// builds on them.
struct Withdrawal {
  /// Of each origin the first of them.
  var firsts: [Origin: UInt64] = [:]
  var documents: Set<DocumentID> = []
  /// What they build on that stays.
  var foundations: Set<ChangeID> = []

  func takesBack(_ change: ChangeID) -> Bool {
    firsts[change.origin].map { change.sequence >= $0 } ?? false
  }
}

extension ReplicaStore {
  /// What has to be taken back with some changes. Within a transaction.
  ///
  /// Complexity: O(changes that were applied since the first of them).
  ///
  /// - Returns: nil when that cannot be had, as history was folded or dropped that has some of it.
  func withdrawal(of changes: [ChangeID]) throws(StoreError) -> Withdrawal? {
    var withdrawal = Withdrawal()
    var start = Int64.max
    for change in changes where state.applied.contains(change) {
      guard let position = try feedPosition(of: change) else { return nil }
      start = min(start, position)
      withdrawal.firsts[change.origin] = min(
        withdrawal.firsts[change.origin] ?? .max, change.sequence)
    }
    guard start < .max else { return withdrawal }
    guard start > (try feedFloor()) else { return nil }
    do {
      var blocks = FeedBlocks(self)
      for run in try feedRuns(from: start) {
        var position = max(start, run.position)
        while position <= run.end {
          // What was taken back before may wait.
          let id = run.change(at: position)
          if state.applied.contains(id) { withdrawal.weigh(try blocks.change(id)) }
          position += 1
        }
      }
    } catch let error as StoreError {
      throw error
    } catch {
      throw .damaged("changes that were applied cannot be read again (\(error))")
    }
    for id in withdrawal.documents {
      guard let entry = try entry(id) else { continue }
      let floor = try emptyHistory(of: entry).base?.floor ?? VersionVector()
      let isFolded = withdrawal.firsts.contains { floor[$0.key] >= $0.value }
      if isFolded { return nil }
    }
    return withdrawal
  }

  /// Takes changes back from what is applied. They are in segments, and are applied again like
  /// others that have come.
  func takeBack(_ withdrawal: Withdrawal) throws(StoreError) {
    guard !withdrawal.firsts.isEmpty else { return }
    for id in withdrawal.documents.sorted() {
      try rewrite(id) { withdrawal.takesBack($0.change) ? nil : $0 }
    }
    try markUnprojected(withdrawal.documents.sorted())
    // Some of these may have others above them that stay; naming one too many says nothing wrong.
    var heads = Set(state.heads.filter { !withdrawal.takesBack($0) })
    try withdraw(from: withdrawal.firsts)
    for origin in withdrawal.firsts.keys where state.applied[origin] > 0 {
      heads.insert(ChangeID(origin: origin, sequence: state.applied[origin]))
    }
    for change in withdrawal.foundations where change.sequence == state.applied[change.origin] {
      heads.insert(change)
    }
    state.setHeads(heads)
    try writeOrigins()
    lanes.removeAll()
    mayHaveReady = true
  }
}

extension Withdrawal {
  /// Takes a change with those that are taken back when it builds on one of them.
  fileprivate mutating func weigh(_ change: Change) {
    let builtOn = change.dependencies + change.edits.flatMap(\.parents)
    guard takesBack(change.id) || builtOn.contains(where: takesBack) else { return }
    firsts[change.id.origin] = min(firsts[change.id.origin] ?? .max, change.id.sequence)
    documents.formUnion(change.edits.map(\.document))
    foundations.formUnion(change.dependencies.filter { !takesBack($0) })
  }
}
