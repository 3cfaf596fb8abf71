internal import Causality
internal import RunStructures

/// The replay of a section with concurrent pieces for what its characters are marked with.
///
/// It moves through versions as ``SectionWalk`` does, and knows for each unit which marks it has in
/// each of them:
///
/// - Those it was inserted with, which depend on the two characters around it in the version of its
///   author (see ``TextMarks``) and on nothing else; of a unit of the base those it has there.
/// - The marks that were put on it since, which are the **covers** of a unit: a mark covers what
///   its author saw between its two positions; and of what its author had not seen, and whose
///   author had not seen the mark, all that stands between the same two units now. These two are
///   the first and the last of what the author marked or, where the mark grows, the ones before and
///   after it, which it does not cover: Peritext's anchors (Litt, Lim, Kleppmann, van Hardenberg,
///   "Peritext: A CRDT for Collaborative Rich Text Editing", 2022, section 4).
///
/// A version has a cover when it has the mark. Positions that the author's version does not have
/// mark nothing, here and everywhere.
///
/// Complexity: that of ``SectionWalk``; for each mark O(the spans that it covers); for each
/// insertion O(the marks on its neighbours, and those of the section that its author had not seen).
struct MarkedSection: ~Copyable {
  typealias ID = SequenceTracker.ID

  var tracker = SequenceTracker()
  var order: UnitOrder
  private var deeds = Arena<Deed>()
  private var targets = Arena<SequenceTracker.Target>()
  private var twins = TwinReplay()
  /// While there are twins, what each mark was put on: its place in `placed`, and units.
  private var twinCovers: [(mark: Int, units: Range<ID>)] = []
  /// The marks replayed so far.
  var placed: ContiguousArray<Placed> = []
  /// How many of them the prepare version lacks.
  private var unseenCount = 0

  /// The sets with which units came: those of the base by index, the inserted ones by id.
  var baseSets = UnitMap()
  var insertedSets = UnitMap()
  /// The covers of units, as lists of places in `placed`.
  var baseCovers = UnitMap()
  var insertedCovers = UnitMap()
  var lists = MarkLists()

  /// What a piece did: a range of `targets`, as in ``SectionWalk``, and a range of `placed`.
  struct Deed: BitwiseCopyable {
    var first = 0
    var end = 0
    var firstMark = 0
    var endOfMarks = 0
  }

  struct Placed: BitwiseCopyable {
    /// Its number among the marks of the text.
    var mark: Int
    /// What was not there when it was put is marked between these two; `none` is an end of the
    /// text.
    var low: ID
    var high: ID
    var isSeen: Bool
  }

  /// Given where characters that stand for others are to get the marks of those.
  private let standings: Standings?
  /// Ids by the versions that inserted them, while there are standings.
  private var ids: ContiguousArray<ID> = []
  /// The last unit that stands for another, by the version of that.
  private var standingFor: [Int: ID] = [:]

  init(graph: EventGraph, ranks: [UInt32], standings: Standings? = nil) {
    order = UnitOrder(graph: graph, ranks: ranks)
    self.standings = standings
    if standings != nil {
      ids = ContiguousArray(repeating: SequenceTracker.none, count: graph.count)
    }
  }

  /// - Parameters:
  ///   - operations: the marks of the section's events, ascending.
  ///   - marks: at the base of the section; at its end on return.
  mutating func run(
    _ section: Range<Int>, of plan: inout ReplayPlan, reader: inout PieceReader,
    operations: ArraySlice<MarkOperation>, marks: inout TextMarks
  ) throws(SequenceError) {
    begin(marks, pieceCount: section.count)
    twins.begin(reader.twins, section, plan.zone)
    plan.arrange(section)
    var current: Int?
    for index in 0..<plan.order.count {
      let number = Int(plan.order[index])
      let piece = plan.zone[number]
      plan.move(from: current, toParentsOf: number, in: section)
      for index in 0..<plan.back.count {
        try step(Int(plan.back[index]) - section.lowerBound, isUp: false)
      }
      for index in 0..<plan.forth.count {
        try step(Int(plan.forth[index]) - section.lowerBound, isUp: true)
      }
      current = number

      var deed = Deed(first: targets.count, firstMark: placed.count)
      targets.append(SequenceTracker.Target(id: tracker.insertedCount, count: 0))
      var own = operations.inside(piece.versions)
      reader.begin(number, piece.versions)
      while let run = reader.next() {
        while let next = own.first, next.version < run.version {
          put(next, &marks)
          own.removeFirst()
        }
        replay(run, firstTarget: deed.first + 1, &marks)
      }
      for operation in own { put(operation, &marks) }
      targets.base[deed.first].count = tracker.insertedCount - targets.base[deed.first].id
      deed.end = targets.count
      deed.endOfMarks = placed.count
      deeds[number - section.lowerBound] = deed
      if !twins.isEmpty {
        try joinTwins(number - section.lowerBound, piece.versions.upperBound - 1)
      }
    }
    finish(&marks)
  }

  private mutating func begin(_ marks: TextMarks, pieceCount: Int) {
    tracker.reset(baseCount: marks.count)
    order.removeAll()
    targets.removeAll()
    deeds.removeAll()
    deeds.append(repeating: Deed(), count: pieceCount)
    placed.removeAll()
    twinCovers.removeAll()
    unseenCount = 0
    baseSets = UnitMap()
    insertedSets = UnitMap()
    baseCovers = UnitMap()
    insertedCovers = UnitMap()
    lists.removeAll()
    var start: ID = 0
    for run in marks.runs {
      baseSets.append(count: run.count, run.set, from: start)
      start += ID(run.count)
    }
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
    for index in deed.firstMark..<deed.endOfMarks where placed[index].isSeen != isUp {
      placed[index].isSeen = isUp
      unseenCount += isUp ? -1 : 1
    }
  }

  /// Deletes what is another name of what is there, or was deleted under another name. What that is
  /// marked with is what the other name is marked with too.
  private mutating func joinTwins(_ piece: Int, _ version: Int) throws(SequenceError) {
    let deed = deeds[piece]
    for target in deed.first + 1..<deed.end {
      twins.deleted(targets[target], by: piece, version: version, step: 0, order)
    }
    var writer = PatchWriter()
    for loss in twins.ended(piece) {
      guard
        tracker.hide(loss.units, version: version, isWritten: false, writer: &writer)
      else { throw .damagedHistory(version: version) }
      guard case .name(let units, let shown) = loss else { continue }
      for (mark, range) in twinCovers {
        guard let half = TwinReplay.shown(range, units, shown) else { continue }
        insertedCovers.add(mark, to: half, &lists)
      }
    }
  }

  // MARK: Operations

  private mutating func replay(
    _ whole: SequenceRun, firstTarget: Int, _ marks: inout TextMarks
  ) {
    let run = whole.effective(onLength: tracker.prepareCount)
    guard run.count > 0 else { return }
    let count = UInt32(run.count)
    guard run.kind == .insert else {
      var writer = PatchWriter()
      return tracker.delete(
        count: count, at: UInt32(run.lowestPosition), version: run.version, targets: &targets,
        from: firstTarget, isWritten: false, writer: &writer)
    }
    let set = setForTyping(at: run.position, &marks)
    let id = tracker.insertedCount
    order.add(version: run.version, count: count)
    if !twins.isEmpty { twins.inserted(run.versions, from: id) }
    _ = tracker.insert(count: count, at: UInt32(run.position), order: order)
    if standings == nil {
      insertedSets.append(count: run.count, set, from: id)
    } else {
      insert(run, id, set, &marks)
    }
    guard unseenCount > 0, let place = tracker.cursor(of: id) else { return }
    for index in placed.indices where !placed[index].isSeen && isInside(placed[index], place) {
      insertedCovers.add(index, to: id..<id + count, &lists)
    }
  }

  /// Gives new units their sets: those that stand for others the sets of these.
  private mutating func insert(
    _ run: SequenceRun, _ id: ID, _ set: Int, _ marks: inout TextMarks
  ) {
    for offset in 0..<run.count {
      let version = run.version + offset
      let root = standings?.root(of: version).root ?? version
      let isStanding = root != version && ids.indices.contains(root)
      let rooted = isStanding && ids[root] != SequenceTracker.none
      let own = rooted ? seenSet(of: ids[root], &marks) : set
      if rooted { standingFor[root] = id + ID(offset) }
      insertedSets.append(count: 1, own, from: id + ID(offset))
      if ids.indices.contains(version) { ids[version] = id + ID(offset) }
    }
  }

  /// What a unit gets that is put at a position of the prepare version.
  private mutating func setForTyping(at position: Int, _ marks: inout TextMarks) -> Int {
    guard !marks.table.isEmpty else { return 0 }
    let left = position > 0 ? seenSet(of: tracker.unit(at: position - 1), &marks) : 0
    let isEnd = position == tracker.prepareCount
    let right = isEnd ? 0 : seenSet(of: tracker.unit(at: position), &marks)
    return marks.set(between: left, and: right)
  }

  private mutating func put(_ operation: MarkOperation, _ marks: inout TextMarks) {
    let (from, to) = (operation.from, operation.to)
    guard operation.isInside(tracker.prepareCount) else { return }
    let expansion = operation.mark.expansion
    var new = Placed(
      mark: marks.add(operation.mark), low: tracker.unit(at: from),
      high: tracker.unit(at: to - 1), isSeen: true)
    if expansion.isAtStart {
      new.low = from > 0 ? tracker.unit(at: from - 1) : SequenceTracker.none
    }
    if expansion.isAtEnd {
      new.high = to < tracker.prepareCount ? tracker.unit(at: to) : SequenceTracker.none
    }
    placed.append(new)
    cover(
      new, number: placed.count - 1, includesLow: !expansion.isAtStart,
      includesHigh: !expansion.isAtEnd)
  }

  /// Adds a mark to the covers of all units between its two.
  private mutating func cover(
    _ new: Placed, number: Int, includesLow: Bool, includesHigh: Bool
  ) {
    var place = SequenceTracker.Cursor(leaf: 0, slot: 0)
    if new.low != SequenceTracker.none, let low = tracker.cursor(of: new.low) {
      place = low
      if !includesLow { place.offset += 1 }
    }
    while let here = tracker.settled(place) {
      let span = tracker.span(here)
      let start = span.id + here.offset
      let isLast = new.high != SequenceTracker.none && new.high &- span.id < span.count
      let end = isLast ? (includesHigh ? new.high + 1 : new.high) : span.end
      if start < end {
        let range = Self.index(start)..<Self.index(start) + (end - start)
        if span.isPlaceholder {
          baseCovers.add(number, to: range, &lists)
        } else if standings != nil, !span.isVisible {
          coverDeleted(range, number: number)
        } else {
          insertedCovers.add(number, to: range, &lists)
        }
        // Whoever marked one of two twins, and knew no other, has marked both.
        if !twins.isEmpty, !span.isPlaceholder, span.exists {
          twinCovers.append((number, range))
          for half in twins.unseenHalves(of: range, order) {
            insertedCovers.add(number, to: half, &lists)
          }
        }
      }
      if isLast { return }
      place = SequenceTracker.Cursor(leaf: here.leaf, slot: here.slot + 1)
    }
  }

  /// Adds a mark to the covers of units that its author had not before them. Where one that stands
  /// for such a unit was there, the mark is on that or not at all.
  private mutating func coverDeleted(_ range: Range<ID>, number: Int) {
    var start = range.lowerBound
    for id in range {
      let version = order.events(from: id, count: 1).lowerBound
      guard let root = standings?.root(of: version).root, let other = standingFor[root],
        other != id, let place = tracker.cursor(of: other), tracker.span(place).isVisible
      else { continue }
      insertedCovers.add(number, to: start..<id, &lists)
      start = id + 1
    }
    insertedCovers.add(number, to: start..<range.upperBound, &lists)
  }

  /// Whether a unit stands between the two of a mark.
  private mutating func isInside(_ mark: Placed, _ place: SequenceTracker.Cursor) -> Bool {
    if mark.low != SequenceTracker.none {
      guard let low = tracker.cursor(of: mark.low), tracker.isOrdered(low, place) else {
        return false
      }
    }
    if mark.high != SequenceTracker.none {
      guard let high = tracker.cursor(of: mark.high), tracker.isOrdered(place, high) else {
        return false
      }
    }
    return true
  }

  // MARK: Questions

  /// The index in the base, or the id.
  static func index(_ id: ID) -> ID { id & ~SequenceTracker.placeholderBit }

  /// The set that a unit has in the prepare version.
  private func seenSet(of id: ID, _ marks: inout TextMarks) -> Int {
    let index = Self.index(id)
    let isBase = index != id
    return set(
      isBase ? baseSets[index].value : insertedSets[index].value,
      covered: isBase ? baseCovers[index].value : insertedCovers[index].value, onlySeen: true,
      &marks)
  }

  /// A set with the marks that came on top of it.
  func set(
    _ set: Int, covered list: Int, onlySeen: Bool, _ marks: inout TextMarks
  ) -> Int {
    var set = set
    var list = list
    while let (index, rest) = lists.last(of: list) {
      if placed[index].isSeen || !onlySeen { set = marks.set(set, adding: placed[index].mark) }
      list = rest
    }
    return set
  }

  /// Puts the set that each unit has in the end into `marks`, for those that are visible.
  private mutating func finish(_ marks: inout TextMarks) {
    var parts: ContiguousArray<TextMarks.Run> = []
    for shown in shownStretches() {
      let set = set(shown.set, covered: shown.covers, onlySeen: false, &marks)
      parts.append(TextMarks.Run(count: Int(shown.count), set: set))
    }
    marks.replaceRuns(by: parts)
  }

  /// Units in a row that are visible in the end, of one span, with one set and one list of covers.
  struct ShownStretch: BitwiseCopyable {
    var isPlaceholder: Bool
    /// The index in the base, or the id, of the first.
    var index: ID
    var count: UInt32
    var set: Int
    var covers: Int
  }

  /// All of them, in order.
  mutating func shownStretches() -> ContiguousArray<ShownStretch> {
    var found: ContiguousArray<ShownStretch> = []
    var place = SequenceTracker.Cursor(leaf: 0, slot: 0)
    while let here = tracker.settled(place) {
      let span = tracker.span(here)
      place = SequenceTracker.Cursor(leaf: here.leaf, slot: here.slot + 1)
      guard !span.isDeleted else { continue }
      var index = Self.index(span.id)
      let end = index + span.count
      while index < end {
        let (set, endOfSet) = span.isPlaceholder ? baseSets[index] : insertedSets[index]
        let (covers, endOfCovers) =
          span.isPlaceholder ? baseCovers[index] : insertedCovers[index]
        let next = min(end, endOfSet, endOfCovers)
        found.append(
          ShownStretch(
            isPlaceholder: span.isPlaceholder, index: index, count: next - index, set: set,
            covers: covers))
        index = next
      }
    }
    return found
  }
}

extension SequenceTracker {
  /// The unit at a position of the prepare version, which must have it.
  mutating func unit(at position: Int) -> ID {
    let found = tree.leaf(ofVisible: UInt32(position))
    var rest = UInt32(position) - found.before.x
    let spans = spans(of: found.leaf)
    var slot = 0
    while true {
      if spans[slot].isVisible {
        if rest < spans[slot].count { return spans[slot].id + rest }
        rest -= spans[slot].count
      }
      slot += 1
    }
  }
}
