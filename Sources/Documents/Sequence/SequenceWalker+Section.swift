internal import Causality
internal import RunStructures
internal import Sabotages

/// The replay of sections that have concurrent pieces, one after the other.
struct SectionWalk: ~Copyable {
  /// What is known of the sequence at the base of a section.
  enum Base {
    case known(length: Int)
    /// Only the length after everything in the section that the state has; all of it had an effect.
    case derived(lengthOfOld: Int)
  }

  var tracker = SequenceTracker()
  private(set) var order: UnitOrder
  /// What each piece did, by its number in the section.
  private var deeds = Arena<Deed>()
  /// The units that pieces touched.
  private(set) var targets = Arena<SequenceTracker.Target>()
  private var isBaseKnown = true
  /// Whether `deletions` is kept, for those who ask which event deleted which unit.
  private let keepsDeletions: Bool
  private(set) var deletions = Arena<Deletion>()
  private(set) var twins = TwinReplay()

  /// Length of the sequence after what the state has, and after all that was replayed.
  private(set) var lengthOfOld = 0
  var length: Int { tracker.effectCount }

  /// A range of `targets`: first the units that the piece inserted, which have consecutive ids,
  /// then those that it deleted.
  struct Deed: BitwiseCopyable {
    var first = 0
    var end = 0
  }

  /// What a run of events deleted: a range of `targets`, in document order.
  struct Deletion: BitwiseCopyable {
    var first: Int
    var end: Int
    /// The event that deleted the first unit.
    var version: Int
    /// From one unit to the next: 1, or -1 where the run deletes backwards.
    var step: Int
  }

  init(graph: EventGraph, ranks: [UInt32], keepsDeletions: Bool = false) {
    order = UnitOrder(graph: graph, ranks: ranks)
    self.keepsDeletions = keepsDeletions
  }

  /// - Parameter reader: finds the operations of each piece of the plan.
  mutating func run(
    _ section: Range<Int>, of plan: inout ReplayPlan, base: Base, reader: inout PieceReader,
    writer: inout PatchWriter, ineffective: inout Int
  ) throws(SequenceError) {
    switch base {
    case .known(let length):
      isBaseKnown = true
      tracker.reset(baseCount: length)
    case .derived(let length):
      isBaseKnown = false
      tracker.reset(baseCount: baseCountMax(section, plan, reader, lengthOfOld: length))
    }
    order.removeAll()
    targets.removeAll()
    deletions.removeAll()
    deeds.removeAll()
    deeds.append(repeating: Deed(), count: section.count)
    twins.begin(reader.twins, section, plan.zone)

    plan.arrange(section)
    var current: Int?
    var isOld = true
    for index in 0..<plan.order.count {
      let number = Int(plan.order[index])
      let piece = plan.zone[number]
      if isOld, piece.isNew {
        isOld = false
        try endOfOld(base)
      }
      plan.move(from: current, toParentsOf: number, in: section)
      if !Sabotage.neverRetreat.isPlanted {
        for index in 0..<plan.back.count {
          try step(Int(plan.back[index]) - section.lowerBound, isUp: false)
        }
        for index in 0..<plan.forth.count {
          try step(Int(plan.forth[index]) - section.lowerBound, isUp: true)
        }
      }
      current = number

      let first = targets.count
      let firstDeletion = deletions.count
      targets.append(SequenceTracker.Target(id: tracker.insertedCount, count: 0))
      reader.begin(number, piece.versions)
      while let run = reader.next() {
        ineffective += try replay(run, firstTarget: first + 1, isNew: piece.isNew, &writer)
      }
      targets.base[first].count = tracker.insertedCount - targets.base[first].id
      deeds[number - section.lowerBound] = Deed(first: first, end: targets.count)
      if !twins.isEmpty {
        try joinTwins(
          number - section.lowerBound, piece, deletionsFrom: firstDeletion, &writer)
      }
    }
    #if DEBUG
      if tracker.insertedCount < 10_000 { tracker.checkInvariants() }
    #endif
  }

  /// More than the base can have had: what the state has left of it and all that it can have lost.
  private func baseCountMax(
    _ section: Range<Int>, _ plan: borrowing ReplayPlan, _ reader: borrowing PieceReader,
    lengthOfOld: Int
  ) -> Int {
    var count = lengthOfOld
    for number in section where !plan.zone[number].isNew {
      count += reader.deletionCount(in: number, plan.zone[number].versions)
      if count >= SequenceLog.unitCountMax { return SequenceLog.unitCountMax }
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

  /// Takes what a piece did back or puts it again.
  private mutating func step(_ piece: Int, isUp: Bool) throws(SequenceError) {
    let deed = deeds[piece]
    if !twins.isEmpty, !isUp, !twins.step(piece, isUp: false, &tracker) {
      throw .damagedHistory(version: 0)
    }
    guard tracker.step(deed.first..<deed.end, of: targets, isUp: isUp) else {
      throw .damagedHistory(version: 0)
    }
    if !twins.isEmpty, isUp, !twins.step(piece, isUp: true, &tracker) {
      throw .damagedHistory(version: 0)
    }
  }

  /// Deletes in the effect version what a piece that was replayed makes another name of what is
  /// there, and what it has deleted under another name.
  private mutating func joinTwins(
    _ number: Int, _ piece: ConflictZone.Piece, deletionsFrom firstDeletion: Int,
    _ writer: inout PatchWriter
  ) throws(SequenceError) {
    let last = piece.versions.upperBound - 1
    let deed = deeds[number]
    if keepsDeletions {
      for index in firstDeletion..<deletions.count {
        let deletion = deletions[index]
        var version = deletion.version
        for target in deletion.first..<deletion.end {
          twins.deleted(
            targets[target], by: number, version: version, step: deletion.step, order)
          version += deletion.step * Int(targets[target].count)
        }
      }
    } else {
      for target in deed.first + 1..<deed.end {
        twins.deleted(targets[target], by: number, version: last, step: 0, order)
      }
    }
    for loss in twins.ended(number) {
      guard
        tracker.hide(loss.units, version: last, isWritten: piece.isNew, writer: &writer)
      else { throw .damagedHistory(version: last) }
      if keepsDeletions, case .half(let units, let version, let step) = loss {
        targets.append(units)
        deletions.append(
          Deletion(
            first: targets.count - 1, end: targets.count, version: version, step: step))
      }
    }
  }

  /// Takes the prepare version, at the end of a section, to another version of it. Both are given
  /// as whether they have each piece.
  mutating func turn(from: [Bool], to: [Bool]) throws(SequenceError) {
    for piece in from.indices where from[piece] != to[piece] {
      try step(piece, isUp: to[piece])
    }
  }

  /// The units that a piece deleted.
  func unitsDeleted(by piece: Int) -> [Range<UInt32>] {
    let deed = deeds[piece]
    guard deed.first < deed.end else { return [] }
    var units = (deed.first + 1..<deed.end).map { targets[$0] }
    units += twins.unitsDeleted(by: piece)
    return units.map { $0.id..<$0.id + $0.count }
  }

  /// Takes what a piece deleted, and that alone, out of the prepare version.
  mutating func putBackDeleted(by piece: Int) throws(SequenceError) {
    let deed = deeds[piece]
    guard deed.first < deed.end else { return }
    guard tracker.step(deed.first + 1..<deed.end, of: targets, isUp: false),
      twins.isEmpty || twins.putBackDeleted(by: piece, &tracker)
    else { throw .damagedHistory(version: 0) }
  }

  /// Returns how many events had no effect.
  private mutating func replay(
    _ whole: SequenceRun, firstTarget: Int, isNew: Bool, _ writer: inout PatchWriter
  ) throws(SequenceError) -> Int {
    let run = whole.effective(onLength: tracker.prepareCount)
    let lost = whole.count - run.count
    if lost > 0 {
      // Without the length of the base there is no telling what fits and what does not.
      guard isBaseKnown else { throw .damagedHistory(version: whole.version) }
    }
    guard run.count > 0 else { return lost }
    let count = UInt32(run.count)
    if run.kind == .insert {
      order.add(version: run.version, count: count)
      if !twins.isEmpty { twins.inserted(run.versions, from: tracker.insertedCount) }
      let position = tracker.insert(count: count, at: UInt32(run.position), order: order)
      if isNew {
        writer.insert(
          at: position, count: run.count, version: run.version, content: run.content)
      }
    } else {
      let first = targets.count
      tracker.delete(
        count: count, at: UInt32(run.lowestPosition), version: run.version, targets: &targets,
        from: keepsDeletions ? .max : firstTarget, isWritten: isNew, writer: &writer)
      if keepsDeletions {
        let isBackward = run.kind == .deleteBackward
        deletions.append(
          Deletion(
            first: first, end: targets.count,
            version: isBackward ? run.end - 1 : run.version, step: isBackward ? -1 : 1))
      }
    }
    return lost
  }
}
