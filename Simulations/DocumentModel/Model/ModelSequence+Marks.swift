import Causality
import Documents
import JSONCoding

/// What the characters of a text are marked with.
///
/// A mark is put on what its author saw between two positions. It also holds for what others typed
/// at the same time between the same two characters: between the first and the last one that the
/// author marked or, at an edge where the mark grows, the ones next to these. Whoever types after
/// that types beside characters that have marks: a new one gets those that both its neighbours
/// have, and those of one neighbour that grow towards it. Of several marks of one name on a
/// character the one with the highest Lamport time, then the highest event is the one that it has.
extension ModelSequence {
  struct Mark: Sendable {
    var event: EventID
    var lamport: UInt64
    var name: Key
    var value: Value
    var expansion: MarkExpansion
    var madeBy: Int
    /// What its author saw.
    var version = ModelVersion()
    /// The characters between which it is, nil for an end of the text, and whether it is on those.
    var low: Int?
    var high: Int?

    var growsAtStart: Bool { [.before, .both].contains(expansion) }
    var growsAtEnd: Bool { [.after, .both].contains(expansion) }
  }

  /// Marks a range of what the author's version shows. A range that is empty or that it does not
  /// have is not marked.
  mutating func mark(from: Int, to: Int, _ mark: Mark, in version: ModelVersion) {
    let visible = visible(in: version)
    guard from >= 0, from < to, to <= visible.count else { return }
    var mark = mark
    mark.version = version
    mark.low = visible[from]
    mark.high = visible[to - 1]
    if mark.growsAtStart { mark.low = from > 0 ? visible[from - 1] : nil }
    if mark.growsAtEnd { mark.high = to < visible.count ? visible[to] : nil }
    marks.append(mark)
  }

  /// The marks of a character in a version, by number, ascending by name.
  func marks(of unit: Int, in version: ModelVersion) -> [Int] {
    winners(claims(on: unit, in: version))
  }

  /// All that a character was typed with, and all that was put on it since.
  func claims(on unit: Int, in version: ModelVersion) -> [Int] {
    units[unit].marks
      + marks.indices.filter { index in
        version.contains(marks[index].madeBy) && !isSeen(marks[index], by: units[unit])
          && (isOn(marks[index], unit) || isOnAnotherName(marks[index], unit))
      }
  }

  /// What a character gets that is typed between two.
  func marks(between left: Int?, and right: Int?, in version: ModelVersion) -> [Int] {
    let ofLeft = left.map { marks(of: $0, in: version) } ?? []
    let ofRight = right.map { marks(of: $0, in: version) } ?? []
    return winners(
      ofLeft.filter { marks[$0].growsAtEnd || ofRight.contains($0) }
        + ofRight.filter { marks[$0].growsAtStart })
  }

  /// One of each name.
  private func winners(_ all: [Int]) -> [Int] {
    var best: [Key: Int] = [:]
    for mark in all {
      let other = best[marks[mark].name]
      if other.map({ stamp($0) < stamp(mark) }) ?? true { best[marks[mark].name] = mark }
    }
    return best.sorted { $0.key < $1.key }.map(\.value)
  }

  private func stamp(_ mark: Int) -> (UInt64, EventID) { (marks[mark].lamport, marks[mark].event) }

  private func isSeen(_ mark: Mark, by unit: Unit) -> Bool {
    mark.event.change == unit.event.change
      ? mark.event.index < unit.event.index : unit.version.contains(mark.madeBy)
  }

  /// Whether a mark is on another name of a character, by whose author the character was not seen.
  private func isOnAnotherName(_ mark: Mark, _ unit: Int) -> Bool {
    !mark.version.contains(units[unit].insertedBy)
      && (names[unit] ?? []).contains { name in
        mark.version.contains(units[name].insertedBy) && isOn(mark, name)
      }
  }

  private func isOn(_ mark: Mark, _ unit: Int) -> Bool {
    let place = index(of: unit)
    if let low = mark.low {
      if low == unit { return !mark.growsAtStart }
      if place < index(of: low) { return false }
    }
    if let high = mark.high {
      if high == unit { return !mark.growsAtEnd }
      if place > index(of: high) { return false }
    }
    return true
  }

  /// The marks in the form of `Document.canonicalJSON()`; nil when there are none.
  func canonicalMarks(in version: ModelVersion, _ json: (Value) -> JSONValue) -> JSONValue? {
    guard !marks.isEmpty else { return nil }
    var runs: [(count: Int, marks: [Int])] = []
    for unit in visible(in: version) {
      let marks = marks(of: unit, in: version)
      if runs.last?.marks == marks {
        runs[runs.count - 1].count += 1
      } else {
        runs.append((1, marks))
      }
    }
    guard runs.contains(where: { !$0.marks.isEmpty }) else { return nil }
    return .array(
      runs.map { count, numbers in
        let members = numbers.map { number in
          let mark = marks[number]
          return JSONObject.Member(
            key: mark.name.text,
            value: [
              "event": .string("\(mark.event)"), "lamport": .count(mark.lamport),
              "expand": .integer(Int64(mark.expansion.rawValue)), "value": json(mark.value),
            ])
        }
        return [
          "count": .count(UInt64(count)), "marks": .object(JSONObject(uniqueMembers: members)),
        ]
      })
  }
}
