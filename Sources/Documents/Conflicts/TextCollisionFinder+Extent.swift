import Causality

// How far a passage reaches, and what of it whose deed is.

extension TextCollisionFinder {
  /// From a place in both directions as far as every unit that both authors had seen was touched by
  /// one of them.
  func extent(
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
  func isCommon(_ stretch: Stretch, to seeds: [Seed], since start: Int) -> Bool {
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
  func side(of event: Int, _ seeds: [Seed]) -> Int? {
    let author = origin(of: event)
    let isSide = seeds.contains { seed in
      origin(of: seed.left) == author && finder.areConcurrent(event, seed.right)
        || origin(of: seed.right) == author && finder.areConcurrent(event, seed.left)
    }
    return isSide ? author : nil
  }

  func side(ofInsertion stretch: Stretch, _ seeds: [Seed], _ start: Int) -> Int? {
    let inserted = stretch.insertions.lowerBound
    return inserted < start ? nil : side(of: inserted, seeds)
  }
}
