import Causality
import Sabotages

/// The marks of one text at one version: for each character that is visible those that it has, as
/// runs of characters that have the same.
///
/// Of each name a character has the mark that wins among all that were put on it, also when that
/// takes the mark away: one made at the same time that arrives later must find what it loses
/// against. What was put on characters that are deleted is gone with them.
///
/// **Where one types.** A new character stands between two, of which either may be an edge of the
/// text. It gets a mark that both have, one that the left has and that grows at its end, and one
/// that the right has and that grows at its start; of several of one name the winner. So a text
/// that is typed in one go gets everywhere what its first character gets, and what is deleted
/// beside it makes no difference.
///
/// Complexity: O(1) where one edits near to where one edited last, else O(runs).
struct TextMarks: Sendable {
  struct Run: Equatable, Sendable {
    /// In Unicode scalars.
    var count: Int
    /// The number of a set.
    var set: Int
  }

  /// Every mark that a set names, by number. Some may be in no set any more.
  private(set) var table: [MarkEntry] = []
  private var numberOfEvent: [EventID: Int] = [:]
  /// Marks by number, each set ascending by name. The first is empty.
  private(set) var sets: [[Int]] = [[]]
  private var numbers: [[Int]: Int] = [[]: 0]
  /// Neighbours differ, none is empty.
  private(set) var runs: ContiguousArray<Run> = []
  private(set) var count: Int

  /// A run and where it begins: near to where one edits next.
  private var place = (run: 0, start: 0)
  /// What came out last between two sets.
  private var recent = (left: 0, right: 0, set: 0)
  /// How many marks and sets there were when those of the past were forgotten last.
  private var keptCount = 0

  /// - Parameter count: of a text without marks.
  init(count: Int) {
    self.count = count
    if count > 0 { runs.append(Run(count: count, set: 0)) }
  }

  /// Whether no character has any.
  var isPlain: Bool { runs.allSatisfy { $0.set == 0 } }

  // MARK: Sets

  /// The number of a mark. One that was folded comes again for each stretch that has it.
  mutating func add(_ mark: MarkEntry) -> Int {
    if let known = numberOfEvent[mark.event] { return known }
    numberOfEvent[mark.event] = table.count
    table.append(mark)
    return table.count - 1
  }

  /// The number of a set, whose marks must ascend by name.
  mutating func number(of set: [Int]) -> Int {
    if let number = numbers[set] { return number }
    let number = sets.count
    sets.append(set)
    numbers[set] = number
    return number
  }

  /// A set after a mark was put on characters that have it. Complexity: O(marks of the set).
  mutating func set(_ set: Int, adding mark: Int) -> Int {
    var marks = sets[set]
    let name = table[mark].name
    if let index = marks.firstIndex(where: { !(table[$0].name < name) }) {
      if table[marks[index]].name == name {
        guard
          MarkEntry.precedes(table[marks[index]], table[mark]) || Sabotage.keepLastMark.isPlanted
        else { return set }
        marks[index] = mark
      } else {
        marks.insert(mark, at: index)
      }
    } else {
      marks.append(mark)
    }
    return number(of: marks)
  }

  /// What a character gets that is typed between two.
  mutating func set(between left: Int, and right: Int) -> Int {
    if left == right { return left }
    if recent.left == left, recent.right == right { return recent.set }
    var result = 0
    for mark in sets[left] where table[mark].expansion.isAtEnd || sets[right].contains(mark) {
      result = set(result, adding: mark)
    }
    for mark in sets[right] where table[mark].expansion.isAtStart {
      result = set(result, adding: mark)
    }
    recent = (left, right, result)
    return result
  }

  /// Numbers marks and sets anew, when there are more than twice as many as the last time.
  /// Complexity: O(runs and marks of their sets) then.
  mutating func forgetUnused() {
    guard table.count + sets.count > 2 * keptCount + 64 else { return }
    var compact = TextMarks(count: 0)
    var markNumbers: [Int: Int] = [:]
    var setNumbers: [Int: Int] = [:]
    for run in runs {
      var set = setNumbers[run.set]
      if set == nil {
        let marks = sets[run.set].map { mark -> Int in
          if let number = markNumbers[mark] { return number }
          let number = compact.add(table[mark])
          markNumbers[mark] = number
          return number
        }
        set = compact.number(of: marks)
        setNumbers[run.set] = set
      }
      compact.append(run.count, set ?? 0)
    }
    compact.keptCount = compact.table.count + compact.sets.count
    self = compact
  }

  // MARK: Runs

  /// Appends characters that have a set.
  mutating func append(_ added: Int, _ set: Int) {
    guard added > 0 else { return }
    count += added
    if let last = runs.indices.last, runs[last].set == set {
      runs[last].count += added
    } else {
      runs.append(Run(count: added, set: set))
    }
  }

  /// The same marks and sets, on other characters.
  mutating func replaceRuns(by parts: ContiguousArray<Run>) {
    runs.removeAll()
    count = 0
    place = (0, 0)
    for part in parts { append(part.count, part.set) }
  }

  /// Goes to the run that holds character number `position`, or to the end.
  private mutating func seek(_ position: Int) {
    if position < place.start / 2 { place = (0, 0) }
    while place.start > position {
      place.run -= 1
      place.start -= runs[place.run].count
    }
    while place.run < runs.count, place.start + runs[place.run].count <= position {
      place.start += runs[place.run].count
      place.run += 1
    }
  }

  /// Characters are typed at a position, which must be within the text.
  mutating func insert(_ added: Int, at position: Int) {
    guard added > 0, position <= count else { return }
    seek(position)
    count += added
    let index = place.run
    if position > place.start {
      runs[index].count += added
      return
    }
    let left = index > 0 ? runs[index - 1].set : 0
    let right = index < runs.count ? runs[index].set : 0
    let set = set(between: left, and: right)
    if index > 0, set == left {
      runs[index - 1].count += added
      place.start += added
    } else if index < runs.count, set == right {
      runs[index].count += added
    } else {
      runs.insert(Run(count: added, set: set), at: index)
    }
  }

  /// Characters are deleted; the range must be within the text.
  mutating func remove(_ range: Range<Int>) {
    guard !range.isEmpty, range.upperBound <= count else { return }
    seek(range.lowerBound)
    count -= range.count
    var rest = range.count
    var index = place.run
    if range.lowerBound > place.start {
      let taken = min(rest, place.start + runs[index].count - range.lowerBound)
      runs[index].count -= taken
      rest -= taken
      index += 1
    }
    var end = index
    while rest > 0, runs[end].count <= rest {
      rest -= runs[end].count
      end += 1
    }
    if rest > 0 { runs[end].count -= rest }
    runs.removeSubrange(index..<end)
    join(at: index)
  }

  /// Makes one run of two neighbours that have become alike.
  private mutating func join(at index: Int) {
    guard index > 0, index < runs.count, runs[index - 1].set == runs[index].set else { return }
    if place.run == index { place.start -= runs[index - 1].count }
    if place.run >= index { place.run -= 1 }
    runs[index - 1].count += runs[index].count
    runs.remove(at: index)
  }

  /// A mark is put on characters; the range must be within the text. Complexity: O(runs of the
  /// range), and where they lie as for ``insert(_:at:)``.
  mutating func put(_ mark: Int, on range: Range<Int>) {
    guard !range.isEmpty, range.upperBound <= count else { return }
    seek(range.lowerBound)
    let first = place.run
    var end = first
    var start = place.start
    var parts: ContiguousArray<Run> = []
    func add(_ count: Int, _ set: Int) {
      if let last = parts.indices.last, parts[last].set == set {
        parts[last].count += count
      } else if count > 0 {
        parts.append(Run(count: count, set: set))
      }
    }
    while start < range.upperBound {
      let run = runs[end]
      let inside = range.clamped(to: start..<start + run.count)
      add(inside.lowerBound - start, run.set)
      add(inside.count, set(run.set, adding: mark))
      start += run.count
      add(start - inside.upperBound, run.set)
      end += 1
    }
    runs.replaceSubrange(first..<end, with: parts)
    join(at: first + parts.count)
    join(at: first)
  }
}

extension TextMarks {
  /// Whether some character of the range has a mark of that name which does not take it away.
  func has(_ name: Key, in range: Range<Int>) -> Bool {
    var start = 0
    for run in runs {
      let end = start + run.count
      if !range.clamped(to: start..<end).isEmpty,
        sets[run.set].contains(where: { table[$0].name == name && table[$0].value != .null })
      {
        return true
      }
      start = end
    }
    return false
  }

  /// Of how many names, one left out, a character of the range has marks at most. Complexity:
  /// O(runs and the marks of those in the range).
  func nameCount(in range: Range<Int>, besides name: Key) -> Int {
    var start = 0
    var most = 0
    for run in runs {
      let end = start + run.count
      if !range.clamped(to: start..<end).isEmpty {
        most = max(most, sets[run.set].count { table[$0].name != name })
      }
      start = end
    }
    return most
  }
}
