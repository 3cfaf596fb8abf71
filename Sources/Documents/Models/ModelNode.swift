import JSONCoding
import RunStructures

/// What a model is in a document, or what it was: the containers and values that its type makes of
/// it.
enum ModelNode: Sendable {
  case value(Value)
  case text(String)
  case counter(Int64)
  case list([ModelNode])
  /// A list whose order says nothing; its nodes are in the order of their marks.
  case set([ModelNode])
  case map(ModelMap)
  /// Nothing, where the type knows that something may be: a nil.
  case absent
}

struct ModelMap: Sendable {
  enum Kind: Sendable {
    /// The document may have other members, which are none of the type's business.
    case fields
    /// All members that there are.
    case dictionary
    /// A case of an enum with what it carries: another case takes its place as a whole.
    case variant
  }

  struct Member: Sendable {
    var key: Key
    var node: ModelNode
  }

  var kind: Kind
  /// Ascending by key.
  private(set) var members: [Member]

  init(_ kind: Kind, _ nodes: [Key: ModelNode]) {
    self.kind = kind
    members = nodes.sorted { $0.key < $1.key }.map { Member(key: $0.key, node: $0.value) }
  }

  /// Complexity: O(log n).
  subscript(key: Key) -> ModelNode? {
    var range = 0..<members.count
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      if members[middle].key == key { return members[middle].node }
      range =
        members[middle].key < key ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return nil
  }
}

extension ModelNode: Equatable {
  /// Texts are compared by their bytes, as everywhere in a document.
  static func == (left: ModelNode, right: ModelNode) -> Bool {
    switch (left, right) {
    case (.value(let left), .value(let right)): left == right
    case (.text(let left), .text(let right)): left.utf8.elementsEqual(right.utf8)
    case (.counter(let left), .counter(let right)): left == right
    case (.list(let left), .list(let right)), (.set(let left), .set(let right)): left == right
    case (.map(let left), .map(let right)):
      left.members.count == right.members.count
        && zip(left.members, right.members).allSatisfy { $0.key == $1.key && $0.node == $1.node }
    case (.absent, .absent): true
    default: false
    }
  }
}

extension ModelNode {
  var map: ModelMap? {
    if case .map(let map) = self { map } else { nil }
  }

  var list: [ModelNode]? {
    switch self {
    case .list(let elements), .set(let elements): elements
    default: nil
    }
  }

  /// A text, or a string that stands where one could.
  var string: String? {
    switch self {
    case .text(let text), .value(.string(let text)): text
    default: nil
    }
  }

  /// A counter, or a number that stands where one could.
  var integer: Int64? {
    switch self {
    case .counter(let number), .value(.integer(let number)): number
    default: nil
    }
  }

  /// How many events making it takes. Complexity: O(n).
  var eventCount: Int {
    switch self {
    case .value: 1
    case .text(let text): 1 + UTF8Scalars.count(text)
    case .counter: 2
    case .list(let elements), .set(let elements): elements.reduce(1) { $0 + $1.eventCount }
    case .map(let map): map.members.reduce(1) { $0 + $1.node.eventCount }
    case .absent: 0
    }
  }

  /// What it is known by among others: equal where readers see the same.
  var mark: JSONValue {
    switch self {
    case .value(.double(let number)): Int64(exactly: number).map { .integer($0) } ?? .double(number)
    case .value(let value): value.json
    case .text(let text): .string(text)
    case .counter(let number): .integer(number)
    case .list(let elements), .set(let elements): .array(elements.map(\.mark))
    case .map(let map):
      .object(
        JSONObject(
          uniqueMembers: map.members.compactMap { member in
            let mark = member.node.mark
            return mark == .null ? nil : JSONObject.Member(key: member.key.text, value: mark)
          }))
    case .absent: .null
    }
  }

  /// The places of marks in the order of their bytes.
  static func order(of marks: [JSONValue]) -> [Int] {
    let texts = marks.map { $0.text() }
    return texts.indices.sorted { left, right in
      texts[left] == texts[right]
        ? left < right : texts[left].utf8.lexicographicallyPrecedes(texts[right].utf8)
    }
  }
}

extension Value {
  /// Whether a reader who asks for the one may be given the other: what somebody wrote as JSON need
  /// not be written again with its type.
  func reads(like other: Value) -> Bool {
    if self == other { return true }
    switch (self, other) {
    case (.integer(let whole), .double(let number)), (.double(let number), .integer(let whole)):
      return Int64(exactly: number) == whole
    case (.string, .timestamp(let moment)): return Timestamp(documentValue: self) == moment
    case (.timestamp, .string), (.bytes, .string): return other.reads(like: self)
    case (.string, .bytes(let bytes)): return [UInt8](documentValue: self) == bytes
    default: return false
    }
  }
}
