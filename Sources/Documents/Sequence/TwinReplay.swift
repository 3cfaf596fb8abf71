internal import Causality
internal import RunStructures

/// What twins do in the replay of a section (see ``SequenceTwins``).
///
/// To the tracker it looks as if two more events than there are had deleted units: one those of
/// `second`, in every version that has both insertions; and for each deletion of some of these one
/// of their other halves, in every version that has the deletion and the insertion of `first`.
///
/// Nobody who inserted one of the two had seen the other, and whoever has seen both sees and
/// deletes the first only. So where a piece of all this is replayed, the prepare version lacks the
/// rest.
///
/// Complexity: O(log twins) for each run and deletion; for a piece that comes or goes O(twins that
/// it inserted, or deleted units of).
struct TwinReplay: ~Copyable {
  typealias ID = SequenceTracker.ID
  typealias Target = SequenceTracker.Target

  fileprivate struct Pair {
    var twins: SequenceTwins
    /// The pieces that inserted them, by their number in the section.
    var firstPiece: Int
    var secondPiece: Int
    /// The first units, `none` until they are there.
    var firstID = SequenceTracker.none
    var secondID = SequenceTracker.none
    var deletions: [Deletion] = []
    /// Which of these are of a piece.
    var deletionsOfPiece: [Int: Range<Int>] = [:]
    /// Whether both are there, so that deletions were told.
    var isJoined = false

    var count: UInt32 { UInt32(twins.first.count) }
    var second: Target { Target(id: secondID, count: count) }
  }

  /// What a piece deleted of the second, by the names of the first.
  fileprivate struct Deletion {
    var piece: Int
    /// The number of the first unit among those of the pair, and how many they are.
    var start: Int
    var count: Int
    var version: Int
    var step: Int
  }

  /// Units that are deleted in the effect version from now on.
  enum Loss {
    /// They are another name of as many units from `shown` on.
    case name(Target, shown: ID)
    /// They were deleted under another name, the first of them by the event `version`.
    case half(Target, version: Int, step: Int)

    var units: Target {
      switch self {
      case .name(let units, _), .half(let units, _, _): units
      }
    }
  }

  private var pairs: [Pair] = []
  /// By the events that inserted the first and the second of each pair.
  private var firsts = EventRanges()
  private var seconds = EventRanges()
  /// The pairs that a piece inserted a half of, or deleted units of.
  private var pairsOfPiece: [Int: [Int]] = [:]
  /// Whether the prepare version has each piece; kept while there are twins.
  private var isPresent: [Bool] = []
  /// What the piece that is replayed has deleted of pairs that were joined before.
  private var fresh: [Loss] = []
  private var scratch = Arena<Target>()

  var isEmpty: Bool { pairs.isEmpty }

  /// Begins with those of a section.
  mutating func begin(
    _ twins: [SequenceTwins], _ section: Range<Int>, _ zone: borrowing ConflictZone
  ) {
    if !pairs.isEmpty {
      pairs.removeAll()
      pairsOfPiece.removeAll()
    }
    guard !twins.isEmpty else { return }
    for twins in twins {
      // Whoever asks for a version in the midst of a change cuts it.
      var offset = 0
      while offset < twins.first.count {
        let rest = SequenceTwins(
          first: twins.first.dropFirst(offset), second: twins.second.dropFirst(offset))
        guard let first = zone.piece(at: rest.first.lowerBound, in: section),
          let second = zone.piece(at: rest.second.lowerBound, in: section)
        else { break }
        let ours = rest.first.clamped(to: zone[section.lowerBound + first].versions)
        let theirs = rest.second.clamped(to: zone[section.lowerBound + second].versions)
        let count = min(ours.count, theirs.count)
        pairsOfPiece[first, default: []].append(pairs.count)
        pairsOfPiece[second, default: []].append(pairs.count)
        pairs.append(
          Pair(
            twins: SequenceTwins(first: ours.prefix(count), second: theirs.prefix(count)),
            firstPiece: first, secondPiece: second))
        offset += count
      }
    }
    firsts = EventRanges(pairs.map(\.twins.first))
    seconds = EventRanges(pairs.map(\.twins.second))
    isPresent = Array(repeating: false, count: pairs.isEmpty ? 0 : section.count)
  }

  // MARK: A piece that is replayed

  /// Notes the ids of inserted units.
  mutating func inserted(_ versions: Range<Int>, from id: ID) {
    firsts.forEach(beginningIn: versions) { index, start in
      pairs[index].firstID = id + ID(start - versions.lowerBound)
    }
    seconds.forEach(beginningIn: versions) { index, start in
      pairs[index].secondID = id + ID(start - versions.lowerBound)
    }
  }

  /// Notes that a piece deleted units, the first of them by event `version`.
  mutating func deleted(
    _ units: Target, by piece: Int, version: Int, step: Int, _ order: borrowing UnitOrder
  ) {
    guard units.id & SequenceTracker.placeholderBit == 0 else { return }
    var offset: UInt32 = 0
    while offset < units.count {
      let events = order.events(from: units.id + offset, count: units.count - offset)
      let from = Int(offset)
      seconds.forEach(meeting: events) { index, common in
        let start = pairs[index].twins.second.lowerBound
        note(
          Deletion(
            piece: piece, start: common.lowerBound - start, count: common.count,
            version: version + step * (from + common.lowerBound - events.lowerBound), step: step),
          of: index)
      }
      offset += UInt32(events.count)
    }
  }

  private mutating func note(_ deletion: Deletion, of index: Int) {
    let number = pairs[index].deletions.count
    pairs[index].deletions.append(deletion)
    if let known = pairs[index].deletionsOfPiece[deletion.piece] {
      pairs[index].deletionsOfPiece[deletion.piece] = known.lowerBound..<number + 1
    } else {
      pairs[index].deletionsOfPiece[deletion.piece] = number..<number + 1
      if deletion.piece != pairs[index].secondPiece {
        pairsOfPiece[deletion.piece, default: []].append(index)
      }
    }
    if pairs[index].isJoined { fresh.append(pairs[index].loss(deletion)) }
  }

  /// A piece was replayed. Returns what is lost by it in the effect version.
  mutating func ended(_ piece: Int) -> [Loss] {
    isPresent[piece] = true
    var losses = fresh
    fresh.removeAll()
    for index in pairsOfPiece[piece] ?? [] where !pairs[index].isJoined {
      let pair = pairs[index]
      guard pair.firstID != SequenceTracker.none, pair.secondID != SequenceTracker.none else {
        continue
      }
      pairs[index].isJoined = true
      losses.append(.name(pair.second, shown: pair.firstID))
      losses += pair.deletions.map { pair.loss($0) }
    }
    return losses
  }

  // MARK: The prepare version

  /// Before a piece goes, or after it has come: what it means for twins. False when the tracker
  /// does not know a unit, which only damaged history does.
  mutating func step(_ piece: Int, isUp: Bool, _ tracker: inout SequenceTracker) -> Bool {
    if isUp { isPresent[piece] = true }
    scratch.removeAll()
    for index in pairsOfPiece[piece] ?? []
    where pairs[index].isJoined && isPresent[pairs[index].firstPiece] {
      let isFirst = piece == pairs[index].firstPiece
      if isPresent[pairs[index].secondPiece], isFirst || piece == pairs[index].secondPiece {
        scratch.append(pairs[index].second)
      }
      let numbers =
        isFirst
        ? pairs[index].deletions.indices : pairs[index].deletionsOfPiece[piece] ?? 0..<0
      for number in numbers where isPresent[pairs[index].deletions[number].piece] {
        scratch.append(pairs[index].half(pairs[index].deletions[number]))
      }
    }
    if !isUp { isPresent[piece] = false }
    return tracker.step(0..<scratch.count, of: scratch, isUp: isUp)
  }

  /// Takes what a piece deleted of twins, and that alone, out of the prepare version.
  mutating func putBackDeleted(by piece: Int, _ tracker: inout SequenceTracker) -> Bool {
    scratch.removeAll()
    for units in unitsDeleted(by: piece) { scratch.append(units) }
    return tracker.step(0..<scratch.count, of: scratch, isUp: false)
  }

  /// The units of which a piece deleted the other half, in the prepare version.
  func unitsDeleted(by piece: Int) -> [Target] {
    guard !pairs.isEmpty, isPresent[piece] else { return [] }
    return (pairsOfPiece[piece] ?? []).flatMap { index -> [Target] in
      let pair = pairs[index]
      guard pair.isJoined, isPresent[pair.firstPiece],
        let numbers = pair.deletionsOfPiece[piece]
      else { return [] }
      return numbers.map { pair.half(pair.deletions[$0]) }
    }
  }

  // MARK: Names

  /// What is told of consecutive events from the first one on in one way: how many that is, whether
  /// their units are only other names, and which events inserted the other halves of the first.
  func names(of events: Range<Int>) -> (count: Int, isOther: Bool, others: [Int]) {
    var end = events.upperBound
    var isOther = false
    var others: [Int] = []
    guard !pairs.isEmpty else { return (events.count, isOther, others) }
    func meets(_ common: Range<Int>) -> Bool {
      let isHere = common.lowerBound == events.lowerBound
      end = min(end, isHere ? common.upperBound : common.lowerBound)
      return isHere
    }
    seconds.forEach(meeting: events) { index, common in
      if pairs[index].isJoined, meets(common) { isOther = true }
    }
    firsts.forEach(meeting: events) { index, common in
      if pairs[index].isJoined, meets(common) {
        let twins = pairs[index].twins
        others.append(twins.second.lowerBound + events.lowerBound - twins.first.lowerBound)
      }
    }
    return (end - events.lowerBound, isOther, others)
  }

  /// The event whose unit is shown for that of an event, mostly itself.
  func shown(for version: Int) -> Int {
    var shown = version
    guard !pairs.isEmpty else { return shown }
    // Of three who decided alike the second is another name too.
    while let twins = twins(in: seconds, at: shown).first {
      shown = twins.first.lowerBound + shown - twins.second.lowerBound
    }
    return shown
  }

  /// The events of all other names of a unit that is shown.
  func others(of version: Int) -> [Int] {
    guard !pairs.isEmpty else { return [] }
    return twins(in: firsts, at: version).map {
      $0.second.lowerBound + version - $0.first.lowerBound
    }
  }

  private func twins(in ranges: EventRanges, at version: Int) -> [SequenceTwins] {
    var found: [SequenceTwins] = []
    ranges.forEach(meeting: version..<version + 1) { index, _ in
      if pairs[index].isJoined { found.append(pairs[index].twins) }
    }
    return found
  }

  /// The other halves, which the prepare version lacks, of consecutive units that it has.
  func unseenHalves(of range: Range<ID>, _ order: borrowing UnitOrder) -> [Range<ID>] {
    var found: [Range<ID>] = []
    var id = range.lowerBound
    while id < range.upperBound {
      let events = order.events(from: id, count: range.upperBound - id)
      seconds.forEach(meeting: events) { index, _ in
        let pair = pairs[index]
        guard pair.isJoined, !isPresent[pair.firstPiece],
          let half = Self.shown(range, pair.second, pair.firstID)
        else { return }
        found.append(half)
      }
      id += UInt32(events.count)
    }
    return found
  }

  /// Those of `range` that are in `units`, by their other halves from `shown` on.
  static func shown(_ range: Range<ID>, _ units: Target, _ shown: ID) -> Range<ID>? {
    let low = max(range.lowerBound, units.id)
    let high = min(range.upperBound, units.id + units.count)
    guard low < high else { return nil }
    let first = shown + (low - units.id)
    return first..<first + (high - low)
  }
}

extension TwinReplay.Pair {
  fileprivate func half(_ deletion: TwinReplay.Deletion) -> SequenceTracker.Target {
    SequenceTracker.Target(id: firstID + UInt32(deletion.start), count: UInt32(deletion.count))
  }

  fileprivate func loss(_ deletion: TwinReplay.Deletion) -> TwinReplay.Loss {
    .half(half(deletion), version: deletion.version, step: deletion.step)
  }
}

/// Ranges of events, each with its number, to be found by the events in them.
private struct EventRanges {
  private var sorted: [(range: Range<Int>, number: Int)] = []
  /// The greatest end of the ranges up to each one.
  private var reach: [Int] = []

  init(_ ranges: [Range<Int>] = []) {
    sorted = ranges.enumerated().map { ($0.element, $0.offset) }.sorted {
      ($0.range.lowerBound, $0.number) < ($1.range.lowerBound, $1.number)
    }
    var end = 0
    reach = sorted.map { entry in
      end = max(end, entry.range.upperBound)
      return end
    }
  }

  /// Calls `body` with the number and the beginning of each range that begins among some events.
  func forEach(beginningIn events: Range<Int>, _ body: (Int, Int) -> Void) {
    var index = Self.first(sorted.count) { sorted[$0].range.lowerBound >= events.lowerBound }
    while index < sorted.count, sorted[index].range.lowerBound < events.upperBound {
      body(sorted[index].number, sorted[index].range.lowerBound)
      index += 1
    }
  }

  /// Calls `body` with the number of each range that has some of the events, and with those.
  func forEach(meeting events: Range<Int>, _ body: (Int, Range<Int>) -> Void) {
    var index = Self.first(sorted.count) { reach[$0] > events.lowerBound }
    while index < sorted.count, sorted[index].range.lowerBound < events.upperBound {
      let common = sorted[index].range.clamped(to: events)
      if !common.isEmpty { body(sorted[index].number, common) }
      index += 1
    }
  }

  /// The first number from which on a condition holds.
  private static func first(_ count: Int, where isBeyond: (Int) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if isBeyond(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension ConflictZone {
  /// The piece of a section that has an event, by its number in the section.
  fileprivate func piece(at version: Int, in section: Range<Int>) -> Int? {
    var low = section.lowerBound
    var high = section.upperBound
    while low < high {
      let middle = (low + high) / 2
      if self[middle].versions.upperBound <= version {
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard low < section.upperBound, self[low].versions.contains(version) else { return nil }
    return low - section.lowerBound
  }
}
