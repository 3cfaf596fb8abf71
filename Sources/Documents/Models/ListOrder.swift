/// How the elements of a list get into the order that is wanted, step by step. Elements that others
/// have put between them stay where they are.
struct ListOrder {
  enum Step {
    /// New elements, by their numbers in the list that is wanted.
    case insert(Range<Int>, at: Int)
    /// The element that was number `place` at first.
    case move(place: Int, from: Int, to: Int)
  }

  private var isRemoved: [Bool]
  private var skipped: Set<Int> = []
  /// In order; each sees the list as the ones before it, and the removals, leave it.
  private(set) var steps: [Step] = []

  init(count: Int) {
    isRemoved = Array(repeating: false, count: count)
  }

  mutating func remove(_ place: Int) { isRemoved[place] = true }

  /// A new element that is not wanted after all.
  mutating func skip(_ number: Int) { skipped.insert(number) }

  /// What was removed, ascending, as much at once as can be.
  var removals: [Range<Int>] {
    var ranges: [Range<Int>] = []
    for place in isRemoved.indices where isRemoved[place] {
      if let last = ranges.last, last.upperBound == place {
        ranges[ranges.count - 1] = last.lowerBound..<place + 1
      } else {
        ranges.append(place..<place + 1)
      }
    }
    return ranges
  }

  /// Finds the steps. Complexity: O(n) for n elements that stay in their order, and as much again
  /// for each one that does not.
  ///
  /// - Parameter origins: for each element that is wanted its place at first; nil when it is new.
  mutating func take(_ origins: [Int?], isMoved: (Int) -> Bool) {
    var places: [Int?] = isRemoved.indices.filter { !isRemoved[$0] }
    var cursor = 0
    var number = 0
    while number < origins.count {
      if skipped.contains(number) {
        number += 1
        continue
      }
      guard let place = origins[number] else {
        let start = number
        while number < origins.count, origins[number] == nil, !skipped.contains(number) {
          number += 1
        }
        steps.append(.insert(start..<number, at: cursor))
        places.insert(contentsOf: repeatElement(nil, count: number - start), at: cursor)
        cursor += number - start
        continue
      }
      let index =
        places[cursor...].firstIndex(of: place) ?? places[..<cursor].firstIndex(of: place)
      if let index, isMoved(number) {
        let end = index < cursor ? cursor - 1 : cursor
        if index != end {
          places.insert(places.remove(at: index), at: end)
          steps.append(.move(place: place, from: index, to: end))
        }
        cursor = end + 1
      } else if let index {
        cursor = index + 1
      }
      number += 1
    }
  }
}
