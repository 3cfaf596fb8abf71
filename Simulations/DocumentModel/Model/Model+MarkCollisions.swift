package import Causality
package import Documents

extension Model {
  /// Marks of one name and of different values that were put on the same characters at once.
  package struct MarkCollision: Hashable, Sendable {
    /// Where the text is.
    package var path: DocumentPath
    package var name: Key
    /// From the first to behind the last of the characters, in scalars.
    package var range: Range<Int>
    /// Sorted.
    package var marks: [EventID]

    package init(path: DocumentPath, name: Key, range: Range<Int>, marks: [EventID]) {
      self.path = path
      self.name = name
      self.range = range
      self.marks = marks
    }
  }

  /// Those of the texts that a plain read shows, text by text, in document order.
  ///
  /// Of all marks of a name that are or were on a character those count that no other one of them
  /// has seen. If these are not of one value, they contest the character. Characters that the same
  /// marks contest are one collision.
  package func markCollisions(of document: DocumentID) -> [MarkCollision] {
    read(document, nil) { model, version in
      model.isDeleted(in: version)
        ? []
        : model.shownTexts(in: version).flatMap { text, path in
          (model.sequences[text]?.collidingMarks(in: version) { model.isSeen($0, by: $1) } ?? [])
            .map { MarkCollision(path: path, name: $0.name, range: $0.range, marks: $0.marks) }
        }
    } ?? []
  }
}

extension ModelSequence {
  /// - Parameter isSeen: whether whoever made the second event had seen the first.
  fileprivate func collidingMarks(
    in version: ModelVersion, isSeen: (EventID, EventID) -> Bool
  ) -> [(name: Key, range: Range<Int>, marks: [EventID])] {
    var found: [(name: Key, range: Range<Int>, marks: [EventID])] = []
    for (position, unit) in visible(in: version).enumerated() {
      for (name, all) in Dictionary(grouping: claims(on: unit, in: version), by: { marks[$0].name })
        .sorted(by: { $0.key < $1.key })
      {
        let newest = all.filter { mark in
          !all.contains { $0 != mark && isSeen(marks[mark].event, marks[$0].event) }
        }
        guard Set(newest.map { marks[$0].value }).count > 1 else { continue }
        let events = Set(newest.map { marks[$0].event }).sorted()
        if let known = found.firstIndex(where: { $0.marks == events }) {
          found[known].range = found[known].range.lowerBound..<position + 1
        } else {
          found.append((name, position..<position + 1, events))
        }
      }
    }
    return found.sorted { left, right in
      (left.range.lowerBound, left.range.upperBound)
        != (right.range.lowerBound, right.range.upperBound)
        ? (left.range.lowerBound, left.range.upperBound)
          < (right.range.lowerBound, right.range.upperBound)
        : left.marks.lexicographicallyPrecedes(right.marks)
    }
  }
}
