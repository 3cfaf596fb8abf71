import Causality

// Resolutions that meet others, and those that were taken back.

extension ConflictFinder {
  /// The resolutions that were made at once and are about the same: each pair by their events, in
  /// an order that is the same everywhere. Complexity: O(events that are named), and O(n²) for n
  /// that name one event.
  func rivalResolutions() -> [(Int, Int)] {
    guard resolutions.count > 1 else { return [] }
    var rivals: [(Int, Int)] = []
    // The resolutions so far that name an event, by their numbers.
    var naming: [EventID: [Int]] = [:]
    for (number, right) in resolutions.enumerated() {
      let earlier = Set(right.events.flatMap { naming[$0] ?? [] }).sorted()
      for left in earlier.map({ resolutions[$0] })
      where areConcurrent(left.version, right.version) {
        let isLeftFirst = history.event(at: left.version) < history.event(at: right.version)
        rivals.append(
          isLeftFirst ? (left.version, right.version) : (right.version, left.version))
      }
      for event in right.events { naming[event, default: []].append(number) }
    }
    return rivals
  }
}

extension ConflictFinder {
  /// The decision that was made with a resolution, if somebody who decided alike, at once, took
  /// that back without knowing of it: then what was brought back is gone for both, and nothing is
  /// decided.
  func decisionTakenBack(_ version: Int, _ events: [EventID]) -> DocumentHistory.Decision? {
    let group = history.decisions(alike: version, about: events)
    let isTakenBack = group.contains { other in
      let change = history.event(at: other.version).change
      return other.version != version && standings.undone.contains(change)
        && standings.undoings(of: change).contains { undoing in
          !history.graph.contains(version, in: [undoing])
        }
    }
    return isTakenBack ? group.first { $0.version == version } : nil
  }
}

extension SequenceDeeds {
  /// The deeds as if what was taken back had never been done: what stands for a unit that came back
  /// is the unit itself.
  ///
  /// Complexity: O(1) where nothing was ever taken back, else O(units of the sections).
  func withoutUndone(_ finder: ConflictFinder) -> SequenceDeeds {
    let standings = finder.standings
    guard !standings.marked.isEmpty else { return self }
    let undone: [Range<Int>] = finder.history.events(of: standings.undone)
    let ignored: [Range<Int>] = (undone + standings.marked + finder.takenBack).joined()
    var deeds = self
    deeds.sections = sections.map { section in
      var section = section
      // Units that are in the section themselves, and those for which others are.
      var known = Set(section.stretches.flatMap(\.insertions).filter { !ignored.covers($0) })
      section.stretches = section.stretches.flatMap { stretch in
        stretch.units(ignoring: ignored) { insertion, twins in
          // What one of two who decided alike takes back is there by the other's will.
          guard ignored.covers(insertion), twins.allSatisfy(ignored.covers) else {
            return insertion
          }
          let root = standings.root(of: insertion).root
          return root != insertion && known.insert(root).inserted ? root : nil
        }
      }
      return section
    }
    deeds.visible = visible.flatMap { events -> [Range<Int>] in
      var roots: [Range<Int>] = []
      var version = events.lowerBound
      while version < events.upperBound {
        let (root, end) = standings.root(of: version)
        let count = min(end, events.upperBound) - version
        roots.append(root..<root + count)
        version += count
      }
      return roots
    }
    return deeds
  }
}

extension SequenceDeeds.Stretch {
  /// The units under other names, those left out that have none, and without some deletions.
  fileprivate func units(
    ignoring ignored: [Range<Int>], named name: (Int, _ twins: [Int]) -> Int?
  ) -> [SequenceDeeds.Stretch] {
    var stretches: [SequenceDeeds.Stretch] = []
    // Which deletions the last unit has left.
    var last: [Int] = []
    for (offset, insertion) in insertions.enumerated() {
      let twins = twins.map { $0 + offset }
      guard let unit = name(insertion, twins) else { continue }
      let left = deletions.indices.filter { !ignored.covers(deletions[$0].version(of: offset)) }
      if let end = stretches.indices.last, stretches[end].insertions.upperBound == unit,
        left == last
      {
        stretches[end].insertions = stretches[end].insertions.lowerBound..<unit + 1
        continue
      }
      last = left
      stretches.append(
        SequenceDeeds.Stretch(
          insertions: unit..<unit + 1,
          deletions: left.map { number in
            let deletion = deletions[number]
            return SequenceDeeds.Deletion(
              first: deletion.version(of: offset), step: deletion.step)
          }, twins: twins))
    }
    return stretches
  }
}
