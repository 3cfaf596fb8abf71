import Causality

/// The elements of a list that stand there now, in order, each with the register of what it holds.
///
/// The event that inserted an element names it for ever. Elements that were deleted leave nothing
/// behind: an operation on one has no effect.
struct ListState: Sendable {
  private(set) var order: [EventID] = []
  private var registers: [EventID: Register] = [:]

  var count: Int { order.count }

  subscript(index: Int) -> Register? {
    order.indices.contains(index) ? registers[order[index]] : nil
  }

  /// The register of an element that stands in the list.
  func register(of element: EventID) -> Register? { registers[element] }

  /// Changes the register of an element; without an effect when it is not in the list.
  mutating func update(_ element: EventID, _ change: (inout Register) -> Void) {
    guard let index = registers.index(forKey: element) else { return }
    change(&registers.values[index])
  }

  /// Complexity: O(n) in what stands behind `position`, which is at most `count`.
  mutating func insert(_ elements: [(EventID, Register)], at position: Int) {
    order.insert(contentsOf: elements.map(\.0), at: position)
    for (event, register) in elements { registers[event] = register }
  }

  mutating func remove(_ range: Range<Int>) {
    for event in order[range] { registers[event] = nil }
    order.removeSubrange(range)
  }
}
