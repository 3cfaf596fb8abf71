internal import Causality
internal import RunStructures
internal import Sabotages

/// The replay of one section that has concurrent pieces.
struct SectionWalk {
  typealias ID = SequenceTracker.ID

  /// What is known of the sequence at the base of the section.
  enum Base {
    case known(length: Int)
    /// Only the length after everything in the section that the state has; all of it had an effect.
    case derived(lengthOfOld: Int)
  }

  private let section: Range<Int>
  private let log: SequenceLog

  private var tracker = SequenceTracker(baseCount: 0)
  /// What each piece that was replayed did: a range of `targets`.
  private var targetRanges: ContiguousArray<Range<Int>>
  private var targets: ContiguousArray<SequenceTracker.Target> = []
  private var identities: UnitIdentities
  private var isBaseKnown = true

  /// Length of the sequence after what the state has, and after all that was replayed.
  private(set) var lengthOfOld = 0
  var length: Int { tracker.effectCount }

  init(section: Range<Int>, graph: EventGraph, log: SequenceLog, ranks: [UInt32]) {
    self.section = section
    self.log = log
    identities = UnitIdentities(graph: graph, ranks: ranks)
    targetRanges = ContiguousArray(repeating: 0..<0, count: section.count)
  }

  mutating func run(
    _ plan: inout ReplayPlan, base: Base, merge: inout SequenceMerge
  ) throws(SequenceError) {
    switch base {
    case .known(let length):
      tracker = SequenceTracker(baseCount: length)
    case .derived(let length):
      isBaseKnown = false
      tracker = SequenceTracker(baseCount: baseCountMax(plan, lengthOfOld: length))
    }
    let order = plan.order(of: section)
    var current: Int?
    var isOld = true
    var back: [Int] = []
    var forth: [Int] = []
    for number in order {
      let piece = plan.zone.pieces[number]
      if isOld, piece.isNew {
        isOld = false
        try endOfOld(base)
      }
      plan.moves(after: current, toParentsOf: number, in: section, back: &back, forth: &forth)
      if Sabotage.neverRetreat.isPlanted { (back, forth) = ([], []) }
      for piece in back { try step(piece, isUp: false) }
      for piece in forth { try step(piece, isUp: true) }
      current = number

      let firstTarget = targets.count
      for index in log.runs(in: piece.versions) {
        try replay(log[index].slice(piece.versions), isNew: piece.isNew, &merge)
      }
      targetRanges[number - section.lowerBound] = firstTarget..<targets.count
    }
  }

  /// More than the base can have had: what the state has left of it and all that it can have lost.
  private func baseCountMax(_ plan: ReplayPlan, lengthOfOld: Int) -> Int {
    var count = lengthOfOld
    for piece in plan.zone.pieces[section] where !piece.isNew {
      for index in log.runs(in: piece.versions) where log[index].kind != .insert {
        count += min(log[index].slice(piece.versions).count, SequenceLog.unitCountMax)
        if count >= SequenceLog.unitCountMax { return SequenceLog.unitCountMax }
      }
    }
    return count
  }

  /// Everything the state has is replayed: now the length of the base can be told.
  private mutating func endOfOld(_ base: Base) throws(SequenceError) {
    if case .derived(let length) = base {
      let excess = tracker.effectCount - length
      guard excess >= 0, tracker.trimBase(by: excess) else { throw .damagedHistory(version: 0) }
      isBaseKnown = true
    }
    lengthOfOld = tracker.effectCount
  }

  private mutating func step(_ piece: Int, isUp: Bool) throws(SequenceError) {
    let range = targetRanges[piece - section.lowerBound]
    for offset in 0..<range.count {
      let index = isUp ? range.lowerBound + offset : range.upperBound - 1 - offset
      guard tracker.step(targets[index], isUp: isUp) else { throw .damagedHistory(version: 0) }
    }
  }

  private mutating func replay(
    _ whole: SequenceRun, isNew: Bool, _ merge: inout SequenceMerge
  ) throws(SequenceError) {
    let run = whole.effective(onLength: tracker.prepareCount)
    if run.count < whole.count {
      // Without the length of the base there is no telling what fits and what does not.
      guard isBaseKnown else { throw .damagedHistory(version: whole.version) }
      merge.ineffectiveEventCount += whole.count - run.count
    }
    guard run.count > 0 else { return }
    guard run.kind == .insert else {
      tracker.delete(
        count: UInt32(run.count), at: run.lowestPosition, targets: &targets
      ) { position, count in
        guard isNew else { return }
        merge.patches.appendMerging(
          SequencePatch(
            kind: .delete, position: position, count: count, version: run.version,
            content: run.content))
      }
      return
    }
    let id = identities.add(version: run.version, count: run.count)
    let count = UInt32(run.count)
    let position = tracker.insert(
      id: id, count: count, at: run.position, identities: identities)
    targets.append(SequenceTracker.Target(id: id, count: count))
    guard isNew else { return }
    merge.patches.appendMerging(
      SequencePatch(
        kind: .insert, position: position, count: run.count, version: run.version,
        content: run.content))
  }
}
