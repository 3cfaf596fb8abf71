internal import Causality
internal import RunStructures

/// The replay of one section that has concurrent pieces.
struct SectionWalk {
  typealias ID = SequenceTracker.ID

  let section: Range<Int>
  let graph: EventGraph
  let log: SequenceLog
  let ranks: [UInt32]
  /// Length of the state as far as patches have been made.
  var length: Int

  private var tracker: SequenceTracker
  /// What each piece that was replayed did: a range of `targets`.
  private var targetRanges: ContiguousArray<Range<Int>>
  private var targets: ContiguousArray<SequenceTracker.Target> = []

  init(
    section: Range<Int>, graph: EventGraph, log: SequenceLog, ranks: [UInt32], length: Int
  ) {
    self.section = section
    self.graph = graph
    self.log = log
    self.ranks = ranks
    self.length = length
    tracker = SequenceTracker(baseCount: 0, precedes: { $0 < $1 })
    targetRanges = ContiguousArray(repeating: 0..<0, count: section.count)
  }

  mutating func run(
    _ plan: inout ReplayPlan, patches: inout [SequencePatch]
  ) throws(SequenceError) {
    let order = plan.order(of: section)
    let hasOld = plan.zone.pieces[section].contains { !$0.isNew }
    let firstVersion = plan.zone.pieces[section.lowerBound].versions.lowerBound
    // How long the base is becomes known when what the state has was replayed on it.
    tracker = SequenceTracker(
      baseCount: hasOld ? SequenceLog.unitCountMax : length,
      precedes: { [graph, ranks] in
        Self.precedes(Int($0) + firstVersion, Int($1) + firstVersion, graph: graph, ranks: ranks)
      })

    var isBaseKnown = !hasOld
    var current: Int?
    var back: [Int] = []
    var forth: [Int] = []
    for piece in order {
      let isNew = plan.zone.pieces[piece].isNew
      let versions = plan.zone.pieces[piece].versions
      if isNew, !isBaseKnown {
        isBaseKnown = true
        let base = SequenceLog.unitCountMax - (tracker.effectCount - length)
        guard tracker.trimBase(to: base) else {
          throw .damagedHistory(version: firstVersion)
        }
      }
      plan.moves(after: current, toParentsOf: piece, in: section, back: &back, forth: &forth)
      for piece in back { try step(piece, isUp: false) }
      for piece in forth { try step(piece, isUp: true) }
      current = piece

      let firstTarget = targets.count
      for index in log.runs(in: versions) {
        try replay(log[index].slice(versions), from: firstVersion, isNew: isNew, &patches)
      }
      targetRanges[piece - section.lowerBound] = firstTarget..<targets.count
    }
    length = tracker.effectCount
  }

  private mutating func step(_ piece: Int, isUp: Bool) throws(SequenceError) {
    let range = targetRanges[piece - section.lowerBound]
    for offset in 0..<range.count {
      let index = isUp ? range.lowerBound + offset : range.upperBound - 1 - offset
      guard tracker.step(targets[index], isUp: isUp) else {
        throw .damagedHistory(version: Int(targets[index].id & ~SequenceTracker.placeholderBit))
      }
    }
  }

  private mutating func replay(
    _ run: SequenceRun, from firstVersion: Int, isNew: Bool, _ patches: inout [SequencePatch]
  ) throws(SequenceError) {
    if isNew {
      _ = try run.checkedLength(after: tracker.prepareCount)
    } else if run.lowestPosition > tracker.prepareCount - (run.kind == .insert ? 0 : run.count) {
      throw .damagedHistory(version: run.version)
    }
    guard run.kind == .insert else {
      tracker.delete(
        count: UInt32(run.count), at: run.lowestPosition, targets: &targets
      ) { position, count in
        guard isNew else { return }
        patches.appendMerging(
          SequencePatch(
            kind: .delete, position: position, count: count, version: run.version,
            content: run.content))
      }
      return
    }
    let id = ID(run.version - firstVersion)
    let position = tracker.insert(id: id, count: UInt32(run.count), at: run.position)
    targets.append(SequenceTracker.Target(id: id, count: UInt32(run.count)))
    guard isNew else { return }
    patches.appendMerging(
      SequencePatch(
        kind: .insert, position: position, count: run.count, version: run.version,
        content: run.content))
  }

  /// Which of two inserted units comes first among equal siblings: by origin, then by number.
  private static func precedes(
    _ left: Int, _ right: Int, graph: EventGraph, ranks: [UInt32]
  ) -> Bool {
    let left = graph.event(at: left)
    let right = graph.event(at: right)
    if left.origin != right.origin {
      return rank(left.origin, ranks) < rank(right.origin, ranks)
    }
    return (left.sequence, left.index) < (right.sequence, right.index)
  }

  private static func rank(_ origin: Int, _ ranks: [UInt32]) -> UInt32 {
    origin < ranks.count ? ranks[origin] : .max
  }
}
