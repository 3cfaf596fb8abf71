import Causality
import TestSupport
import Testing

@testable import Documents

/// Runs of marks against an array with a dictionary for each character.
@Suite struct TextMarksTests {
  /// What each character has, by name.
  private struct Characters {
    var marks: [[Key: MarkEntry]] = []

    mutating func insert(_ count: Int, at position: Int) {
      let left = position > 0 ? marks[position - 1] : [:]
      let right = position < marks.count ? marks[position] : [:]
      var new: [Key: MarkEntry] = [:]
      for name in Set(left.keys).union(right.keys) {
        var gained: [MarkEntry] = []
        if let mark = left[name], mark.expansion.isAtEnd || mark == right[name] {
          gained.append(mark)
        }
        if let mark = right[name], mark.expansion.isAtStart { gained.append(mark) }
        new[name] = gained.max(by: MarkEntry.precedes)
      }
      marks.insert(contentsOf: Array(repeating: new, count: count), at: position)
    }

    mutating func put(_ mark: MarkEntry, on range: Range<Int>) {
      for index in range where marks[index][mark.name].map({ MarkEntry.precedes($0, mark) }) ?? true
      {
        marks[index][mark.name] = mark
      }
    }
  }

  @Test(arguments: 0..<40)
  func runsAreWhatEachCharacterHas(seed: UInt64) {
    var random = SeededGenerator(seed: 30_000 + seed)
    let length = Int.random(in: 0...12, using: &random)
    var marks = TextMarks(count: length)
    var characters = Characters()
    characters.marks = Array(repeating: [:], count: length)
    for step in 0..<300 {
      let count = marks.count
      let at = Int.random(in: 0...count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0, 1:
        let added = Int.random(in: 1...3, using: &random)
        marks.insert(added, at: at)
        characters.insert(added, at: at)
      case 2:
        let end = min(count, at + Int.random(in: 1...5, using: &random))
        marks.remove(at..<end)
        characters.marks.removeSubrange(at..<end)
      default:
        let other = Int.random(in: 0...count, using: &random)
        let mark = MarkEntry(
          name: ["a", "b", "c"].randomElement(using: &random) ?? "a", value: .bool(true),
          expansion: MarkExpansion.allCases.randomElement(using: &random) ?? .none,
          event: EventID(
            change: ChangeID(origin: testOrigin(1), sequence: UInt64(step + 1)), index: 0),
          lamport: UInt64.random(in: 0...UInt64(step), using: &random))
        marks.apply(
          MarkOperation(version: 0, from: min(at, other), to: max(at, other), mark: mark))
        if at != other { characters.put(mark, on: min(at, other)..<max(at, other)) }
      }
      let found = Self.ofEach(marks)
      #expect(found == characters.marks, "seed \(seed), step \(step)")
      #expect(marks.runs.allSatisfy { $0.count > 0 })
      #expect(zip(marks.runs, marks.runs.dropFirst()).allSatisfy { $0.set != $1.set })
      if found != characters.marks { return }
      if step % 10 == 0 { checkPatches(of: marks, characters.marks, seed, &random) }
    }
  }

  private static func ofEach(_ marks: TextMarks) -> [[Key: MarkEntry]] {
    marks.runs.flatMap { run in
      let set = marks.sets[run.set].map { marks.table[$0] }
      return Array(
        repeating: Dictionary(uniqueKeysWithValues: set.map { ($0.name, $0) }), count: run.count)
    }
  }

  /// What patches of the text bring has no marks, and what they leave has its own.
  private func checkPatches(
    of marks: TextMarks, _ characters: [[Key: MarkEntry]], _ seed: UInt64,
    _ random: inout SeededGenerator
  ) {
    var rest = characters
    var patches: [TextPatch] = []
    var position = 0
    for _ in 0..<Int.random(in: 0...4, using: &random) {
      position = Int.random(in: position...rest.count, using: &random)
      let removed = Int.random(in: 0...min(3, rest.count - position), using: &random)
      let added = Int.random(in: 0...2, using: &random)
      rest.replaceSubrange(
        position..<position + removed, with: Array(repeating: [:], count: added))
      patches.append(
        TextPatch(
          position: position, removed: removed, inserted: String(repeating: "x", count: added)))
      position += added
    }
    let left = marks.without(patches)
    #expect(Self.ofEach(left) == rest && left.count == rest.count, "seed \(seed)")
    // As many characters without a mark: what leads from the one to the other leads there.
    let changes = MarkChanges.between(TextMarks(count: left.count), left)
    var found = [[Key: Value]](repeating: [:], count: left.count)
    for change in changes {
      for index in change.range { found[index][change.name] = change.value }
    }
    #expect(found == rest.map { $0.mapValues(\.value) }, "seed \(seed)")
  }

  /// Toggling a mark for ever leaves no more than is there.
  @Test func thePastIsForgotten() {
    var marks = TextMarks(count: 10)
    for step in 0..<10_000 {
      let mark = MarkEntry(
        name: "bold", value: step % 2 == 0 ? .bool(true) : .null, expansion: .after,
        event: EventID(
          change: ChangeID(origin: testOrigin(1), sequence: UInt64(step + 1)), index: 0),
        lamport: UInt64(step))
      marks.apply(MarkOperation(version: 0, from: 2, to: 5, mark: mark))
    }
    #expect(marks.table.count + marks.sets.count < 100)
    #expect(marks.runs.map(\.count) == [2, 3, 5])
  }

  @Test("an editor puts marks of 256 names on a character, and no more")
  func names() throws {
    var (left, _) = try apart(text: "abc")
    for number in 0..<256 { try left.mark(0..<2, "comment:\(number)") }
    #expect(throws: EditError(.limitExceeded, "")) { try left.mark(1..<3, "comment:256") }
    // One that is there can be set anew, and there is room beside.
    try left.mark(0..<3, "comment:7")
    try left.mark(2..<3, "comment:256")
    #expect(try left.document.textSpans(at: ["t"]).map(\.marks.count) == [256, 2])
  }

  @Test func aCopyKeepsItsMarks() throws {
    var (left, _) = try apart(text: "abc")
    try left.mark(0..<2, "bold")
    let copy = left.document.copy()
    try left.unmark(0..<2, "bold")
    #expect(DocumentReplica.marked(try copy.textSpans(at: ["t"])) == "[bold:ab]c")
    #expect(left.marked == "abc")
  }
}
