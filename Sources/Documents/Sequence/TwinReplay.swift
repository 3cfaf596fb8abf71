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
/// Complexity: O(twins of the section and deletions of their units) for each piece that comes or
/// goes.
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
    /// Whether both are there, so that deletions were told.
    var isJoined = false

    var count: UInt32 { UInt32(twins.first.count) }
    var first: Target { Target(id: firstID, count: count) }
    var second: Target { Target(id: secondID, count: count) }
  }

  /// What a piece deleted of the second, by the names of the first.
  fileprivate struct Deletion {
    var piece: Int
    var units: Target
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
  /// Whether the prepare version has each piece; kept while there are twins.
  private var isPresent: [Bool] = []
  private var scratch = Arena<Target>()

  var isEmpty: Bool { pairs.isEmpty }

  /// Begins with those of a section.
  mutating func begin(
    _ twins: [SequenceTwins], _ section: Range<Int>, _ zone: borrowing ConflictZone
  ) {
    pairs.removeAll()
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
        pairs.append(
          Pair(
            twins: SequenceTwins(first: ours.prefix(count), second: theirs.prefix(count)),
            firstPiece: first, secondPiece: second))
        offset += count
      }
    }
    isPresent = Array(repeating: false, count: pairs.isEmpty ? 0 : section.count)
  }

  // MARK: A piece that is replayed

  /// Notes the ids of inserted units.
  mutating func inserted(_ versions: Range<Int>, from id: ID) {
    for index in pairs.indices {
      let twins = pairs[index].twins
      if versions.contains(twins.first.lowerBound) {
        pairs[index].firstID = id + ID(twins.first.lowerBound - versions.lowerBound)
      }
      if versions.contains(twins.second.lowerBound) {
        pairs[index].secondID = id + ID(twins.second.lowerBound - versions.lowerBound)
      }
    }
  }

  /// Notes that a piece deleted units, the first of them by event `version`.
  mutating func deleted(_ units: Target, by piece: Int, version: Int, step: Int) {
    guard units.id & SequenceTracker.placeholderBit == 0 else { return }
    for index in pairs.indices where pairs[index].secondID != SequenceTracker.none {
      let pair = pairs[index]
      let low = max(units.id, pair.secondID)
      let high = min(units.id + units.count, pair.secondID + pair.count)
      guard low < high else { continue }
      pairs[index].deletions.append(
        Deletion(
          piece: piece, units: Target(id: low - pair.secondID, count: high - low),
          version: version + step * Int(low - units.id), step: step))
    }
  }

  /// A piece was replayed. Returns what is lost by it in the effect version.
  mutating func ended(_ piece: Int) -> [Loss] {
    isPresent[piece] = true
    var losses: [Loss] = []
    for index in pairs.indices {
      let pair = pairs[index]
      guard pair.firstID != SequenceTracker.none, pair.secondID != SequenceTracker.none else {
        continue
      }
      if !pair.isJoined {
        pairs[index].isJoined = true
        losses.append(.name(pair.second, shown: pair.firstID))
      }
      for deletion in pair.deletions where !pair.isJoined || deletion.piece == piece {
        losses.append(
          .half(pair.named(deletion.units), version: deletion.version, step: deletion.step))
      }
    }
    return losses
  }

  // MARK: The prepare version

  /// Before a piece goes, or after it has come: what it means for twins. False when the tracker
  /// does not know a unit, which only damaged history does.
  mutating func step(_ piece: Int, isUp: Bool, _ tracker: inout SequenceTracker) -> Bool {
    if isUp { isPresent[piece] = true }
    scratch.removeAll()
    for pair in pairs where pair.isJoined && isPresent[pair.firstPiece] {
      let isFirst = piece == pair.firstPiece
      if isPresent[pair.secondPiece], isFirst || piece == pair.secondPiece {
        scratch.append(pair.second)
      }
      for deletion in pair.deletions
      where isPresent[deletion.piece] && (isFirst || piece == deletion.piece) {
        scratch.append(pair.named(deletion.units))
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
    return pairs.flatMap { pair -> [Target] in
      guard pair.isJoined, isPresent[pair.firstPiece] else { return [] }
      return pair.deletions.filter { $0.piece == piece }.map { pair.named($0.units) }
    }
  }

  // MARK: Names

  /// What is told of units from `id` on in one way: how many that is, whether they are only other
  /// names, and which events inserted the other halves of the first one.
  func names(from id: ID, count: UInt32) -> (count: UInt32, isOther: Bool, others: [Int]) {
    var count = count
    var isOther = false
    var others: [Int] = []
    func meets(_ units: Target) -> Bool {
      if id < units.id {
        count = min(count, units.id - id)
        return false
      }
      guard id - units.id < units.count else { return false }
      count = min(count, units.id + units.count - id)
      return true
    }
    for pair in pairs where pair.isJoined {
      if meets(pair.second) { isOther = true }
      if meets(pair.first) {
        others.append(pair.twins.second.lowerBound + Int(id - pair.firstID))
      }
    }
    return (count, isOther, others)
  }

  /// The event whose unit is shown for that of an event, mostly itself.
  func shown(for version: Int) -> Int {
    var shown = version
    // Of three who decided alike the second is another name too.
    while let pair = pairs.first(where: { $0.isJoined && $0.twins.second.contains(shown) }) {
      shown = pair.twins.first.lowerBound + shown - pair.twins.second.lowerBound
    }
    return shown
  }

  /// The events of all other names of a unit that is shown.
  func others(of version: Int) -> [Int] {
    pairs.filter { $0.isJoined && $0.twins.first.contains(version) }.map {
      $0.twins.second.lowerBound + version - $0.twins.first.lowerBound
    }
  }

  /// The other halves, which the prepare version lacks, of units that it has.
  func unseenHalves(of range: Range<ID>) -> [Range<ID>] {
    pairs.compactMap { pair in
      guard pair.isJoined, !isPresent[pair.firstPiece] else { return nil }
      return Self.shown(range, pair.second, pair.firstID)
    }
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
  /// Units of the second by their ids in the first.
  fileprivate func named(_ units: SequenceTracker.Target) -> SequenceTracker.Target {
    SequenceTracker.Target(id: firstID + units.id, count: units.count)
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
