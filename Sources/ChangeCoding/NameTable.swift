import Causality

/// A list whose first element needs no memory of its own: most blocks are about one origin, one
/// document, one key.
struct ShortList<Element> {
  private var first: Element?
  private var rest: [Element] = []

  var isEmpty: Bool { first == nil }
  var count: Int { first == nil ? 0 : 1 + rest.count }

  mutating func append(_ element: Element) {
    if first == nil { first = element } else { rest.append(element) }
  }

  /// For elements that are replaced whole: one that is changed in place would be copied.
  ///
  /// - Precondition: `place` lies in the list.
  subscript(place: Int) -> Element {
    get {
      if place > 0 { return rest[place - 1] }
      guard place == 0, let first else { preconditionFailure("no element \(place)") }
      return first
    }
    set {
      if place > 0 {
        rest[place - 1] = newValue
      } else {
        precondition(place == 0 && first != nil, "no element")
        first = newValue
      }
    }
  }
}

extension ShortList where Element: Equatable {
  /// Complexity: O(n).
  func firstPlace(of element: Element) -> Int? {
    if first == element { return 0 }
    return rest.firstIndex(of: element).map { $0 + 1 }
  }
}

/// What a block names, numbered in the order of first naming.
///
/// A few names are compared one by one, which is quicker than hashing them; more are hashed.
struct NameTable<Name: Hashable> {
  private static var comparedMax: Int { 8 }

  private var names = ShortList<Name>()
  private var numbers: [Name: Int] = [:]

  init() {}

  /// A table in which 0 is a name known to both sides.
  init(_ name: Name) { append(name) }

  var count: Int { names.count }

  subscript(number: Int) -> Name { names[number] }

  /// Complexity: O(1), with a hash once there are many names.
  func number(of name: Name) -> Int? {
    guard count <= Self.comparedMax else { return numbers[name] }
    return names.firstPlace(of: name)
  }

  /// Gives the next number to a name that has none.
  mutating func append(_ name: Name) {
    names.append(name)
    if count == Self.comparedMax + 1 {
      for number in 0..<count { numbers[names[number]] = number }
    } else if count > Self.comparedMax {
      numbers[name] = count - 1
    }
  }

  /// Gives the next number to `name` unless it has one already.
  ///
  /// - Returns: Whether it had none.
  mutating func insert(_ name: Name) -> Bool {
    guard number(of: name) == nil else { return false }
    append(name)
    return true
  }
}

/// The origins that a block names, and with each the sequence of its last change written or named,
/// from which the next is told apart by a small step.
struct OriginTable {
  private(set) var origins = NameTable<Origin>()
  private var sequences = ShortList<UInt64>()

  mutating func append(_ origin: Origin) {
    origins.append(origin)
    sequences.append(0)
  }

  /// By the number of the origin.
  subscript(number: Int) -> UInt64 {
    get { sequences[number] }
    set { sequences[number] = newValue }
  }
}
