/// A number for each unit of a replay by its id, as runs of ids that have the same. Complexity:
/// O(log runs) to find one, O(runs) to change some.
struct UnitMap {
  typealias ID = SequenceTracker.ID

  /// Where each run begins; the last one never ends.
  private var starts: ContiguousArray<ID> = [0]
  private var values: ContiguousArray<Int> = [0]

  private func run(of id: ID) -> Int {
    var low = 0
    var high = starts.count
    while low < high {
      let middle = (low + high) / 2
      if starts[middle] <= id { low = middle + 1 } else { high = middle }
    }
    return low - 1
  }

  /// The number of a unit, and the first id after it that may have another.
  subscript(id: ID) -> (value: Int, end: ID) {
    let run = run(of: id)
    return (values[run], run + 1 < starts.count ? starts[run + 1] : .max)
  }

  /// Gives numbers to the ids that follow all that have one.
  mutating func append(count: Int, _ value: Int, from start: ID) {
    let run = starts.count - 1
    let end = start + ID(count)
    if start == starts[run] {
      values[run] = value
    } else {
      starts.append(start)
      values.append(value)
    }
    starts.append(end)
    values.append(0)
  }

  /// Adds a mark to the lists that some ids have.
  mutating func add(_ mark: Int, to range: Range<ID>, _ lists: inout MarkLists) {
    guard !range.isEmpty else { return }
    let first = cut(at: range.lowerBound)
    let end = cut(at: range.upperBound)
    for run in first..<end { values[run] = lists.list(values[run], adding: mark) }
  }

  /// Makes a run begin at an id, and returns its index.
  private mutating func cut(at id: ID) -> Int {
    let run = run(of: id)
    if starts[run] == id { return run }
    starts.insert(id, at: run + 1)
    values.insert(values[run], at: run + 1)
    return run + 1
  }
}

/// Lists of numbers, each a number and the list of those before it. Number 0 is the empty one.
struct MarkLists {
  private struct Link: BitwiseCopyable {
    var mark: Int
    var rest: Int
  }

  private var links: ContiguousArray<Link> = []
  /// The lists made by adding the last mark, so that what was the same stays the same.
  private var made: [Int: Int] = [:]

  mutating func removeAll() {
    links.removeAll()
    made.removeAll()
  }

  mutating func list(_ list: Int, adding mark: Int) -> Int {
    if let last = links.last, last.mark == mark {
      if let known = made[list] { return known }
    } else {
      made.removeAll(keepingCapacity: true)
    }
    links.append(Link(mark: mark, rest: list))
    made[list] = links.count
    return links.count
  }

  /// The last mark of a list and the list of the others; nil when it is empty.
  func last(of list: Int) -> (mark: Int, rest: Int)? {
    guard list > 0 else { return nil }
    return (links[list - 1].mark, links[list - 1].rest)
  }
}
