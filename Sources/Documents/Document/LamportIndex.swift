internal import ByteCoding
import Causality

/// The Lamport times of the events of a history, asked for in any order.
///
/// The history has them in runs, which can only be read from the first one on. What was read is
/// remembered: all questions together read each run once.
struct LamportIndex {
  /// Changes of which each has a time that is `step` above that of the one before.
  private struct Stretch {
    var firstChange: Int
    var lamport: Int64
    var step: Int64
  }

  private let history: DocumentHistory
  private var reader: StepColumnReader
  private var stretches: [Stretch] = []
  /// How many changes these are, and the time of the last.
  private var readChanges = 0
  private var last: Int64 = 0
  /// How many changes are before each of the first identity runs of the graph.
  private var changesBefore: [Int] = [0]

  /// How many runs, of times and of the graph, were read.
  private(set) var readCount = 0

  init(_ history: DocumentHistory) {
    self.history = history
    reader = history.makeTimeReaders().lamports
  }

  /// The Lamport time of the change that an event is of.
  ///
  /// Complexity: O(log runs), and O(runs) up to the event that were not read yet.
  mutating func lamport(of version: Int) -> UInt64 {
    if let base = history.base, version < base.count { return base.lamport(at: version) }
    let change = change(at: version)
    // The column is our own and has a number for each change.
    while readChanges <= change, let next = try? reader.nextRun("lamport", atMost: .max) {
      readCount += 1
      stretches.append(
        Stretch(firstChange: readChanges, lamport: last &+ next.step, step: next.step))
      readChanges += next.count
      last = last &+ next.step &* Int64(next.count)
    }
    let index = Self.last(in: stretches.indices) { stretches[$0].firstChange <= change }
    guard stretches.indices.contains(index) else { return 0 }
    let stretch = stretches[index]
    return UInt64(
      bitPattern: stretch.lamport &+ stretch.step &* Int64(change - stretch.firstChange))
  }

  /// The number of the change that an event is of.
  private mutating func change(at version: Int) -> Int {
    let graph = history.graph
    while changesBefore.count < graph.identityRunCount {
      let run = graph.identityRun(at: changesBefore.count - 1)
      if version < run.versions.upperBound { break }
      readCount += 1
      changesBefore.append(
        changesBefore[changesBefore.count - 1] + (run.stepsSequence ? run.versions.count : 1))
    }
    let index = Self.last(in: changesBefore.indices) {
      graph.identityRun(at: $0).versions.lowerBound <= version
    }
    let run = graph.identityRun(at: index)
    return changesBefore[index] + (run.stepsSequence ? version - run.versions.lowerBound : 0)
  }

  /// The last of some numbers for which something is true that is so for all before it; the first
  /// one when it is for none. Complexity: O(log n).
  private static func last(in numbers: Range<Int>, where isTrue: (Int) -> Bool) -> Int {
    var low = numbers.lowerBound
    var high = numbers.upperBound
    while low < high {
      let middle = (low + high) / 2
      if isTrue(middle) { low = middle + 1 } else { high = middle }
    }
    return max(numbers.lowerBound, low - 1)
  }
}
