import TestSupport
import Testing

@testable import Merging

@Suite("The difference of two sequences")
struct SequenceDifferenceTests {
  /// Every sequence of up to `count` of two tokens.
  private static func sequences(upTo count: Int) -> [[UInt32]] {
    var all: [[UInt32]] = [[]]
    var last: [[UInt32]] = [[]]
    for _ in 0..<count {
      last = last.flatMap { [$0 + [0], $0 + [1]] }
      all += last
    }
    return all
  }

  private func apply(_ hunks: [Hunk], to old: [UInt32], _ new: [UInt32]) -> [UInt32] {
    var result = old
    for hunk in hunks.reversed() { result.replaceSubrange(hunk.old, with: new[hunk.new]) }
    return result
  }

  /// The length of the longest common subsequence, by the book.
  private func commonCount(_ old: [UInt32], _ new: [UInt32]) -> Int {
    var row = Array(repeating: 0, count: new.count + 1)
    for token in old {
      var diagonal = 0
      for (index, other) in new.enumerated() {
        let above = row[index + 1]
        row[index + 1] = token == other ? diagonal + 1 : max(above, row[index])
        diagonal = above
      }
    }
    return row[new.count]
  }

  private func check(_ old: [UInt32], _ new: [UInt32], _ order: SequenceDifference.Order) {
    let hunks = SequenceDifference.hunks(from: old, to: new, searching: order)
    let report: Comment = "\(old) to \(new), \(order): \(hunks)"
    #expect(apply(hunks, to: old, new) == new, report)
    let gone = hunks.reduce(0) { $0 + $1.old.count }
    #expect(gone == old.count - commonCount(old, new), "not the shortest: \(report)")
    for (left, right) in zip(hunks, hunks.dropFirst()) {
      #expect(left.old.upperBound < right.old.lowerBound, report)
      #expect(left.new.upperBound < right.new.lowerBound, report)
    }
  }

  @Test("is right and the shortest, for all short sequences", arguments: 0..<3 as Range)
  func exhaustive(orderIndex: Int) {
    let order = SequenceDifference.Order.allCases[orderIndex]
    let sequences = Self.sequences(upTo: 5)
    for old in sequences {
      for new in sequences { check(old, new, order) }
    }
  }

  @Test("is right and the shortest, at random", arguments: 0..<60 as Range<UInt64>)
  func random(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let alphabet = UInt32.random(in: 1...12, using: &generator)
    func sequence() -> [UInt32] {
      (0..<Int.random(in: 0...80, using: &generator)).map { _ in
        UInt32.random(in: 0..<alphabet, using: &generator)
      }
    }
    let (old, new) = (sequence(), sequence())
    for order in SequenceDifference.Order.allCases { check(old, new, order) }
  }

  @Test("what can lie further down does, and beside what the other side put in")
  func settles() {
    // Which of three like tokens went? The last.
    #expect(
      SequenceDifference.hunks(from: [1, 1, 1, 2], to: [1, 1, 2])
        == [Hunk(old: 2..<3, new: 2..<2)])
    #expect(
      SequenceDifference.hunks(from: [5, 1, 1, 2], to: [5, 1, 9, 2])
        == [Hunk(old: 2..<3, new: 2..<3)])
  }

  @Test("sequences that have nothing in common are one hunk; long random ones end, and are right")
  func far() {
    let low = (0..<20_000).map { UInt32($0) }
    #expect(
      SequenceDifference.hunks(from: low, to: low.map { $0 + 20_000 })
        == [Hunk(old: 0..<20_000, new: 0..<20_000)])
    var generator = SeededGenerator(seed: 7)
    let old = low.map { _ in UInt32.random(in: 0..<50, using: &generator) }
    let new = low.map { _ in UInt32.random(in: 0..<50, using: &generator) }
    let hunks = SequenceDifference.hunks(from: old, to: new)
    let isRight = apply(hunks, to: old, new) == new
    #expect(isRight)
  }
}
