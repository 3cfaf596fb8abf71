import Causality
internal import RunStructures

/// Who inserted and who deleted the units of a sequence, where something was deleted while others
/// edited.
struct SequenceDeeds {
  /// Units that one author inserted one after the other, all within one piece of the history, and
  /// of which the same authors deleted all, one after the other.
  struct Stretch {
    /// The events that inserted the units, in document order.
    var insertions: Range<Int>
    var deletions: [Deletion] = []
    /// The events by which others inserted the first unit too, as ``SequenceTwins``; the events
    /// that follow them inserted the others.
    var twins: [Int] = []
  }

  struct Deletion {
    /// The event that deleted the first unit.
    var first: Int
    /// From one unit to the next: 1 or -1.
    var step: Int

    func version(of offset: Int) -> Int { first + step * offset }

    /// The last event of those that deleted `count` units.
    func last(of count: Int) -> Int { max(first, version(of: count - 1)) }
  }

  /// What happened between two versions that everybody had seen whole.
  struct Section {
    /// All events from here on are of the section or of later ones; all before of earlier ones.
    var start: Int
    /// All units that were there at its start or were inserted in it, in document order.
    var stretches: [Stretch] = []
  }

  /// Those with several branches in which something was deleted, and those that were asked for, the
  /// oldest first.
  var sections: [Section] = []
  /// The events that inserted what is visible at the end, in document order.
  var visible: [Range<Int>] = []
}

extension SequenceWalker {
  /// What was done to a sequence at once from its beginning to `frontier`; nil when nobody ever
  /// deleted anything while another one edited.
  ///
  /// - Parameter wanted: events whose sections are told of although nothing was deleted in them.
  /// - Throws: `damagedHistory` when the history does not add up.
  /// - Complexity: that of opening the sequence from its history.
  static func deeds(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], at frontier: [Int], wanted: [Int] = []
  ) throws(SequenceError) -> SequenceDeeds? {
    var plan = ReplayPlan(graph.conflictZone(from: [], to: frontier, reachesRoot: true))
    guard plan.sections.contains(where: { $0.count > 1 }) else { return nil }
    var reader = PieceReader(log, &plan)
    var replay = InsertionReplay(graph: graph, ranks: ranks)
    var removed: ContiguousArray<Range<Int>> = []
    var deeds = SequenceDeeds()
    for section in plan.sections where reader.hasRuns(in: section, plan.zone) {
      if section.count == 1 {
        reader.begin(section.lowerBound, plan.zone[section.lowerBound].versions)
        while let run = reader.next() {
          removed.removeAll(keepingCapacity: true)
          try replay.take(run.effective(onLength: replay.rope.count), removed: &removed)
        }
        continue
      }
      try replay.replay(section, of: &plan, &reader)
      let start = plan.zone[section.lowerBound].versions.lowerBound
      let end = plan.zone[section.upperBound - 1].versions.upperBound
      let isWanted = wanted.contains { (start..<end).contains($0) }
      if let stretches = replay.walk.stretches(
        base: replay.rope, plan.zone, graph, always: isWanted)
      {
        deeds.sections.append(SequenceDeeds.Section(start: start, stretches: stretches))
      }
      try replay.finishSection()
    }
    guard !deeds.sections.isEmpty else { return nil }
    deeds.visible = replay.rope.insertions
    return deeds
  }
}

extension SectionWalk {
  /// The units of the section that was replayed last, in document order; nil when nothing was
  /// deleted in it and they are not wanted always.
  fileprivate mutating func stretches(
    base: InsertionRope, _ zone: borrowing ConflictZone, _ graph: EventGraph, always: Bool
  ) -> [SequenceDeeds.Stretch]? {
    guard always || !deletions.isEmpty else { return nil }
    let deleted = DeletedUnits(deletions, of: targets)
    let base = BaseUnits(base.insertions)
    var stretches: [SequenceDeeds.Stretch] = []
    var leaf: Int? = 0
    while let current = leaf {
      for slot in 0..<tracker.spanCounts[current] {
        let span = tracker.spans(of: current)[slot]
        var id = span.id
        while id != span.end {
          let count = deleted.uniform(from: id, count: span.end - id)
          var insertions =
            span.isPlaceholder
            ? base.insertions(from: Int(id & ~SequenceTracker.placeholderBit), count: Int(count))
            : zone.withinPiece(order.events(from: id, count: count))
          // The base of a section is never taken for longer than it was.
          guard !insertions.isEmpty else { break }
          if !span.isPlaceholder {
            insertions = insertions.clamped(
              to: graph.eventsOfOneOrigin(around: insertions.lowerBound))
          }
          let deletions = deleted.deletions(of: id)
          // What one took over from another is in one piece with it, and may be in one run.
          let length = deletions.map { $0.countOfOneOrigin(graph) }.min() ?? insertions.count
          insertions = insertions.prefix(length)
          let names = twins.names(of: insertions)
          insertions = insertions.prefix(names.count)
          if !names.isOther {
            stretches.append(
              SequenceDeeds.Stretch(
                insertions: insertions, deletions: deletions, twins: names.others))
          }
          id += UInt32(insertions.count)
        }
      }
      leaf = tracker.tree.next(after: current)
    }
    return stretches
  }
}

extension SequenceDeeds.Deletion {
  /// How many units from the first on one author deleted, at least 1.
  fileprivate func countOfOneOrigin(_ graph: EventGraph) -> Int {
    let events = graph.eventsOfOneOrigin(around: first)
    return step > 0 ? events.upperBound - first : first + 1 - events.lowerBound
  }
}

extension ConflictZone {
  /// As many of consecutive events as are in the piece of the first.
  fileprivate func withinPiece(_ events: Range<Int>) -> Range<Int> {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].versions.upperBound <= events.lowerBound {
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard low < count else { return events }
    return events.lowerBound..<min(events.upperBound, self[low].versions.upperBound)
  }
}

/// The insertions of the units that were visible at the base of a section.
private struct BaseUnits {
  private let runs: [Range<Int>]
  private let starts: [Int]

  init(_ runs: [Range<Int>]) {
    self.runs = runs
    var position = 0
    starts = runs.map { run in
      defer { position += run.count }
      return position
    }
  }

  /// Those of at most `count` units from a position on; at least one where there is any.
  func insertions(from position: Int, count: Int) -> Range<Int> {
    var low = 0
    var high = starts.count
    while low < high {
      let middle = (low + high) / 2
      if starts[middle] <= position { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return 0..<0 }
    let run = runs[low - 1]
    let first = run.lowerBound + position - starts[low - 1]
    guard first < run.upperBound else { return 0..<0 }
    return first..<min(run.upperBound, first + count)
  }
}

/// Which events deleted which units of a section.
private struct DeletedUnits {
  /// Ids at which what is deleted by whom changes, ascending.
  private var bounds: [UInt32] = []
  /// From the bound of the same number to the next one.
  private var deletions: [[SequenceDeeds.Deletion]] = []

  init(
    _ records: borrowing Arena<SectionWalk.Deletion>,
    of targets: borrowing Arena<SequenceTracker.Target>
  ) {
    typealias Part = (id: UInt32, end: UInt32, deletion: SequenceDeeds.Deletion)
    var parts: [Part] = []
    for index in 0..<records.count {
      let record = records[index]
      var version = record.version
      for number in record.first..<record.end {
        let target = targets[number]
        parts.append(
          (
            target.id, target.id &+ target.count,
            SequenceDeeds.Deletion(first: version, step: record.step)
          ))
        version += record.step * Int(target.count)
      }
    }
    parts.sort { ($0.id, $0.deletion.first) < ($1.id, $1.deletion.first) }
    bounds = Array(Set(parts.flatMap { [$0.id, $0.end] })).sorted()
    deletions = Array(repeating: [], count: bounds.count)
    var open: [Part] = []
    var next = 0
    for (number, bound) in bounds.enumerated() {
      open.removeAll { $0.end <= bound }
      while next < parts.count, parts[next].id == bound {
        open.append(parts[next])
        next += 1
      }
      deletions[number] = open.map { part in
        SequenceDeeds.Deletion(
          first: part.deletion.version(of: Int(bound - part.id)), step: part.deletion.step)
      }
    }
  }

  /// How many units from `id` on, at most `count`, the same events deleted.
  func uniform(from id: UInt32, count: UInt32) -> UInt32 {
    let next = number(after: id)
    return next < bounds.count ? min(count, bounds[next] - id) : count
  }

  func deletions(of id: UInt32) -> [SequenceDeeds.Deletion] {
    let next = number(after: id)
    guard next > 0 else { return [] }
    let offset = Int(id - bounds[next - 1])
    return deletions[next - 1].map {
      SequenceDeeds.Deletion(first: $0.version(of: offset), step: $0.step)
    }
  }

  /// The number of the first bound above `id`.
  private func number(after id: UInt32) -> Int {
    var low = 0
    var high = bounds.count
    while low < high {
      let middle = (low + high) / 2
      if bounds[middle] <= id { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
