import Causality

/// What one operation puts on characters of a text.
struct MarkEntry: Hashable, Sendable {
  var name: Key
  /// Null takes the mark of that name away.
  var value: Value
  var expansion: MarkExpansion
  /// The operation.
  var event: EventID
  var lamport: UInt64

  /// The order in which marks of one name win over each other.
  static func precedes(_ left: MarkEntry, _ right: MarkEntry) -> Bool {
    left.lamport != right.lamport ? left.lamport < right.lamport : left.event < right.event
  }
}

/// A mark operation of one text in a history: its positions are those of its author's version.
package struct MarkOperation: Sendable {
  /// The place of its event in the graph.
  var version: Int
  var from: Int
  var to: Int
  var mark: MarkEntry
}
