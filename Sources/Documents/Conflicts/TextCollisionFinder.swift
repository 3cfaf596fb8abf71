import Causality
import Sabotages

/// Looks for passages of a text that people rewrote at once: both took away the same characters and
/// one of them put others there, or one wrote in the midst of what the other took away. The text
/// then has both insertions side by side, or one without what it belonged to.
///
/// What was typed at one spot at once, or taken away by both and nothing else, is merged and is no
/// conflict. Neither is a passage that somebody who had seen all sides has edited since.
///
/// Two who resolve one such conflict at once make another one of it unless the text is what each of
/// them wanted: it has twice what both brought back, or what each has left of it is gone.
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
  private let sequence: SequenceHistory
  private let deeds: SequenceDeeds
  let rivals: [Seed]

  /// - Parameter rivals: see ``ConflictFinder/rivalResolutions``.
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

  private func origin(of version: Int) -> Int { finder.history.graph.event(at: version).origin }

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

  // MARK: How far a passage reaches

  /// From a place in both directions as far as every unit that both authors had seen was touched by
  /// one of them.
  private func extent(
    of seed: Seed, around index: Int, in section: SequenceDeeds.Section
  ) -> ClosedRange<Int> {
    var lower = index
    var upper = index
    var next = index - 1
    while next >= 0 {
      let stretch = section.stretches[next]
      if isTouched(stretch, by: [seed], since: section.start) {
        lower = next
      } else if isCommon(stretch, to: [seed], since: section.start) {
        break
      }
      next -= 1
    }
    next = index + 1
    while next < section.stretches.count {
      let stretch = section.stretches[next]
      if isTouched(stretch, by: [seed], since: section.start) {
        upper = next
      } else if isCommon(stretch, to: [seed], since: section.start) {
        break
      }
      next += 1
    }
    return lower...upper
  }

  private func isTouched(_ stretch: Stretch, by seeds: [Seed], since start: Int) -> Bool {
    side(ofInsertion: stretch, seeds, start) != nil
      || stretch.deletions.contains { side(of: $0.first, seeds) != nil }
  }

  /// Whether a stretch stood there for all authors of the seeds.
  private func isCommon(_ stretch: Stretch, to seeds: [Seed], since start: Int) -> Bool {
    let inserted = stretch.insertions.lowerBound
    return seeds.allSatisfy { seed in
      [seed.left, seed.right].allSatisfy { event in
        (inserted < start || finder.isBefore(inserted, event))
          && !stretch.deletions.contains { finder.isBefore($0.first, event) }
      }
    }
  }

  /// The author, of those of the seeds, who made an event at the same time as another of them did
  /// what collides; nil when none did.
  private func side(of event: Int, _ seeds: [Seed]) -> Int? {
    let author = origin(of: event)
    let isSide = seeds.contains { seed in
      origin(of: seed.left) == author && finder.areConcurrent(event, seed.right)
        || origin(of: seed.right) == author && finder.areConcurrent(event, seed.left)
    }
    return isSide ? author : nil
  }

  private func side(ofInsertion stretch: Stretch, _ seeds: [Seed], _ start: Int) -> Int? {
    let inserted = stretch.insertions.lowerBound
    return inserted < start ? nil : side(of: inserted, seeds)
  }

  // MARK: Sides

  /// A stretch of a passage and who did what to it.
  struct Part {
    var text: String
    var count: Int
    var isShown: Bool
    /// Who inserted it; nil when that is no side.
    var author: Int?
    /// The sides that deleted it.
    var deleters: Set<Int>
    /// Whether somebody who is no side, or a side at another time, deleted it.
    var isGone: Bool
    /// Whether it stood there for all sides.
    var isCommon: Bool

    func belongs(to side: Int) -> Bool {
      !isGone && (author ?? side) == side && !deleters.contains(side)
        && (isCommon || author != nil || isShown)
    }

    var belongsToBase: Bool { author == nil && isCommon && !isGone }
  }

  private func draft(
    _ passage: Passage, of section: SequenceDeeds.Section, _ places: ShownUnits,
    _ path: DocumentPath
  ) -> ConflictFinder.Draft? {
    let stretches = section.stretches[passage.stretches]
    let parts = stretches.map { part($0, passage.seeds, section.start) }
    let latest = latestOfSides(stretches, passage.seeds, section.start)
    guard
      parts.contains(where: { $0.isShown && $0.author != nil })
        || isUndecided(parts, passage, latest),
      let range = range(of: passage, in: section, places)
    else { return nil }
    guard latest.count > 1, !isSettled(stretches, by: latest, since: section.start) else {
      return nil
    }
    let events = latest.values.map { finder.history.event(at: $0) }.sorted()
    guard
      !finder.unresolved(Array(latest.values), by: events).isEmpty
        || Sabotage.forgetDecisions.isPlanted
    else { return nil }
    let stamps = finder.history.stamps(of: Array(latest.values))
    let sides = latest.sorted { left, right in
      let (leftLamport, rightLamport) = (
        stamps[left.value]?.lamport ?? 0, stamps[right.value]?.lamport ?? 0
      )
      return leftLamport != rightLamport
        ? leftLamport < rightLamport
        : finder.history.event(at: left.value) < finder.history.event(at: right.value)
    }
    return ConflictFinder.Draft(
      kind: .text, path: path,
      sides: sides.map { author, version in
        ConflictFinder.Draft.Side(
          version: version, events: [finder.history.event(at: version)],
          text: passageText(parts, from: range.lowerBound) { $0.belongs(to: author) })
      },
      range: range,
      baseText: passageText(parts, from: range.lowerBound, \.belongsToBase))
  }

  /// Where a passage stands, behind what is before it when nothing of it does; nil when somebody
  /// has edited it since its section.
  private func range(
    of passage: Passage, in section: SequenceDeeds.Section, _ places: ShownUnits
  ) -> Range<Int>? {
    let shown = section.stretches[passage.stretches].filter { $0.deletions.isEmpty }
    if !shown.isEmpty { return places.range(of: shown.map(\.insertions)) }
    let before = section.stretches[..<passage.stretches.lowerBound].reversed().lazy
      .filter { $0.deletions.isEmpty }
      .compactMap { places.position(of: $0.insertions.upperBound - 1) }.first
    let position = before.map { $0 + 1 } ?? 0
    return position..<position
  }

  private func part(_ stretch: Stretch, _ seeds: [Seed], _ start: Int) -> Part {
    let deleters = stretch.deletions.map { side(of: $0.first, seeds) }
    return Part(
      text: text(of: stretch.insertions), count: stretch.insertions.count,
      isShown: stretch.deletions.isEmpty, author: side(ofInsertion: stretch, seeds, start),
      deleters: Set(deleters.compactMap { $0 }), isGone: deleters.contains(nil),
      isCommon: isCommon(stretch.withoutDeletions, to: seeds, since: start))
  }

  private func text(of events: Range<Int>) -> String {
    var text = ""
    var index = sequence.log.firstRun(from: events.lowerBound)
    var version = events.lowerBound
    while version < events.upperBound, index < sequence.log.runCount {
      let run = sequence.log[index].slice(version..<events.upperBound)
      guard run.kind == .insert, run.version == version else { break }
      text += sequence.log.text(ofContent: run.content..<run.content + run.count)
      version = run.end
      index += 1
    }
    return text
  }

  /// The last event of each side in the passage.
  private func latestOfSides(
    _ stretches: ArraySlice<Stretch>, _ seeds: [Seed], _ start: Int
  ) -> [Int: Int] {
    var latest: [Int: Int] = [:]
    func note(_ event: Int, _ side: Int?) {
      guard let side else { return }
      latest[side] = max(latest[side] ?? event, event)
    }
    // Who resolves a conflict to what is there anyway does nothing to the text.
    for seed in seeds where rivals.contains(seed) {
      note(seed.left, origin(of: seed.left))
      note(seed.right, origin(of: seed.right))
    }
    for stretch in stretches {
      note(stretch.insertions.upperBound - 1, side(ofInsertion: stretch, seeds, start))
      for deletion in stretch.deletions {
        note(deletion.last(of: stretch.insertions.count), side(of: deletion.first, seeds))
      }
    }
    return latest
  }

  /// Whether somebody who had seen all sides has edited the passage within its section.
  private func isSettled(
    _ stretches: ArraySlice<Stretch>, by latest: [Int: Int], since start: Int
  ) -> Bool {
    func isLater(_ event: Int) -> Bool {
      event >= start && latest.values.allSatisfy { finder.isBefore($0, event) }
    }
    return stretches.contains { stretch in
      isLater(stretch.insertions.lowerBound)
        ? stretch.deletions.isEmpty : stretch.deletions.contains { isLater($0.first) }
    }
  }

  /// What the passage is by some of its parts, and what leads there from the text as it is.
  private func passageText(
    _ parts: [Part], from start: Int, _ belongs: (Part) -> Bool
  ) -> TextVersion {
    var version = TextVersion()
    var position = start
    for part in parts {
      let isWanted = belongs(part)
      if isWanted { version.text += part.text }
      switch (part.isShown, isWanted) {
      case (true, true): position += part.count
      case (true, false): version.replace(at: position, removed: part.count, inserted: "")
      case (false, true):
        version.replace(at: position, removed: 0, inserted: part.text)
        position += part.count
      case (false, false): break
      }
    }
    return version
  }
}

/// What a passage of a text is by the will of one side.
package struct TextVersion: Hashable, Sendable {
  package var text = ""
  /// What leads there from the text as it is.
  package var patches: [TextPatch] = []

  fileprivate mutating func replace(at position: Int, removed: Int, inserted: String) {
    if let last = patches.last,
      position == last.position + last.inserted.unicodeScalars.count,
      removed == 0 || last.inserted.isEmpty || inserted.isEmpty
    {
      patches[patches.count - 1].removed += removed
      patches[patches.count - 1].inserted += inserted
      return
    }
    patches.append(TextPatch(position: position, removed: removed, inserted: inserted))
  }
}

extension SequenceDeeds.Stretch {
  fileprivate var withoutDeletions: SequenceDeeds.Stretch {
    SequenceDeeds.Stretch(insertions: insertions)
  }
}

extension ClosedRange<Int> {
  fileprivate func joined(with other: ClosedRange<Int>) -> ClosedRange<Int> {
    Swift.min(lowerBound, other.lowerBound)...Swift.max(upperBound, other.upperBound)
  }
}
