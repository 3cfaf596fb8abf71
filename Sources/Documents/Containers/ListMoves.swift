import Causality
import Sabotages

/// Which places of a list stand for elements that were inserted elsewhere, and which of several
/// places of an element is not shown. Empty in a list in which nothing was ever moved.
struct ListMoves: Sendable {
  struct Move: Hashable, Sendable {
    var element: EventID
    var lamport: UInt64
  }

  /// By place.
  private(set) var moves: [EventID: Move] = [:]
  private(set) var orphans: Set<EventID> = []
  /// All places of each element that was moved, in their order: its own too, as long as that is
  /// there.
  private var placesOf: [EventID: [EventID]] = [:]
  /// Orphans, and the places of an element but for the one that shows it.
  private(set) var hidden: Set<EventID> = []

  var isEmpty: Bool { moves.isEmpty && orphans.isEmpty }

  /// The element that a place stands for that is not its own; nil for all other places.
  func element(at place: EventID) -> EventID? { moves.isEmpty ? nil : moves[place]?.element }

  /// Whether what stands at a place was inserted there.
  func isOwn(_ place: EventID) -> Bool {
    isEmpty || (moves[place] == nil && !orphans.contains(place))
  }

  /// Whether what an element holds is written with this place of it: the one that shows it, where
  /// its own is gone.
  func isCarrier(_ place: EventID) -> Bool {
    guard let move = moves[place], !hidden.contains(place) else { return false }
    return placesOf[move.element]?.contains(move.element) == false
  }

  /// 0 for an element that was never moved.
  func placeCount(of element: EventID) -> Int { placesOf[element]?.count ?? 0 }

  mutating func add(_ place: EventID, of element: EventID, lamport: UInt64, isThere: Bool) {
    moves[place] = Move(element: element, lamport: lamport)
    var places = placesOf.removeValue(forKey: element) ?? []
    let index = self.index(of: place, in: places)
    let isShown = isThere && index == places.count
    if isShown, let before = places.last { hidden.insert(before) }
    places.insert(place, at: index)
    placesOf[element] = places
    if !isShown { hide(place) }
  }

  /// The place where an element was inserted is one of several now.
  mutating func addOwnPlace(of element: EventID) {
    let places = placesOf.removeValue(forKey: element) ?? []
    placesOf[element] = [element] + places
    guard let last = places.last else { return }
    hide(element)
    // What was not there is there now.
    hidden.remove(last)
  }

  mutating func add(orphan place: EventID) {
    orphans.insert(place)
    hidden.insert(place)
  }

  /// - Returns: the element that has lost its last place; nil when none has.
  mutating func remove(_ place: EventID) -> EventID? {
    hidden.remove(place)
    if orphans.remove(place) != nil { return nil }
    let element = moves[place]?.element ?? place
    guard var places = placesOf.removeValue(forKey: element) else { return element }
    let index = self.index(of: place, in: places)
    if index < places.count, places[index] == place { places.remove(at: index) }
    moves[place] = nil
    guard let last = places.last else { return element }
    hidden.remove(last)
    // What is only where it was inserted is as if it had never been moved.
    if places != [element] { placesOf[element] = places }
    return nil
  }

  private mutating func hide(_ place: EventID) {
    if Sabotage.showEveryPlace.isPlanted { return }
    hidden.insert(place)
  }

  /// Where a place stands, or would, among those of its element.
  private func index(of place: EventID, in places: [EventID]) -> Int {
    var low = 0
    var high = places.count
    while low < high {
      let middle = (low + high) / 2
      if isLower(places[middle], than: place) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The order of the places of an element: the last one shows it, and the one where it was
  /// inserted is the first.
  func isLower(_ left: EventID, than right: EventID) -> Bool {
    guard let right = stamp(of: right) else { return false }
    guard let left = stamp(of: left) else { return true }
    return left < right
  }

  private func stamp(of place: EventID) -> (UInt64, EventID)? {
    moves[place].map { ($0.lamport, place) }
  }
}
