// Numbers as ranges that ascend and do not meet.
extension Array {
  /// Any ranges as ranges that ascend and do not meet. Complexity: O(n log n).
  func joined<Bound: Comparable>() -> [Range<Bound>] where Element == Range<Bound> {
    var joined: [Range<Bound>] = []
    for range in sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = joined.last, range.lowerBound <= last.upperBound {
        joined[joined.count - 1] = last.lowerBound..<Swift.max(last.upperBound, range.upperBound)
      } else {
        joined.append(range)
      }
    }
    return joined
  }

  /// Whether one of the ranges has the number. Complexity: O(log n).
  func covers<Bound: Comparable>(_ number: Bound) -> Bool where Element == Range<Bound> {
    let index = firstIndex(endingAfter: number)
    return index < count && self[index].contains(number)
  }

  /// Whether one of the ranges has a number of another range. Complexity: O(log n).
  func meets<Bound: Comparable>(_ range: Range<Bound>) -> Bool where Element == Range<Bound> {
    let index = firstIndex(endingAfter: range.lowerBound)
    return index < count && self[index].overlaps(range)
  }

  private func firstIndex<Bound: Comparable>(
    endingAfter number: Bound
  ) -> Int where Element == Range<Bound> {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].upperBound <= number { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension [Range<Int>] {
  /// Where it next changes whether ``covers(_:)`` says yes. Complexity: O(log n).
  func end(of number: Int) -> Int {
    let index = firstIndex(endingAfter: number)
    guard index < count else { return .max }
    return self[index].contains(number) ? self[index].upperBound : self[index].lowerBound
  }

  /// What these have and others have not.
  func subtracting(_ others: [Range<Int>]) -> [Range<Int>] {
    guard !others.isEmpty else { return self }
    var found: [Range<Int>] = []
    var rest = others[...]
    for range in self {
      var start = range.lowerBound
      while let other = rest.first, other.lowerBound < range.upperBound {
        if start < other.lowerBound { found.append(start..<other.lowerBound) }
        start = Swift.max(start, other.upperBound)
        if other.upperBound > range.upperBound { break }
        rest.removeFirst()
      }
      if start < range.upperBound { found.append(start..<range.upperBound) }
    }
    return found
  }

  /// What these and others have in common.
  func intersection(_ others: [Range<Int>]) -> [Range<Int>] {
    var found: [Range<Int>] = []
    var rest = others[...]
    for range in self {
      while let other = rest.first {
        let common = range.clamped(to: other)
        if !common.isEmpty { found.append(common) }
        if other.upperBound > range.upperBound { break }
        rest.removeFirst()
      }
    }
    return found
  }
}
