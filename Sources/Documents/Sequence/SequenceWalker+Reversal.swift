import Causality
internal import RunStructures

extension SequenceWalker {
  /// The patches that make what an edit inserted and deleted in the sequence, as it is after
  /// everything in the graph, be there or not, as what is in effect says: a unit is there when the
  /// insertion of it, or of what it stands for, is in effect and no deletion of either.
  ///
  /// Deletions have the version 0.
  ///
  /// - Parameter isSound: as for a merge; without it the replay starts from nothing.
  /// - Throws: `damagedHistory` when the history does not lead to the sequence.
  /// - Complexity: O(n log n) for the n operations (runs) since the first event of the edit, and
  ///   those made at the same time. Where something comes back, also for those back to where that
  ///   was inserted.
  static func reversal(
    graph: EventGraph, log: SequenceLog, ranks: [UInt32], of effects: Effects, isSound: Bool
  ) throws(SequenceError) -> [SequencePatch] {
    let edit = effects.edit.filter { !log.runs(in: $0).isEmpty }
    guard var start = edit.first?.lowerBound else { return [] }
    while true {
      let base = graph.parents(of: start)
      let later = graph.difference(base, graph.frontier).onlyRight
      let ignored = effects.ignored.intersection(later).filter { !log.runs(in: $0).isEmpty }
      // Every range is to be made of whole pieces: they end before it and with it.
      var cuts = Set(base)
      for range in edit + ignored {
        cuts.insert(range.upperBound - 1)
        cuts.formUnion(graph.parents(of: range.lowerBound))
      }
      let isWhole = !isSound || base.isEmpty
      let zone = graph.differenceZone(
        from: graph.frontier, to: cuts.sorted(), reachesRoot: isWhole)
      let walk = SequenceSurvey(graph: graph, log: log, ranks: ranks)
      switch try walk.patches(zone, effects, edit, ignored) {
      case .found(let patches): return patches
      case .olderThan(let version):
        // Something is older than the zone: reach back, at least twice as far.
        guard start > 0, !isWhole else { throw .damagedHistory(version: start) }
        start = max(0, min(start - (graph.count - start), version ?? start))
      }
    }
  }

  /// Where units stand after everything in the graph, given by the events that inserted them: how
  /// many of those that are there are before each, and whether it is there itself. Nil for an event
  /// that inserted nothing.
  ///
  /// Complexity: O(n log n) for all n operations of the sequence.
  static func places(
    of versions: [Int], graph: EventGraph, log: SequenceLog, ranks: [UInt32]
  ) throws(SequenceError) -> [(position: Int, isThere: Bool)?] {
    guard !versions.isEmpty else { return [] }
    let zone = graph.differenceZone(from: graph.frontier, to: [], reachesRoot: true)
    return try SequenceSurvey(graph: graph, log: log, ranks: ranks).places(of: versions, zone)
  }
}

/// Replays a zone that ends with everything there is, and looks at what has become of its units.
private struct SequenceSurvey: ~Copyable {
  private let log: SequenceLog
  private let graph: EventGraph
  private var walk: SectionWalk

  init(graph: EventGraph, log: SequenceLog, ranks: [UInt32]) {
    self.graph = graph
    self.log = log
    walk = SectionWalk(graph: graph, ranks: ranks)
  }

  /// Replays everything.
  ///
  /// - Returns: false when the zone has nothing to do with this sequence.
  private mutating func run(_ plan: inout ReplayPlan) throws(SequenceError) -> Bool {
    // As for a difference: it is enough that the base is not taken for shorter than it was.
    let baseCount = plan.zone.base.isEmpty ? 0 : log.contentCount
    var reader = PieceReader(log, &plan)
    let all = 0..<plan.zone.count
    guard reader.hasRuns(in: all, plan.zone) else { return false }
    var writer = PatchWriter()
    var ineffective = 0
    try walk.run(
      all, of: &plan, base: .known(length: baseCount), reader: &reader, writer: &writer,
      ineffective: &ineffective)
    guard let last = plan.order.last else { return false }
    let end = plan.zone[Int(last)].versions.upperBound - 1
    try walk.turn(
      from: plan.zone.pieces(in: [end]), to: plan.zone.pieces(in: graph.frontier))
    walk.tracker.keepVisible()
    return true
  }

  enum Outcome {
    case found([SequencePatch])
    /// Something has to be known of units that were inserted before the zone, by this event.
    case olderThan(Int?)
  }

  /// What is known of a unit and all that stand for it.
  private struct Standing {
    /// Whether one of them is there.
    var isThere = false
    /// Whether a deletion of one of them is in effect.
    var isDeleted = false
  }

  /// - Parameters:
  ///   - edit: the events of the edit that have operations here.
  ///   - ignored: those that have no effect of their own.
  consuming func patches(
    _ zone: consuming ConflictZone, _ effects: Effects, _ edit: [Range<Int>],
    _ ignored: [Range<Int>]
  ) throws(SequenceError) -> Outcome {
    let base = zone.base
    var plan = ReplayPlan(zone)
    guard try run(&plan) else { return .found([]) }
    // What the edit deleted, and then what is there if nothing is that has no effect.
    var deleted: [Range<UInt32>] = []
    for piece in 0..<plan.zone.count {
      let version = plan.zone[piece].versions.lowerBound
      if edit.covers(version) { deleted += walk.unitsDeleted(by: piece) }
      if ignored.covers(version) { try walk.putBackDeleted(by: piece) }
    }
    deleted = deleted.joined()
    // The units of the edit, by what they are or stand for.
    var units: [Int: Standing] = [:]
    for range in edit {
      for index in log.runs(in: range) where log[index].kind == .insert {
        for version in log[index].slice(range).versions {
          units[walk.twins.shown(for: version)] = Standing()
        }
      }
    }
    var isBeyond = false
    forEachSpan { span, walk in
      // A span may have been deleted in parts by different people.
      guard deleted.meets(span.id..<span.end) else { return }
      if span.isPlaceholder {
        isBeyond = true
        return
      }
      var id = span.id
      walk.forEachRun(of: span) { run in
        for version in run.versions {
          if deleted.covers(id) { units[walk.root(of: version, effects)] = Standing() }
          id += 1
        }
      }
    }
    if isBeyond { return .olderThan(nil) }
    if !base.isEmpty, let oldest = units.keys.min(), graph.contains(oldest, in: base) {
      return .olderThan(oldest)
    }
    forEachSpan { span, walk in
      if span.isPlaceholder { return }
      walk.forEachRun(of: span) { run in
        for version in run.versions where !walk.isOtherName(version) {
          guard let index = units.index(forKey: walk.root(of: version, effects)) else { continue }
          if !span.isDeleted { units.values[index].isThere = true }
          if !span.isVisible { units.values[index].isDeleted = true }
        }
      }
    }
    let isComing = units.contains { root, unit in
      !unit.isThere && !unit.isDeleted && !isUndone(root, effects)
    }
    let lineages = isComing ? lineages(effects) : [:]
    // What comes back goes among what stands for others as it was among those.
    if !base.isEmpty, let root = lineages.filter({ !$0.value.has($0.key) }).keys.min() {
      return .olderThan(root)
    }
    return .found(compare(units, effects, lineages.filter { $0.value.has($0.key) }))
  }

  // MARK: Names

  /// The event that an event stands for, mostly itself; of twins that which is shown.
  private func root(of version: Int, _ effects: Effects) -> Int {
    walk.twins.shown(for: effects.root(of: version))
  }

  private func isOtherName(_ version: Int) -> Bool { walk.twins.shown(for: version) != version }

  /// Whether everybody who inserted a unit has taken that back.
  private func isUndone(_ root: Int, _ effects: Effects) -> Bool {
    effects.undone.covers(root)
      && walk.twins.others(of: root).allSatisfy(effects.undone.covers)
  }

  private mutating func compare(
    _ known: [Int: Standing], _ effects: Effects, _ lineages: [Int: Lineage]
  ) -> [SequencePatch] {
    var units = known
    var row = ReversalRow()
    var place = 0
    forEachSpan { span, walk in
      if span.isPlaceholder {
        if !span.isDeleted { row.keep(Int(span.count)) }
        place += Int(span.count)
        return
      }
      walk.forEachRun(of: span) { run in
        for version in run.versions {
          defer { place += 1 }
          if walk.isOtherName(version) { continue }
          let root = walk.root(of: version, effects)
          let index = units.index(forKey: root)
          let isWanted =
            index.map { !units.values[$0].isDeleted && !walk.isUndone(root, effects) } ?? true
          if !span.isDeleted {
            if !isWanted {
              row.remove()
            } else if root != version, let lineage = lineages[root] {
              row.keep(standing: lineage)
            } else {
              row.keep(1)
            }
          } else if let index, isWanted, !units.values[index].isThere {
            units.values[index].isThere = true
            row.insert(
              version: version, content: run.content + version - run.version,
              of: lineages[root] ?? Lineage(version, at: place))
          }
        }
      }
    }
    return row.patches()
  }

  /// The units for which others stand that are there or were, with those.
  private mutating func lineages(_ effects: Effects) -> [Int: Lineage] {
    var lineages: [Int: Lineage] = [:]
    forEachSpan { span, walk in
      if span.isPlaceholder { return }
      walk.forEachRun(of: span) { run in
        for version in run.versions where !walk.isOtherName(version) {
          let root = walk.root(of: version, effects)
          if root != version { lineages[root] = Lineage() }
        }
      }
    }
    guard !lineages.isEmpty else { return lineages }
    var place = 0
    forEachSpan { span, walk in
      if !span.isPlaceholder {
        var offset = 0
        walk.forEachRun(of: span) { run in
          for version in run.versions {
            if !walk.isOtherName(version) {
              lineages[walk.root(of: version, effects)]?.add(version, at: place + offset)
            }
            offset += 1
          }
        }
      }
      place += Int(span.count)
    }
    return lineages
  }

  private mutating func forEachSpan(
    _ body: (SequenceTracker.Span, borrowing SequenceSurvey) -> Void
  ) {
    var leaf: Int? = 0
    while let current = leaf {
      for slot in 0..<walk.tracker.spanCounts[current] {
        let span = walk.tracker.spans(of: current)[slot]
        body(span, self)
      }
      leaf = walk.tracker.tree.next(after: current)
    }
  }

  consuming func places(
    of versions: [Int], _ zone: consuming ConflictZone
  ) throws(SequenceError) -> [(position: Int, isThere: Bool)?] {
    var plan = ReplayPlan(zone)
    var found = [(position: Int, isThere: Bool)?](repeating: nil, count: versions.count)
    guard try run(&plan) else { return found }
    let versions = versions.map { walk.twins.shown(for: $0) }
    let wanted = versions.indices.sorted { versions[$0] < versions[$1] }
    var position = 0
    var leaf: Int? = 0
    while let current = leaf {
      for slot in 0..<walk.tracker.spanCounts[current] {
        let span = walk.tracker.spans(of: current)[slot]
        let isThere = !span.isDeleted
        if !span.isPlaceholder {
          var offset = 0
          forEachRun(of: span) { run in
            var low = wanted.partitioningIndex { versions[$0] >= run.version }
            while low < wanted.count, versions[wanted[low]] < run.end {
              let inside = isThere ? offset + versions[wanted[low]] - run.version : 0
              found[wanted[low]] = (position + inside, isThere)
              low += 1
            }
            offset += run.count
          }
        }
        if isThere { position += Int(span.count) }
      }
      leaf = walk.tracker.tree.next(after: current)
    }
    return found
  }

  /// The insertions that a span of no placeholders consists of, in order.
  private func forEachRun(of span: SequenceTracker.Span, _ body: (SequenceRun) -> Void) {
    var id = span.id
    while id != span.end {
      let events = walk.order.events(from: id, count: span.end - id)
      var version = events.lowerBound
      var index = log.firstRun(from: version)
      while version < events.upperBound, index < log.runCount {
        let run = log[index].slice(version..<events.upperBound)
        body(run)
        version = run.end
        index += 1
      }
      id += UInt32(events.count)
    }
  }
}

extension [Int] {
  /// The first place from which on a condition holds. Complexity: O(log n).
  fileprivate func partitioningIndex(where isBeyond: (Int) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if isBeyond(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
