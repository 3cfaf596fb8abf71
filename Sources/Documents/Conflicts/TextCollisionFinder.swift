import Causality

/// Looks for passages of a text that people rewrote at once: both took away the same characters and
/// one of them put others there, or one wrote in the midst of what the other took away. The text
/// then has both insertions side by side, or one without what it belonged to.
///
/// What was typed at one spot at once, or taken away by both and nothing else, is merged and is no
/// conflict. Neither is a passage that somebody who had seen all sides has edited since.
///
/// Two who resolve one such conflict at once make another one of it unless the text is what each of
/// them wanted: what each has left of it is gone, or it has two wordings.
struct TextCollisionFinder {
  typealias Stretch = SequenceDeeds.Stretch

  /// Two events that were made at once and collide.
  struct Seed: Equatable {
    var left: Int
    var right: Int
  }

  /// The stretches of a section that some seeds are about.
  struct Passage {
    var stretches: ClosedRange<Int>
    var seeds: [Seed]
    var authors: Set<Int>
  }

  let finder: ConflictFinder
  let sequence: SequenceHistory
  private let deeds: SequenceDeeds
  let rivals: [Seed]

  /// - Parameter rivals: see ``ConflictFinder/rivalResolutions()``.
  init(
    _ finder: ConflictFinder, _ sequence: SequenceHistory, _ deeds: SequenceDeeds,
    _ rivals: [(Int, Int)]
  ) {
    self.finder = finder
    self.sequence = sequence
    self.deeds = deeds
    self.rivals = rivals.map { Seed(left: $0, right: $1) }
  }

  /// Those in the text, which stands at `path`, in document order.
  func conflicts(at path: DocumentPath) -> [ConflictFinder.Draft] {
    let places = ShownUnits(deeds.visible)
    return deeds.sections.flatMap { section in
      passages(of: section).compactMap { draft($0, of: section, places, path) }
    }.sorted { left, right in
      let (mine, theirs) = (left.range ?? 0..<0, right.range ?? 0..<0)
      if mine != theirs {
        return (mine.lowerBound, mine.upperBound) < (theirs.lowerBound, theirs.upperBound)
      }
      return left.sides.flatMap(\.events).lexicographicallyPrecedes(
        right.sides.flatMap(\.events))
    }
  }

  // MARK: Passages

  private func passages(of section: SequenceDeeds.Section) -> [Passage] {
    var found: [Passage] = []
    for index in section.stretches.indices {
      for seed in rewrites(of: section.stretches[index]) + intrusions(at: index, of: section) {
        let known = found.firstIndex {
          $0.stretches.contains(index) && isOfOneTime($0.seeds, [seed])
        }
        let authors = authors(of: [seed])
        if let known {
          guard !authors.isSubset(of: found[known].authors) else { continue }
          found[known].authors.formUnion(authors)
          found[known].seeds.append(seed)
          found[known].stretches = found[known].stretches.joined(
            with: extent(of: seed, around: index, in: section))
        } else {
          found.append(
            Passage(
              stretches: extent(of: seed, around: index, in: section), seeds: [seed],
              authors: authors))
        }
      }
    }
    found += rivals.compactMap { decision($0, in: section) }
    return found.sorted(by: precedes).reduce(into: []) { joined, next in
      let other = joined.firstIndex {
        $0.stretches.overlaps(next.stretches) && isOfOneTime($0.seeds, next.seeds)
      }
      guard let other else { return joined.append(next) }
      joined[other].stretches = joined[other].stretches.joined(with: next.stretches)
      joined[other].seeds += next.seeds
      joined[other].authors.formUnion(next.authors)
    }
  }

  private func precedes(_ left: Passage, _ right: Passage) -> Bool {
    let (mine, theirs) = (left.stretches, right.stretches)
    if mine != theirs {
      return (mine.lowerBound, mine.upperBound) < (theirs.lowerBound, theirs.upperBound)
    }
    return finder.history.event(at: left.seeds[0].left)
      < finder.history.event(at: right.seeds[0].left)
  }

  /// Whether whoever made the later ones had seen all of the earlier ones.
  private func isOlder(_ earlier: [Seed], than later: [Seed]) -> Bool {
    earlier.allSatisfy { old in
      later.allSatisfy { new in
        [old.left, old.right].allSatisfy { event in
          finder.isBefore(event, new.left) && finder.isBefore(event, new.right)
        }
      }
    }
  }

  private func isOfOneTime(_ left: [Seed], _ right: [Seed]) -> Bool {
    !isOlder(left, than: right) && !isOlder(right, than: left)
  }

  func authors(of seeds: [Seed]) -> Set<Int> {
    Set(seeds.flatMap { [origin(of: $0.left), origin(of: $0.right)] })
  }

  /// What two authors took away, each without knowing of the other.
  private func rewrites(of stretch: Stretch) -> [Seed] {
    let deletions = deletions(of: stretch)
    guard deletions.count > 1 else { return [] }
    return deletions.indices.flatMap { left in
      deletions[(left + 1)...].compactMap { right in
        isRival(deletions[left], right) ? Seed(left: deletions[left], right: right) : nil
      }
    }
  }

  /// The events that deleted the first unit of a stretch, in an order that is the same everywhere.
  private func deletions(of stretch: Stretch) -> [Int] {
    guard stretch.deletions.count > 1 else { return stretch.deletions.map(\.first) }
    return stretch.deletions.map(\.first).sorted {
      finder.history.event(at: $0) < finder.history.event(at: $1)
    }
  }

  private func isRival(_ left: Int, _ right: Int) -> Bool {
    finder.areConcurrent(left, right) && origin(of: left) != origin(of: right)
  }

  func origin(of version: Int) -> Int { finder.history.graph.event(at: version).origin }

  /// What stands in the midst of what another author took away meanwhile.
  private func intrusions(at index: Int, of section: SequenceDeeds.Section) -> [Seed] {
    let stretch = section.stretches[index]
    let insertion = stretch.insertions.lowerBound
    guard insertion >= section.start, stretch.deletions.isEmpty else { return [] }
    let before = closing(
      insertion, section, section.stretches.indices[..<index].reversed().lazy.map { $0 })
    guard !before.isEmpty else { return [] }
    let after = closing(
      insertion, section, section.stretches.indices[(index + 1)...].lazy.map { $0 })
    return before.compactMap { deletion in
      after.contains { origin(of: $0) == origin(of: deletion) }
        ? Seed(left: deletion, right: insertion) : nil
    }
  }

  /// The events that deleted, at the same time as `insertion` was made, what stood next to it; none
  /// when that still stands.
  private func closing(
    _ insertion: Int, _ section: SequenceDeeds.Section, _ neighbours: some Sequence<Int>
  ) -> [Int] {
    // Written by the same author, perhaps unknown to whoever deleted what is around.
    var own: [Int] = []
    for index in neighbours {
      let stretch = section.stretches[index]
      let inserted = stretch.insertions.lowerBound
      guard inserted < section.start || finder.isBefore(inserted, insertion) else { continue }
      let deletions = deletions(of: stretch)
      let rivals = deletions.filter { isRival($0, insertion) }
      guard rivals.isEmpty else {
        return rivals.filter { rival in own.allSatisfy { finder.areConcurrent($0, rival) } }
      }
      // What its author had taken away, before or after, was no neighbour to them.
      if deletions.contains(where: {
        origin(of: $0) == origin(of: insertion) || finder.isBefore($0, insertion)
      }) {
        continue
      }
      guard inserted >= section.start, origin(of: inserted) == origin(of: insertion) else {
        return []
      }
      own.append(inserted)
    }
    return []
  }
}

extension ClosedRange<Int> {
  fileprivate func joined(with other: ClosedRange<Int>) -> ClosedRange<Int> {
    Swift.min(lowerBound, other.lowerBound)...Swift.max(upperBound, other.upperBound)
  }
}
