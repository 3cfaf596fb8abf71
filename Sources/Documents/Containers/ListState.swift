import Causality

/// The elements of a list that stand there now, in order, each with the register of what it holds.
///
/// The event that inserted an element names it for ever. Elements that were deleted leave nothing
/// behind: an operation on one has no effect.
struct ListState: Sendable {
  private(set) var order = ElementOrder()
  private var registers: [EventID: Register] = [:]

  var count: Int { order.count }

  /// Complexity: O(log n).
  subscript(index: Int) -> Register? {
    index >= 0 && index < count ? registers[order[index]] : nil
  }

  /// The register of an element that stands in the list.
  func register(of element: EventID) -> Register? { registers[element] }

  /// All elements with their registers, in order. Complexity: O(n).
  var elements: [(event: EventID, register: Register)] {
    order.elements(in: 0..<count).map { ($0, registers[$0] ?? Register()) }
  }

  /// Changes the register of an element; without an effect when it is not in the list.
  mutating func update(_ element: EventID, _ change: (inout Register) -> Void) {
    guard let index = registers.index(forKey: element) else { return }
    change(&registers.values[index])
  }

  /// Inserts at `position`, which is at most the count. Complexity: O(k + log n) for k elements.
  mutating func insert(_ elements: [(EventID, Register)], at position: Int) {
    order.insert(contentsOf: elements.map(\.0), at: position)
    for (event, register) in elements { registers[event] = register }
  }

  /// Complexity: O(k + log n) for k elements.
  mutating func remove(_ range: Range<Int>) {
    for event in order.elements(in: range) { registers[event] = nil }
    order.remove(range)
  }
}
