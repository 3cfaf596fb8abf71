package import Causality
package import Documents

extension Model {
  /// A passage of a text that several people rewrote at once.
  package struct TextCollision: Hashable, Sendable {
    /// Where it stands in the text as it is, in scalars.
    package var range: Range<Int>
    package var base: String
    /// What each author wanted.
    package var sides: [Origin: String]

    package init(range: Range<Int>, base: String, sides: [Origin: String]) {
      self.range = range
      self.base = base
      self.sides = sides
    }
  }

  /// Every such passage that nobody who has seen all sides has edited since, in document order.
  ///
  /// - Two people *rewrote* a unit when each removed it without knowing of the other. One
  ///   *intruded* on the other when what they inserted has, to its left and to its right, next of
  ///   all that they had seen and that was there, units that the other removed without knowing of
  ///   it.
  /// - The passage reaches from there to both sides up to the first unit that both had seen and
  ///   neither touched at the time. Passages that overlap are one, unless one of them was there for
  ///   all who made the other.
  /// - It is a collision when something that somebody inserted then is still there.
  package func textCollisions(
    of document: DocumentID, in text: ContainerID
  ) -> [TextCollision] {
    read(document, nil) { model, _ in
      TextCollisionSearch(model, text).collisions().map(\.collision)
    } ?? []
  }

  /// The passages of all texts that a plain read shows.
  package struct TextCollisions: Sendable {
    package struct Text: Sendable {
      package var path: DocumentPath
      /// Those about whose sides nobody has decided, in document order.
      package var open: [TextCollision]
    }

    package var texts: [Text]
  }

  /// Nil when people have decided about one thing at once: what each of them did to a text for that
  /// collides with the other's in ways of its own.
  package func textCollisions(of document: DocumentID) -> TextCollisions? {
    read(document, nil) { model, version in
      guard !model.isDeleted(in: version) else { return TextCollisions(texts: []) }
      guard !model.hasRivalDecisions else { return nil }
      return TextCollisions(
        texts: model.shownTexts(in: version).map { text, path in
          TextCollisions.Text(
            path: path,
            open: TextCollisionSearch(model, text).collisions().filter { found in
              !model.decisions.contains { decision in
                found.latest.allSatisfy(decision.events.contains)
              }
            }.map(\.collision))
        })
    } ?? TextCollisions(texts: [])
  }
}

extension ModelDocument {
  fileprivate var hasRivalDecisions: Bool {
    decisions.indices.contains { left in
      decisions[(left + 1)...].contains { right in
        decisions[left].events.contains(where: right.events.contains)
          && !parts[right.madeBy].past.contains(decisions[left].madeBy)
          && !parts[decisions[left].madeBy].past.contains(right.madeBy)
      }
    }
  }
}

/// The definition, word by word and without regard to cost.
private struct TextCollisionSearch {
  private struct Passage {
    var units: ClosedRange<Int>
    /// Two changes each, made at once.
    var pairs: [(left: Int, right: Int)]
  }

  private let model: ModelDocument
  /// From left to right, removed ones too.
  private let units: [ModelSequence.Unit]

  init(_ model: ModelDocument, _ text: ContainerID) {
    self.model = model
    units = model.sequences[text]?.unitsInOrder ?? []
  }

  private func author(_ change: Int) -> Origin { model.parts[change].change.origin }

  private func isBefore(_ earlier: Int, _ later: Int) -> Bool {
    earlier != later && model.parts[later].past.contains(earlier)
  }

  private func areAtOnce(_ left: Int, _ right: Int) -> Bool {
    left != right && !isBefore(left, right) && !isBefore(right, left)
  }

  private func areRivals(_ left: Int, _ right: Int) -> Bool {
    areAtOnce(left, right) && author(left) != author(right)
  }

  /// With the last event of each side.
  func collisions() -> [(collision: Model.TextCollision, latest: [EventID])] {
    var passages: [Passage] = []
    for place in units.indices {
      for pair in rewrites(at: place) + intrusions(at: place) {
        let known = passages.firstIndex {
          $0.units.contains(place) && !isOlder($0.pairs, than: [pair])
            && !isOlder([pair], than: $0.pairs)
        }
        guard let known else {
          passages.append(Passage(units: extent(of: pair, place), pairs: [pair]))
          continue
        }
        let authors = Set(passages[known].pairs.flatMap { [author($0.left), author($0.right)] })
        guard !authors.isSuperset(of: [author(pair.left), author(pair.right)]) else { continue }
        let bounds = [passages[known].units, extent(of: pair, place)]
        let lower = bounds.map(\.lowerBound).min() ?? place
        passages[known].units = lower...(bounds.map(\.upperBound).max() ?? place)
        passages[known].pairs.append(pair)
      }
    }
    var joined: [Passage] = []
    for passage in passages.sorted(by: precedes) {
      let other = joined.firstIndex {
        $0.units.overlaps(passage.units) && !isOlder($0.pairs, than: passage.pairs)
          && !isOlder(passage.pairs, than: $0.pairs)
      }
      guard let other else {
        joined.append(passage)
        continue
      }
      let bounds = [joined[other].units, passage.units]
      let lower = bounds.map(\.lowerBound).min() ?? 0
      joined[other] = Passage(
        units: lower...(bounds.map(\.upperBound).max() ?? lower),
        pairs: joined[other].pairs + passage.pairs)
    }
    return joined.compactMap(collision).sorted {
      $0.collision.range.lowerBound < $1.collision.range.lowerBound
    }
  }

  private func precedes(_ left: Passage, _ right: Passage) -> Bool {
    let (mine, theirs) = (left.units, right.units)
    if mine != theirs {
      return (mine.lowerBound, mine.upperBound) < (theirs.lowerBound, theirs.upperBound)
    }
    return model.parts[left.pairs[0].left].change < model.parts[right.pairs[0].left].change
  }

  /// Whether whoever made the later ones had seen all of the earlier ones.
  private func isOlder(
    _ earlier: [(left: Int, right: Int)], than later: [(left: Int, right: Int)]
  ) -> Bool {
    earlier.flatMap { [$0.left, $0.right] }.allSatisfy { old in
      later.flatMap { [$0.left, $0.right] }.allSatisfy { isBefore(old, $0) }
    }
  }

  // MARK: Where

  private func removers(of unit: ModelSequence.Unit) -> [Int] {
    unit.removedBy.sorted { model.parts[$0].change < model.parts[$1].change }
  }

  private func rewrites(at place: Int) -> [(left: Int, right: Int)] {
    let removers = removers(of: units[place])
    var found: [(left: Int, right: Int)] = []
    for left in removers.indices {
      for right in removers[(left + 1)...] where areRivals(removers[left], right) {
        found.append((removers[left], right))
      }
    }
    return found
  }

  private func intrusions(at place: Int) -> [(left: Int, right: Int)] {
    guard units[place].removedBy.isEmpty else { return [] }
    let inserted = units[place].insertedBy
    let before = neighbours(of: inserted, units[..<place].reversed())
    let after = neighbours(of: inserted, Array(units[(place + 1)...]))
    return before.filter { removal in after.contains { author($0) == author(removal) } }
      .map { ($0, inserted) }
  }

  /// Who removed, at the same time, the next unit that there was for the author of an insertion.
  private func neighbours(of insertion: Int, _ units: [ModelSequence.Unit]) -> [Int] {
    var own: [Int] = []
    for unit in units
    where unit.insertedBy == insertion || isBefore(unit.insertedBy, insertion) {
      let removers = removers(of: unit)
      let rivals = removers.filter { areRivals($0, insertion) }
      guard rivals.isEmpty else {
        return rivals.filter { rival in own.allSatisfy { areAtOnce($0, rival) } }
      }
      if removers.contains(where: {
        author($0) == author(insertion) || isBefore($0, insertion)
      }) {
        continue
      }
      guard author(unit.insertedBy) == author(insertion) else { return [] }
      own.append(unit.insertedBy)
    }
    return []
  }

  private func extent(of pair: (left: Int, right: Int), _ place: Int) -> ClosedRange<Int> {
    var (lower, upper) = (place, place)
    for step in [-1, 1] {
      var next = place + step
      while units.indices.contains(next) {
        if isTouched(units[next], by: [pair]) {
          if step < 0 { lower = next } else { upper = next }
        } else if isCommon(units[next], to: [pair], exceptRemoved: true) {
          break
        }
        next += step
      }
    }
    return lower...upper
  }

  private func isTouched(_ unit: ModelSequence.Unit, by pairs: [(left: Int, right: Int)]) -> Bool {
    ([unit.insertedBy] + unit.removedBy).contains { side(of: $0, pairs) != nil }
  }

  /// Whether all had seen it.
  private func isCommon(
    _ unit: ModelSequence.Unit, to pairs: [(left: Int, right: Int)], exceptRemoved: Bool
  ) -> Bool {
    pairs.flatMap { [$0.left, $0.right] }.allSatisfy { change in
      isBefore(unit.insertedBy, change)
        && !(exceptRemoved && unit.removedBy.contains { isBefore($0, change) })
    }
  }

  private func side(of change: Int, _ pairs: [(left: Int, right: Int)]) -> Origin? {
    let isSide = pairs.contains { pair in
      author(pair.left) == author(change) && areAtOnce(change, pair.right)
        || author(pair.right) == author(change) && areAtOnce(change, pair.left)
    }
    return isSide ? author(change) : nil
  }

  // MARK: What

  private func collision(
    _ passage: Passage
  ) -> (collision: Model.TextCollision, latest: [EventID])? {
    let inside = Array(units[passage.units])
    let pairs = passage.pairs
    guard inside.contains(where: { $0.removedBy.isEmpty && side(of: $0.insertedBy, pairs) != nil })
    else { return nil }
    var latest: [Origin: Int] = [:]
    for change in inside.flatMap({ [$0.insertedBy] + $0.removedBy }) {
      guard let side = side(of: change, pairs) else { continue }
      latest[side] = latest[side].map { isBefore($0, change) ? change : $0 } ?? change
    }
    func isLater(_ change: Int) -> Bool { latest.values.allSatisfy { isBefore($0, change) } }
    let isSettled = inside.contains { unit in
      isLater(unit.insertedBy) ? unit.removedBy.isEmpty : unit.removedBy.contains(where: isLater)
    }
    guard latest.count > 1, !isSettled else { return nil }
    var sides: [Origin: String] = [:]
    for author in latest.keys {
      sides[author] = text(of: inside) { unit in
        let inserter = side(of: unit.insertedBy, pairs)
        let removers = unit.removedBy.map { side(of: $0, pairs) }
        return (inserter ?? author) == author && !removers.contains(author)
          && !removers.contains(nil)
          && (inserter != nil || unit.removedBy.isEmpty
            || isCommon(unit, to: pairs, exceptRemoved: false))
      }
    }
    let base = text(of: inside) { unit in
      side(of: unit.insertedBy, pairs) == nil
        && isCommon(unit, to: pairs, exceptRemoved: false)
        && !unit.removedBy.contains { side(of: $0, pairs) == nil }
    }
    let start = units[..<passage.units.lowerBound].count { $0.removedBy.isEmpty }
    let length = inside.count { $0.removedBy.isEmpty }
    return (
      Model.TextCollision(range: start..<start + length, base: base, sides: sides),
      latest.values.compactMap { change in lastEvent(of: change, in: inside) }
    )
  }

  /// What a change did last to some units.
  private func lastEvent(of change: Int, in units: [ModelSequence.Unit]) -> EventID? {
    let name = model.parts[change].change
    return units.flatMap { [$0.event] + $0.removals }.filter { $0.change == name }.max()
  }

  private func text(
    of units: [ModelSequence.Unit], _ isIn: (ModelSequence.Unit) -> Bool
  ) -> String {
    var text = String.UnicodeScalarView()
    for unit in units where isIn(unit) { text.append(unit.scalar ?? "\u{FFFD}") }
    return String(text)
  }
}
