import TestSupport
import Testing

@testable import Documents

@Suite("One order turned into another")
struct ListRearrangementTests {
  private func apply(
    _ steps: [ListRearrangement<Int>.Step], to old: [Int], new: [Int]
  ) -> (result: [Int], moves: Int) {
    var list = old
    var moves = 0
    for step in steps {
      switch step {
      case .remove(let at, let count): list.removeSubrange(at..<at + count)
      case .insert(let at, let range): list.insert(contentsOf: new[range], at: at)
      case .move(let element, let from, let to):
        #expect(list[from] == element)
        list.insert(list.remove(at: from), at: to)
        moves += 1
      }
    }
    return (list, moves)
  }

  /// The longest ascending subsequence, the slow way.
  private func longest(_ numbers: [Int]) -> Int {
    var best = [Int](repeating: 1, count: numbers.count)
    for index in numbers.indices {
      for before in 0..<index where numbers[before] < numbers[index] {
        best[index] = max(best[index], best[before] + 1)
      }
    }
    return best.max() ?? 0
  }

  @Test("any order comes of any other with as few moves as can be", arguments: 0..<8)
  func anyToAny(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<400 {
      let size = Int.random(in: 0...9, using: &random)
      let old = Array(
        (0..<size).shuffled(using: &random).prefix(Int.random(in: 0...9, using: &random)))
      let new = Array(
        (0..<size).shuffled(using: &random).prefix(Int.random(in: 0...9, using: &random)))
      let rearrangement = ListRearrangement(from: old, to: new)
      let (result, moves) = apply(rearrangement.steps, to: old, new: new)
      #expect(result == new, "seed \(seed): \(old) to \(new)")
      let common = old.compactMap { new.firstIndex(of: $0) }
      #expect(moves <= common.count - longest(common), "seed \(seed): \(old) to \(new)")
    }
  }

  @Test("what is fixed is not moved")
  func fixed() {
    let steps = ListRearrangement(from: [1, 2, 3], to: [2, 3, 1]) { $0 == 1 }.steps
    #expect(apply(steps, to: [1, 2, 3], new: [2, 3, 1]).moves == 2)
    #expect(ListRearrangement(from: [1, 2, 3], to: [2, 3, 1]).steps == [.move(1, from: 0, to: 2)])
  }
}
