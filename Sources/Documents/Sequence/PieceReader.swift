internal import Causality
internal import RunStructures

/// Reads the operations of a log piece by piece.
///
/// Where the runs of each piece begin is found for all of them at once, in one pass over both.
struct PieceReader: ~Copyable {
  private let log: SequenceLog
  /// The first run that has events in or after each piece.
  private var firstRuns: Arena<Int>
  private let runCount: Int

  // The piece that is being read.
  private var run = 0
  private var low = 0
  private var high = 0

  /// Tells the plan how many runs each of its pieces has.
  init(_ log: SequenceLog, _ plan: inout ReplayPlan) {
    self.log = log
    runCount = log.runCount
    let count = plan.zone.count
    firstRuns = Arena(capacity: count + 1)
    guard count > 0 else { return }
    var run = log.firstRun(from: plan.zone[0].versions.lowerBound)
    var bounds = run < runCount ? log[run].versions : Int.max..<Int.max
    for piece in 0..<count {
      let versions = plan.zone[piece].versions
      if bounds.upperBound <= versions.lowerBound {
        run = log.firstRun(from: versions.lowerBound, notBefore: run)
        bounds = run < runCount ? log[run].versions : Int.max..<Int.max
      }
      firstRuns.append(run)
      let first = run
      if bounds.upperBound <= versions.upperBound {
        run = log.firstRun(from: versions.upperBound, notBefore: run + 1)
        bounds = run < runCount ? log[run].versions : Int.max..<Int.max
      }
      plan.weights[piece] = run - first + (bounds.lowerBound < versions.upperBound ? 1 : 0)
    }
  }

  /// Makes `next` yield the runs of a piece from its first on.
  mutating func begin(_ piece: Int, _ versions: Range<Int>) {
    run = firstRuns[piece]
    low = versions.lowerBound
    high = versions.upperBound
  }

  var twins: [SequenceTwins] { log.twins }

  /// The first run that has events in or after a piece.
  func firstRun(of piece: Int) -> Int { firstRuns[piece] }

  /// The next run, cut to the piece.
  mutating func next() -> SequenceRun? {
    guard run < runCount else { return nil }
    let next = log[run]
    guard next.version < high else { return nil }
    run += 1
    if next.version >= low, next.version + next.count <= high { return next }
    return next.slice(low..<high)
  }

  func hasRuns(in section: Range<Int>, _ zone: borrowing ConflictZone) -> Bool {
    for piece in section {
      let run = firstRuns[piece]
      if run < runCount, log[run].version < zone[piece].versions.upperBound { return true }
    }
    return false
  }

  /// How many units the operations of a piece delete at most; never much above what a log can hold.
  func deletionCount(in piece: Int, _ versions: Range<Int>) -> Int {
    var count = 0
    var run = firstRuns[piece]
    while run < runCount, log[run].version < versions.upperBound {
      if log[run].kind != .insert { count += log[run].slice(versions).count }
      if count >= SequenceLog.unitCountMax { break }
      run += 1
    }
    return min(count, SequenceLog.unitCountMax)
  }
}

extension SequenceLog {
  /// The first run that has an event numbered `version` or above, which is none before `run`.
  ///
  /// Complexity: O(log d) for d runs in between.
  func firstRun(from version: Int, notBefore run: Int) -> Int {
    let count = runCount
    var low = run
    var step = 1
    while low + step <= count, self[low + step - 1].end <= version {
      low += step
      step *= 2
    }
    var high = min(low + step - 1, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle].end <= version { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension SequenceRun {
  /// The version after the last event.
  var end: Int { version + count }
  var versions: Range<Int> { version..<version + count }
}
