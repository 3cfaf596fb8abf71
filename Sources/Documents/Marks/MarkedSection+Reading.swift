internal import Causality

// What a section that was replayed tells of its characters.

extension MarkedSection {
  /// Calls `body` for all units that were inserted, the deleted ones too, with the set that each
  /// has in the end.
  mutating func forEachInserted(
    _ marks: inout TextMarks, _ body: (Range<Int>, Int, inout TextMarks) -> Void
  ) {
    var place = SequenceTracker.Cursor(leaf: 0, slot: 0)
    while let here = tracker.settled(place) {
      let span = tracker.span(here)
      place = SequenceTracker.Cursor(leaf: here.leaf, slot: here.slot + 1)
      guard !span.isPlaceholder else { continue }
      var id = span.id
      while id < span.end {
        let (set, endOfSet) = insertedSets[id]
        let (cover, endOfCover) = insertedCovers[id]
        let all = self.set(set, covered: cover, onlySeen: false, &marks)
        let count = min(span.end, endOfSet, endOfCover) - id
        let events = order.events(from: id, count: count)
        body(events, all, &marks)
        id += UInt32(events.count)
      }
    }
  }

  /// Calls `body` for the characters that are visible in the end, in order: how many have the same,
  /// what that is, and the events that inserted them, nil for those of the base. The last argument
  /// gives the marks that were put on them since they came.
  mutating func forEachShown(
    _ body: (Int, MarkClaims.Source, Range<Int>?, () -> [Int]) -> Void
  ) {
    for shown in shownStretches() {
      let source = MarkClaims.Source(set: shown.set, covers: shown.covers)
      func tell(_ count: Int, _ inserted: Range<Int>?) {
        body(count, source, inserted) { marks(ofList: shown.covers) }
      }
      guard !shown.isPlaceholder else {
        tell(Int(shown.count), nil)
        continue
      }
      var offset: UInt32 = 0
      while offset < shown.count {
        let events = order.events(from: shown.index + offset, count: shown.count - offset)
        tell(events.count, events)
        offset += UInt32(events.count)
      }
    }
  }

  private func marks(ofList list: Int) -> [Int] {
    var found: [Int] = []
    var list = list
    while let (index, rest) = lists.last(of: list) {
      found.append(placed[index].mark)
      list = rest
    }
    return found
  }
}
