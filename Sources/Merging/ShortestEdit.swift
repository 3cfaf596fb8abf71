/// The search for the shortest edit between two sequences: from both ends at once, diagonal by
/// diagonal, until the two meet; then the same for what lies before and behind that place.
///
/// A diagonal k holds the places with x - y = k, where x counts tokens of the old sequence and y of
/// the new. After d rounds `forward[k]` is how far down diagonal k one comes from the start with d
/// insertions and deletions, and `backward[k]` how far up from the end. The arrays have a place
/// more at either end, so that a neighbour is always there.
struct ShortestEdit {
  private let old: [UInt32]
  private let new: [UInt32]
  private(set) var isOldChanged: [Bool]
  private(set) var isNewChanged: [Bool]
  private var forward: [Int] = []
  private var backward: [Int] = []
  /// Where diagonal 0 is in those.
  private let middle: Int
  private let roundsMax: Int

  /// Nowhere: less than any place, or more.
  private static let below = Int.min / 2
  private static let beyond = Int.max / 2

  init(_ old: [UInt32], _ new: [UInt32]) {
    self.old = old
    self.new = new
    isOldChanged = Array(repeating: false, count: old.count)
    isNewChanged = Array(repeating: false, count: new.count)
    middle = new.count + 1
    // Each search that is given up costs its rounds squared and takes at least its rounds off what
    // is left, so the whole stays below this many steps, more or less.
    let steps = 50_000_000
    roundsMax = max(8, min(256, steps / max(1, old.count + new.count)))
  }

  private struct Box {
    var x: Range<Int>
    var y: Range<Int>
  }

  mutating func search() {
    forward = Array(repeating: 0, count: old.count + new.count + 3)
    backward = forward
    var boxes = [Box(x: 0..<old.count, y: 0..<new.count)]
    while var box = boxes.popLast() {
      trim(&box)
      if box.x.isEmpty {
        for y in box.y { isNewChanged[y] = true }
      } else if box.y.isEmpty {
        for x in box.x { isOldChanged[x] = true }
      } else {
        let (x, y) = meeting(in: box)
        boxes.append(Box(x: x..<box.x.upperBound, y: y..<box.y.upperBound))
        boxes.append(Box(x: box.x.lowerBound..<x, y: box.y.lowerBound..<y))
      }
    }
  }

  private func trim(_ box: inout Box) {
    var (x, y) = (box.x.lowerBound, box.y.lowerBound)
    var (endX, endY) = (box.x.upperBound, box.y.upperBound)
    while x < endX, y < endY, old[x] == new[y] {
      x += 1
      y += 1
    }
    while x < endX, y < endY, old[endX - 1] == new[endY - 1] {
      endX -= 1
      endY -= 1
    }
    box = Box(x: x..<endX, y: y..<endY)
  }

  /// A place on a shortest way through the box, or a good one when the search is given up. Both
  /// sides of the box are not empty, and its first and last tokens differ, so it is neither corner.
  private mutating func meeting(in box: Box) -> (x: Int, y: Int) {
    let lowest = box.x.lowerBound - box.y.upperBound
    let highest = box.x.upperBound - box.y.lowerBound
    let start = box.x.lowerBound - box.y.lowerBound
    let end = box.x.upperBound - box.y.upperBound
    let meetsForward = (start - end) % 2 != 0
    var down = Sweep(start)
    var up = Sweep(end)
    forward[middle + start] = box.x.lowerBound
    backward[middle + end] = box.x.upperBound
    for round in 1... {
      down.widen(lowest, highest, outside: Self.below, in: &forward, middle)
      for k in stride(from: down.high, through: down.low, by: -2) {
        let x = advance(k, in: box)
        if meetsForward, up.holds(k), backward[middle + k] <= x, x >= box.x.lowerBound {
          return (x, x - k)
        }
      }
      up.widen(lowest, highest, outside: Self.beyond, in: &backward, middle)
      for k in stride(from: up.high, through: up.low, by: -2) {
        let x = retreat(k, in: box)
        if !meetsForward, down.holds(k), x <= forward[middle + k], x <= box.x.upperBound {
          return (x, x - k)
        }
      }
      if round >= roundsMax { break }
    }
    return furthest(down, up, in: box)
  }

  /// The diagonals of one direction that a round looks at: every second one from low to high.
  private struct Sweep {
    var low: Int
    var high: Int

    init(_ k: Int) {
      low = k
      high = k
    }

    func holds(_ k: Int) -> Bool { low <= k && k <= high }

    mutating func widen(
      _ lowest: Int, _ highest: Int, outside: Int, in places: inout [Int], _ middle: Int
    ) {
      if low > lowest {
        low -= 1
        places[middle + low - 1] = outside
      } else {
        low += 1
      }
      if high < highest {
        high += 1
        places[middle + high + 1] = outside
      } else {
        high -= 1
      }
    }
  }

  private mutating func advance(_ k: Int, in box: Box) -> Int {
    let left = forward[middle + k - 1]
    let above = forward[middle + k + 1]
    let canRight = left >= box.x.lowerBound && left < box.x.upperBound
    let canDown = above >= box.x.lowerBound && above - k <= box.y.upperBound
    guard canRight || canDown else {
      forward[middle + k] = Self.below
      return Self.below
    }
    var x = canRight && (!canDown || left >= above) ? left + 1 : above
    var y = x - k
    while x < box.x.upperBound, y < box.y.upperBound, old[x] == new[y] {
      x += 1
      y += 1
    }
    forward[middle + k] = x
    return x
  }

  private mutating func retreat(_ k: Int, in box: Box) -> Int {
    let below = backward[middle + k - 1]
    let right = backward[middle + k + 1]
    let canUp = below <= box.x.upperBound && below - k >= box.y.lowerBound
    let canLeft = right <= box.x.upperBound && right > box.x.lowerBound
    guard canUp || canLeft else {
      backward[middle + k] = Self.beyond
      return Self.beyond
    }
    var x = canUp && (!canLeft || below < right) ? below : right - 1
    var y = x - k
    while x > box.x.lowerBound, y > box.y.lowerBound, old[x - 1] == new[y - 1] {
      x -= 1
      y -= 1
    }
    backward[middle + k] = x
    return x
  }

  /// Where the search came furthest, in either direction.
  private func furthest(_ down: Sweep, _ up: Sweep, in box: Box) -> (x: Int, y: Int) {
    var ahead = (x: box.x.lowerBound, y: box.y.lowerBound)
    for k in stride(from: down.high, through: down.low, by: -2) {
      let x = forward[middle + k]
      if x != Self.below, 2 * x - k > ahead.x + ahead.y { ahead = (x, x - k) }
    }
    var back = (x: box.x.upperBound, y: box.y.upperBound)
    for k in stride(from: up.high, through: up.low, by: -2) {
      let x = backward[middle + k]
      if x != Self.beyond, 2 * x - k < back.x + back.y { back = (x, x - k) }
    }
    let came = ahead.x + ahead.y - box.x.lowerBound - box.y.lowerBound
    let went = box.x.upperBound + box.y.upperBound - back.x - back.y
    return came >= went ? ahead : back
  }
}
