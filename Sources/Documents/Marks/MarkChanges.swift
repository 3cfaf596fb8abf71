import Causality

/// A mark that is to be put on characters, or taken away, so that they have others than they have.
struct MarkChange: Equatable {
  var range: Range<Int>
  var name: Key
  /// Null takes it away.
  var value: Value
  var expansion: MarkExpansion
}

/// Collects what leads from some marks to others; what follows each other becomes one change.
struct MarkChanges {
  private var changes: [MarkChange] = []
  /// The last change of each name.
  private var last: [Key: Int] = [:]
  /// Whether a mark changes that reads the same but grows in another way.
  private let countsExpansion: Bool

  init(countsExpansion: Bool = true) { self.countsExpansion = countsExpansion }

  /// What readers see of a mark and what typing beside it does.
  private struct Shown: Equatable {
    var value: Value
    var expansion: MarkExpansion

    init?(_ name: Key, in marks: [MarkEntry], _ countsExpansion: Bool) {
      guard let mark = marks.first(where: { $0.name == name }), mark.value != .null else {
        return nil
      }
      value = mark.value
      expansion = countsExpansion ? mark.expansion : .after
    }
  }

  /// - Parameters:
  ///   - range: after those added before.
  ///   - before: where these are given, only what is different from them changes.
  /// - Returns: whether anything changes.
  @discardableResult
  mutating func add(
    _ range: Range<Int>, from now: [MarkEntry], to target: [MarkEntry],
    differingFrom before: [MarkEntry]? = nil
  ) -> Bool {
    var isChanged = false
    for name in Set((now + target).map(\.name)).sorted() {
      let old = Shown(name, in: now, countsExpansion)
      let new = Shown(name, in: target, countsExpansion)
      if old == new { continue }
      if let before, Shown(name, in: before, countsExpansion) == new { continue }
      isChanged = true
      let change = MarkChange(
        range: range, name: name, value: new?.value ?? .null,
        expansion: new.flatMap { _ in target.first { $0.name == name }?.expansion } ?? .after)
      if let index = last[name], changes[index].range.upperBound == range.lowerBound,
        changes[index].value == change.value, changes[index].expansion == change.expansion
      {
        changes[index].range = changes[index].range.lowerBound..<range.upperBound
      } else {
        last[name] = changes.count
        changes.append(change)
      }
    }
    return isChanged
  }

  /// By where they begin, then by name.
  var sorted: [MarkChange] {
    changes.sorted { ($0.range.lowerBound, $0.name) < ($1.range.lowerBound, $1.name) }
  }

  /// A set of marks and one of others.
  private struct Pair: Hashable {
    var now: Int
    var target: Int
  }

  /// What leads from the marks of a text to others on as many characters. Complexity: O(runs of
  /// both), and the marks of each two sets that meet anywhere and of those that differ everywhere.
  static func between(
    _ now: TextMarks, _ target: TextMarks, countsExpansion: Bool = true
  ) -> [MarkChange] {
    var changes = MarkChanges(countsExpansion: countsExpansion)
    var alike: Set<Pair> = []
    var (left, right) = (now.runs[...], target.runs[...])
    var start = 0
    while let old = left.first, let new = right.first {
      let count = min(old.count, new.count)
      let pair = Pair(now: old.set, target: new.set)
      if !alike.contains(pair) {
        let isChanged = changes.add(
          start..<start + count, from: now.sets[old.set].map { now.table[$0] },
          to: target.sets[new.set].map { target.table[$0] })
        if !isChanged { alike.insert(pair) }
      }
      start += count
      left[left.startIndex].count -= count
      right[right.startIndex].count -= count
      if old.count == count { left.removeFirst() }
      if new.count == count { right.removeFirst() }
    }
    return changes.sorted
  }
}

extension TextMarks {
  /// The marks of the characters that some patches, in the order of the text, leave; those that
  /// they bring have none. Complexity: O(runs and patches).
  func without(_ patches: [TextPatch]) -> TextMarks {
    var parts: ContiguousArray<Run> = []
    var position = 0
    var rest = runs[...]
    // Takes characters from the front, and keeps them or not.
    func take(_ wanted: Int, isKept: Bool) {
      var left = wanted
      while left > 0, let run = rest.first {
        let count = min(left, run.count)
        if isKept { parts.append(Run(count: count, set: run.set)) }
        left -= count
        if count == run.count {
          rest.removeFirst()
        } else {
          rest[rest.startIndex].count -= count
        }
      }
    }
    for patch in patches {
      take(patch.position - position, isKept: true)
      take(patch.removed, isKept: false)
      let added = patch.inserted.unicodeScalars.count
      if added > 0 { parts.append(Run(count: added, set: 0)) }
      position = patch.position + added
    }
    take(.max, isKept: true)
    var marks = self
    marks.replaceRuns(by: parts)
    return marks
  }
}

extension Editor {
  func apply(_ changes: [MarkChange], to text: ContainerHandle) throws(EditError) {
    for change in changes {
      try checkRoom(for: 1)
      record(
        text,
        .mark(
          from: change.range.lowerBound, to: change.range.upperBound, change.name, change.value,
          change.expansion))
    }
  }

  /// What the characters of a text are marked with.
  func currentMarks(of text: ContainerHandle) -> TextMarks {
    breakTypingOff()
    let slot = document.slot(of: text)
    let count = document.texts[slot].count
    return document.marks[slot] ?? TextMarks(count: count)
  }
}
