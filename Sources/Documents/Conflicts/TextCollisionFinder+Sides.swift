import Causality
import Sabotages

// What a passage of a text is by the will of each side.

extension TextCollisionFinder {
  /// A stretch of a passage and who did what to it.
  struct Part {
    var text: String
    var count: Int
    var isShown: Bool
    /// Who inserted it; nil when that is no side.
    var author: Int?
    /// Who else inserted it.
    var twins: Set<Int>
    /// The sides that deleted it.
    var deleters: Set<Int>
    /// Whether somebody who is no side, or a side at another time, deleted it.
    var isGone: Bool
    /// Whether it stood there for all sides.
    var isCommon: Bool

    func belongs(to side: Int) -> Bool {
      !isGone && ((author ?? side) == side || twins.contains(side)) && !deleters.contains(side)
        && (isCommon || author != nil || isShown)
    }

    var belongsToBase: Bool { author == nil && isCommon && !isGone }
  }

  func draft(
    _ passage: Passage, of section: SequenceDeeds.Section, _ places: ShownUnits,
    _ path: DocumentPath
  ) -> ConflictFinder.Draft? {
    let stretches = section.stretches[passage.stretches]
    let parts = stretches.map { part($0, passage.seeds, section.start) }
    let latest = latestOfSides(stretches, passage.seeds, section.start)
    guard isOpen(parts, passage, latest), let range = range(of: passage, in: section, places)
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
      twins: Set(stretch.twins.map(origin)),
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

extension SequenceDeeds.Stretch {
  fileprivate var withoutDeletions: SequenceDeeds.Stretch {
    SequenceDeeds.Stretch(insertions: insertions)
  }
}
