package import JSONCoding

/// Which element of an array became which of another: the same, an edited one, or one that was
/// moved.
package struct ArrayAlignment {
  /// For each old element its place in the new array; nil when it is gone.
  package private(set) var places: [Int?]
  /// For each new element the old one that it is; nil when it is new.
  package private(set) var origins: [Int?]
  /// For each old element whether it is out of the order of the others.
  package private(set) var isMoved: [Bool]

  /// Complexity: O((n + m) d) for d differences.
  package init(from old: [JSONValue], to new: [JSONValue]) {
    places = Array(repeating: nil, count: old.count)
    origins = Array(repeating: nil, count: new.count)
    isMoved = Array(repeating: false, count: old.count)
    let hunks = ArrayDifference.hunks(from: old, to: new)
    var oldEnd = 0
    var newEnd = 0
    for hunk in hunks + [Hunk(old: old.count..<old.count, new: new.count..<new.count)] {
      for (index, place) in zip(oldEnd..<hunk.old.lowerBound, newEnd..<hunk.new.lowerBound) {
        join(index, place)
      }
      oldEnd = hunk.old.upperBound
      newEnd = hunk.new.upperBound
    }
    // Moves first: what is elsewhere unchanged was not edited into its neighbour.
    findMoved(old, new) { $0 }
    findMoved(old, new) { $0.objectValue?["id"] }
    let room = Room(self)
    for hunk in hunks { findEdited(hunk, old, new, room) }
  }

  private mutating func join(_ index: Int, _ place: Int) {
    places[index] = place
    origins[place] = index
  }

  /// Joins what is gone here and new there when it is recognised and nothing else is like it.
  /// Within a hunk, that is an edit; else it is a move.
  private mutating func findMoved(
    _ old: [JSONValue], _ new: [JSONValue], by mark: (JSONValue) -> JSONValue?
  ) {
    func unique(_ values: [JSONValue], _ known: [Int?]) -> [JSONValue: Int?] {
      var found: [JSONValue: Int?] = [:]
      for (index, value) in values.enumerated() where known[index] == nil {
        guard let mark = mark(value) else { continue }
        found[mark] = found[mark] == nil ? .some(index) : .some(nil)
      }
      return found
    }
    let targets = unique(new, origins)
    guard !targets.isEmpty else { return }
    let sources = unique(old, places)
    let room = Room(self)
    var last = -1
    for (index, value) in old.enumerated() where places[index] == nil {
      guard let mark = mark(value), sources[mark] == .some(index),
        let target = targets[mark], let place = target
      else { continue }
      join(index, place)
      isMoved[index] = place <= last || !room.holds(index, place)
      if !isMoved[index] { last = place }
    }
  }

  /// Between which places of the new array an element of the old one can be without having left the
  /// order of those that are joined already.
  private struct Room {
    private var lower: [Int]
    private var upper: [Int]

    init(_ alignment: ArrayAlignment) {
      let count = alignment.places.count
      lower = Array(repeating: -1, count: count)
      upper = Array(repeating: .max, count: count)
      var bound = -1
      for index in 0..<count {
        lower[index] = bound
        if let place = alignment.places[index], !alignment.isMoved[index] { bound = place }
      }
      bound = .max
      for index in (0..<count).reversed() {
        upper[index] = bound
        if let place = alignment.places[index], !alignment.isMoved[index] { bound = place }
      }
    }

    func holds(_ index: Int, _ place: Int) -> Bool {
      lower[index] < place && place < upper[index]
    }
  }

  /// Joins what is left of a hunk: one by one when as many came as went, else where what came is
  /// much like what went.
  private mutating func findEdited(
    _ hunk: Hunk, _ old: [JSONValue], _ new: [JSONValue], _ room: Room
  ) {
    let gone = hunk.old.filter { places[$0] == nil }
    let came = hunk.new.filter { origins[$0] == nil }
    if gone.count == came.count {
      for (index, place) in zip(gone, came)
      where room.holds(index, place) && !Self.areOthers(old[index], new[place]) {
        join(index, place)
      }
      return
    }
    var next = 0
    for index in gone {
      let candidates = came.indices[next...].prefix(Self.candidatesMax)
      let found = candidates.first {
        Self.isAlike(old[index], new[came[$0]]) && !Self.areOthers(old[index], new[came[$0]])
      }
      guard let found else { continue }
      if room.holds(index, came[found]) { join(index, came[found]) }
      next = found + 1
    }
  }

  private static let candidatesMax = 50
  private static let membersMax = 50

  /// Whether two objects say by their `id` that they are not the same.
  private static func areOthers(_ old: JSONValue, _ new: JSONValue) -> Bool {
    guard let old = old.objectValue?["id"], let new = new.objectValue?["id"] else { return false }
    return old != new
  }

  /// Whether two objects have half of their members in common.
  private static func isAlike(_ old: JSONValue, _ new: JSONValue) -> Bool {
    guard let old = old.objectValue, let new = new.objectValue else { return false }
    let compared = old.members.prefix(membersMax)
    let common = compared.count { new[$0.key] == $0.value }
    return common > 0 && common * 2 >= min(compared.count, new.members.count)
  }
}
