/// A unit and those that ever stood for it, with where each is among all units.
struct Lineage {
  /// Ascending by version.
  private var units: [(version: Int, place: Int)] = []

  init() {}

  init(_ version: Int, at place: Int) { add(version, at: place) }

  mutating func add(_ version: Int, at place: Int) {
    let index = units.firstIndex { $0.version > version } ?? units.count
    units.insert((version, place), at: index)
  }

  func has(_ root: Int) -> Bool { units.first?.version == root }

  /// Whether it stands before another one. Where what came back stands says little of what was not
  /// there then. Whoever wrote the later one of the two has put it beside what stood for the other
  /// at the time.
  func isBefore(_ other: Lineage) -> Bool {
    guard let mine = units.first, let theirs = other.units.first else { return false }
    if mine.version > theirs.version {
      return mine.place < other.last(before: mine.version, else: theirs).place
    }
    return last(before: theirs.version, else: mine).place < theirs.place
  }

  private func last(
    before version: Int, else first: (version: Int, place: Int)
  ) -> (version: Int, place: Int) {
    units.last { $0.version < version } ?? first
  }
}

/// A sequence, unit by unit, with what goes from it and what comes back.
///
/// What came back before stands at the front of its gap, before all that is deleted there. What
/// comes back now goes before it where that is the order in which they stood first.
struct ReversalRow {
  private enum Item {
    case kept(Int)
    /// There is one that stands for another.
    case standing(Lineage)
    case gone(Int)
    case coming(version: Int, content: Int, Lineage)
  }

  private var items: [Item] = []

  mutating func keep(_ count: Int) {
    if case .kept(let before)? = items.last {
      items[items.count - 1] = .kept(before + count)
    } else {
      items.append(.kept(count))
    }
  }

  mutating func keep(standing lineage: Lineage) { items.append(.standing(lineage)) }

  mutating func remove() {
    if case .gone(let before)? = items.last {
      items[items.count - 1] = .gone(before + 1)
    } else {
      items.append(.gone(1))
    }
  }

  mutating func insert(version: Int, content: Int, of lineage: Lineage) {
    var target = items.count
    var index = target
    search: while index > 0 {
      index -= 1
      switch items[index] {
      case .standing(let other) where lineage.isBefore(other): target = index
      case .coming(_, _, let other) where lineage.isBefore(other): target = index
      case .gone: break
      default: break search
      }
    }
    items.insert(.coming(version: version, content: content, lineage), at: target)
  }

  func patches() -> [SequencePatch] {
    var writer = PatchWriter()
    var position = 0
    for item in items {
      switch item {
      case .kept(let count): position += count
      case .standing: position += 1
      case .gone(let count): writer.delete(at: position, count: count, version: 0)
      case .coming(let version, let content, _):
        writer.insert(at: position, count: 1, version: version, content: content)
        position += 1
      }
    }
    return writer.finish()
  }
}
