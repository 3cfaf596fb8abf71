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
  /// All places of each element that was moved: its own too, as long as that is there.
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

  mutating func add(_ place: EventID, of element: EventID, lamport: UInt64) {
    moves[place] = Move(element: element, lamport: lamport)
    placesOf[element, default: []].append(place)
  }

  mutating func addOwnPlace(of element: EventID) {
    placesOf[element, default: []].append(element)
  }

  mutating func add(orphan place: EventID) {
    orphans.insert(place)
    hidden.insert(place)
  }

  /// - Returns: the element that the place stood for; nil for an orphan.
  mutating func remove(_ place: EventID) -> EventID? {
    hidden.remove(place)
    if orphans.remove(place) != nil { return nil }
    let element = moves.removeValue(forKey: place)?.element ?? place
    guard var rest = placesOf[element] else { return element }
    rest.removeAll { $0 == place }
    placesOf[element] = rest.isEmpty ? nil : rest
    return element
  }

  /// Shows an element at the place with the highest stamp; its own place has the lowest. An element
  /// that is not there is not shown.
  mutating func settle(_ element: EventID, isThere: Bool) {
    guard let places = placesOf[element] else { return }
    if Sabotage.showEveryPlace.isPlanted { return hidden.subtract(places) }
    let shown = isThere ? places.max { isLower($0, than: $1) } : nil
    for place in places {
      if place == shown { hidden.remove(place) } else { hidden.insert(place) }
    }
    // What is only where it was inserted is as if it had never been moved.
    if places == [element] { placesOf[element] = nil }
  }

  /// The order of the places of an element: the last one shows it.
  func isLower(_ left: EventID, than right: EventID) -> Bool {
    guard let left = stamp(of: left) else { return true }
    guard let right = stamp(of: right) else { return false }
    return left < right
  }

  private func stamp(of place: EventID) -> (UInt64, EventID)? {
    moves[place].map { ($0.lamport, place) }
  }
}
