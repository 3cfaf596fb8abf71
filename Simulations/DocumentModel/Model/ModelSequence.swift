package import Causality

/// What a text or a list is, for whoever edits it together with others.
///
/// Every unit (a Unicode scalar of a text, an element of a list) has its place for good when it is
/// inserted, and deleting it only hides it. The places are those of the FugueMax tree (Weidner and
/// Kleppmann, "The Art of the Fugue", 2023): a unit typed after another hangs on its right; one
/// typed where that already has something on its right hangs on the left of what comes next. The
/// text is the tree read from left to right. So what one person types in one go stays together,
/// whatever others type at the same place.
///
/// A version is a set of changes. It holds the units that its changes inserted, and shows those of
/// them that none of its changes removed. Positions count what the author's version shows. What two
/// people inserted at once by the same decision it shows once.
package struct ModelSequence: Sendable {
  struct Unit {
    /// Names it, and decides between two that stand at the same place.
    var event: EventID
    /// The change that inserted it, and those that removed it.
    var insertedBy: Int
    var removedBy: [Int] = []
    /// The events that did that, in the same order, where they are known.
    var removals: [EventID] = []
    /// Nil in a list, where a register tells what the element holds.
    var scalar: Unicode.Scalar?
    /// What came next, removed or not, in the version that its author saw; nil: the end.
    var next: Int?
    /// What its author saw, and the marks that it was typed with.
    var version = ModelVersion()
    var marks: [Int] = []
    var leftChildren: [Int] = []
    var rightChildren: [Int] = []
  }

  private(set) var units: [Unit] = []
  /// In no order.
  var marks: [Mark] = []
  /// The units that hang on the beginning of the sequence, as on the right of something.
  private var first: [Int] = []
  /// Every unit, from left to right.
  private var order: [Int] = []
  /// See ``join(_:_:)``: of each unit those of which it is another name, and its other names.
  private(set) var shown: [Int: [Int]] = [:]
  private(set) var names: [Int: [Int]] = [:]

  package init() {}

  // MARK: Reading

  private func isVisible(_ unit: Int, in version: ModelVersion) -> Bool {
    func isHere(_ unit: Int) -> Bool { version.contains(units[unit].insertedBy) }
    func isRemoved(_ unit: Int) -> Bool { units[unit].removedBy.contains(where: version.contains) }
    return isHere(unit) && !isRemoved(unit)
      && !(shown[unit] ?? []).contains(where: isHere)
      && !(names[unit] ?? []).contains { isHere($0) && isRemoved($0) }
  }

  /// Every unit from left to right, removed ones too.
  var unitsInOrder: [Unit] { order.map { units[$0] } }

  func visible(in version: ModelVersion) -> [Int] {
    order.filter { isVisible($0, in: version) }
  }

  package func count(in version: ModelVersion) -> Int { visible(in: version).count }

  package func text(in version: ModelVersion) -> String {
    var text = String.UnicodeScalarView()
    for unit in visible(in: version) { text.append(units[unit].scalar ?? "\u{FFFD}") }
    return String(text)
  }

  /// The events that inserted what the version shows, in order: the names of list elements.
  package func events(in version: ModelVersion) -> [EventID] {
    visible(in: version).map { units[$0].event }
  }

  // MARK: Editing

  /// Inserts units one after the other. Beyond the end there is no place, and nothing is inserted.
  ///
  /// - Parameters:
  ///   - scalars: nil for each element of a list.
  ///   - event: of the first unit; each further one has the next index.
  ///   - version: what the author saw, the change itself with what it did so far included.
  package mutating func insert(
    _ scalars: [Unicode.Scalar?], at position: Int, by change: Int, event: EventID,
    in version: ModelVersion
  ) {
    let visible = visible(in: version)
    guard position <= visible.count else { return }
    var left = position > 0 ? visible[position - 1] : nil
    let after = left.flatMap { order.firstIndex(of: $0) }.map { $0 + 1 } ?? 0
    let next = order[after...].first { version.contains(units[$0].insertedBy) }
    let marks = marks(
      between: left, and: position < visible.count ? visible[position] : nil, in: version)
    var event = event
    for scalar in scalars {
      // Of what the version holds, each unit stands right after the one before it.
      left = hang(
        Unit(
          event: event, insertedBy: change, scalar: scalar, next: next, version: version,
          marks: marks), after: left, version)
      event.index &+= 1
    }
  }

  /// Removes `count` units from `position` on, or as many as there are.
  ///
  /// - Parameter event: that of the first; each further one has the next index.
  package mutating func remove(
    at position: Int, count: Int, by change: Int, event: EventID? = nil, in version: ModelVersion
  ) {
    var event = event
    for unit in visible(in: version).dropFirst(position).prefix(count) {
      units[unit].removedBy.append(change)
      if let event { units[unit].removals.append(event) }
      event?.index &+= 1
    }
  }

  /// Makes what two decisions inserted one, if it is the same text: a version that has both shows
  /// the first, and has removed it when somebody removed either.
  mutating func join(_ first: Inserted, _ second: Inserted) {
    let (ours, theirs) = (units(first), units(second))
    guard ours.map({ units[$0].scalar }) == theirs.map({ units[$0].scalar }) else { return }
    for (one, other) in zip(ours, theirs) {
      shown[other, default: []].append(one)
      names[one, default: []].append(other)
    }
  }

  /// Events of one change.
  struct Inserted {
    var change: Int
    var indexes: Range<UInt32>
  }

  private func units(_ inserted: Inserted) -> [Int] {
    units.indices.filter {
      units[$0].insertedBy == inserted.change && inserted.indexes.contains(units[$0].event.index)
    }
    .sorted { units[$0].event.index < units[$1].event.index }
  }

  /// Hangs a unit into the tree and returns its number.
  private mutating func hang(_ unit: Unit, after left: Int?, _ version: ModelVersion) -> Int {
    let new = units.count
    units.append(unit)
    let onRight = left.map { units[$0].rightChildren } ?? first
    if let next = unit.next, onRight.contains(where: { version.contains(units[$0].insertedBy) }) {
      hangOnLeft(new, of: next)
    } else {
      hangOnRight(new, of: left)
    }
    return new
  }

  /// On the left of one unit: by event.
  private mutating func hangOnLeft(_ new: Int, of parent: Int) {
    let siblings = units[parent].leftChildren
    let place = siblings.firstIndex { units[new].event < units[$0].event }
    units[parent].leftChildren.insert(new, at: place ?? siblings.count)
    order.insert(new, at: index(of: place.map { leftmost(siblings[$0]) } ?? parent))
  }

  /// On the right of one unit: first those that were typed before something later, so that what was
  /// typed at one place stays at one place; then by event.
  private mutating func hangOnRight(_ new: Int, of parent: Int?) {
    let siblings = parent.map { units[$0].rightChildren } ?? first
    let place = siblings.firstIndex { sibling in
      let (mine, theirs) = (placeOfNext(new), placeOfNext(sibling))
      return mine != theirs ? mine > theirs : units[new].event < units[sibling].event
    }
    if let parent {
      units[parent].rightChildren.insert(new, at: place ?? siblings.count)
    } else {
      first.insert(new, at: place ?? siblings.count)
    }
    if let place {
      order.insert(new, at: index(of: leftmost(siblings[place])))
    } else if let before = siblings.last.map(rightmost) ?? parent {
      order.insert(new, at: index(of: before) + 1)
    } else {
      order.insert(new, at: 0)
    }
  }

  private func placeOfNext(_ unit: Int) -> Int {
    units[unit].next.map(index) ?? .max
  }

  func index(of unit: Int) -> Int {
    order.firstIndex(of: unit) ?? order.count
  }

  /// The first and the last unit of all that hangs on one, itself included.
  private func leftmost(_ unit: Int) -> Int {
    var unit = unit
    while let child = units[unit].leftChildren.first { unit = child }
    return unit
  }

  private func rightmost(_ unit: Int) -> Int {
    var unit = unit
    while let child = units[unit].rightChildren.last { unit = child }
    return unit
  }
}
