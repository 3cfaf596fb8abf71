/// Versions of a text at which its marks are known: the nearer to the end of the history, the
/// denser they are, so that looking back costs what it looks back over.
struct MarkCheckpoints: Sendable {
  /// Within so many events of the end only the last is kept, within four times as many another, and
  /// so on.
  private static let spacing = 256

  /// By ascending version.
  private var checkpoints: [MarkReplay.Checkpoint] = []

  /// How many events were replayed from them, and to them.
  private(set) var replayedCount = 0

  var count: Int { checkpoints.count }

  mutating func noteReplay(of eventCount: Int) { replayedCount += eventCount }

  /// The last that a version was made from, as `isSeen` tells.
  func last(
    before version: [Int], where isSeen: (MarkReplay.Checkpoint) -> Bool
  ) -> MarkReplay.Checkpoint? {
    let end = version.last ?? -1
    return checkpoints.last { $0.end <= end + 1 && isSeen($0) }
  }

  /// - Parameter end: that of the history.
  mutating func add(_ checkpoint: MarkReplay.Checkpoint, in end: Int) {
    let index = checkpoints.firstIndex { $0.end > checkpoint.end } ?? checkpoints.count
    checkpoints.insert(checkpoint, at: index)
    // Those that the end has left behind have come together.
    var following: Int?
    checkpoints = checkpoints.reversed().filter { checkpoint in
      let reach = Self.reach(from: checkpoint.end, to: end)
      defer { following = reach }
      return following != reach
    }.reversed()
  }

  /// Which of the distances a version is within.
  private static func reach(from version: Int, to end: Int) -> Int {
    let distance = max(0, end - version) / spacing
    return (Int.bitWidth - distance.leadingZeroBitCount + 1) / 2
  }

  /// Whether no version within the same distance of the end is at or after `next`, or all are near.
  static func isLast(_ version: Int, before next: Int, of end: Int) -> Bool {
    let reach = reach(from: next, to: end)
    return reach == 0 || Self.reach(from: version, to: end) != reach
  }

  /// Versions in a range at which a checkpoint is worth having, ascending.
  static func cuts(in versions: Range<Int>, of end: Int) -> [Int] {
    var cuts: [Int] = []
    var distance = spacing
    while distance < end {
      let cut = end - distance
      if cut <= versions.lowerBound { break }
      if cut < versions.upperBound { cuts.append(cut) }
      distance *= 4
    }
    return cuts.reversed()
  }
}

extension MarkReplay.Checkpoint {
  /// All events before are part of it that it has seen.
  fileprivate var end: Int { (version.last ?? -1) + 1 }
}
