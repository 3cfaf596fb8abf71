import Causality

/// The elements of a list that stand there now, in order, each with the register of what it holds.
///
/// The event that inserted an element names it for ever. It stands at a **place**, which an event
/// has put into the order as well: that of its insertion, or that of a move (Kleppmann, "Moving
/// Elements in List CRDTs", PaPoC 2020). Whoever moves an element takes away all its places that
/// they see and adds one; so two who move it at once leave two places. The one with the highest
/// stamp shows the element and the others are hidden: it exists once. Positions in operations count
/// places, hidden ones too, so that the order needs to know nothing of all this.
///
/// Elements that were deleted leave nothing behind: an operation on one has no effect.
struct ListState: Sendable {
  /// What an event puts into the order.
  enum Entry: Sendable {
    case element(Register)
    /// A place for an element of this list that the author had seen.
    case moved(EventID, lamport: UInt64)
    /// A place for something that is no such element, which no editor makes: never shown.
    case orphan
  }

  private(set) var places = ElementOrder()
  private var registers: [EventID: Register] = [:]
  private(set) var moves = ListMoves()
  /// While a merge is under way: elements that have lost their last place and may get another.
  private var homeless: [EventID: Register]?

  /// How many elements are shown.
  var count: Int { places.count - moves.hidden.count }

  /// The register of an element by its position among those shown. Complexity: O(log n), O(n)
  /// where something is hidden.
  subscript(index: Int) -> Register? {
    index >= 0 && index < count ? registers[element(at: index)] : nil
  }

  /// - Precondition: `index` is below the count.
  func element(at index: Int) -> EventID {
    let place = places[place(of: index)]
    return moves.element(at: place) ?? place
  }

  /// The register of an element that stands in the list.
  func register(of element: EventID) -> Register? { registers[element] }

  /// All elements that are shown with their registers, in order. Complexity: O(n).
  var elements: [(event: EventID, register: Register)] {
    shownElements.map { ($0, registers[$0] ?? Register()) }
  }

  /// All elements that are shown, in order. Complexity: O(n).
  var shownElements: [EventID] {
    let all = places.elements(in: 0..<places.count)
    guard !moves.isEmpty else { return all }
    return all.compactMap { place in
      moves.hidden.contains(place) ? nil : moves.element(at: place) ?? place
    }
  }

  /// Where in the order the element number `index` is shown; for the count, the end.
  ///
  /// Complexity: O(1), O(n) where something is hidden.
  func place(of index: Int) -> Int {
    guard !moves.hidden.isEmpty else { return index }
    var left = index
    for (number, place) in places.elements(in: 0..<places.count).enumerated()
    where !moves.hidden.contains(place) {
      if left == 0 { return number }
      left -= 1
    }
    return places.count
  }

  /// How many elements are shown before place number `place`. Complexity: O(1), O(n) where
  /// something is hidden.
  func shownCount(before place: Int) -> Int {
    guard !moves.hidden.isEmpty else { return place }
    return places.elements(in: 0..<place).count { !moves.hidden.contains($0) }
  }

  /// All places of the elements that are shown at `range`, hidden ones too, ascending.
  ///
  /// Complexity: O(k) for k elements, O(n) where something is hidden.
  func places(of range: Range<Int>) -> [Int] {
    // Where nothing is hidden every element has one place.
    guard !moves.hidden.isEmpty else { return Array(range) }
    let wanted = Set(range.map { element(at: $0) })
    return places.elements(in: 0..<places.count).enumerated().compactMap { number, place in
      wanted.contains(moves.element(at: place) ?? place) ? number : nil
    }
  }

  /// Changes the register of an element; without an effect when it is not in the list.
  mutating func update(_ element: EventID, _ change: (inout Register) -> Void) {
    guard let index = registers.index(forKey: element) else { return }
    change(&registers.values[index])
  }

  /// Inserts places at `position`, which is at most the number of places. Complexity: O(k + log n)
  /// for k places.
  mutating func insert(_ entries: [(EventID, Entry)], at position: Int) {
    places.insert(contentsOf: entries.map(\.0), at: position)
    for (place, entry) in entries {
      switch entry {
      case .element(let register):
        registers[place] = register
        if !moves.isEmpty, moves.placeCount(of: place) > 0 { moves.addOwnPlace(of: place) }
      case .moved(let element, let lamport):
        if registers[element] == nil, let kept = homeless?.removeValue(forKey: element) {
          registers[element] = kept
        } else if moves.placeCount(of: element) == 0, registers[element] != nil {
          moves.addOwnPlace(of: element)
        }
        moves.add(place, of: element, lamport: lamport, isThere: registers[element] != nil)
      case .orphan: moves.add(orphan: place)
      }
    }
  }

  /// Removes places. Complexity: O(k + log n) for k of them.
  mutating func remove(_ range: Range<Int>) {
    for place in places.elements(in: range) {
      if moves.isEmpty {
        free(place)
        continue
      }
      if let element = moves.remove(place) { free(element) }
    }
    places.remove(range)
  }

  private mutating func free(_ element: EventID) {
    let register = registers.removeValue(forKey: element)
    if homeless != nil { homeless?[element] = register }
  }

  // MARK: Merges

  /// From now on until ``endMerge()`` the places of an element may go before others come.
  mutating func beginMerge() { homeless = [:] }

  /// Hands in what an element holds that has no place, and is about to get one.
  mutating func bring(_ element: EventID, _ register: Register) {
    if registers[element] == nil, homeless?[element] == nil { homeless?[element] = register }
  }

  /// Whether the list, or the merge that is under way, knows what the element holds.
  func knows(_ element: EventID) -> Bool {
    registers[element] != nil || homeless?[element] != nil
  }

  mutating func endMerge() { homeless = nil }
}
