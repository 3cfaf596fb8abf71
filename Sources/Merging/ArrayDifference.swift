package import JSONCoding

/// What is different between two arrays of JSON values.
package enum ArrayDifference {
  /// What was at `old` is now at `new`; one of the ranges may be empty.
  package struct Change: Equatable, Sendable {
    package var old: Range<Int>
    package var new: Range<Int>
  }

  /// In ascending order, at least one common element between two. Complexity: O((n + m) d) for d
  /// differences.
  package static func changes(from old: [JSONValue], to new: [JSONValue]) -> [Change] {
    hunks(from: old, to: new).map { Change(old: $0.old, new: $0.new) }
  }

  static func hunks(from old: [JSONValue], to new: [JSONValue]) -> [Hunk] {
    var numbers: [JSONValue: UInt32] = [:]
    func number(_ value: JSONValue) -> UInt32 {
      if let known = numbers[value] { return known }
      let next = UInt32(numbers.count)
      numbers[value] = next
      return next
    }
    return SequenceDifference.hunks(from: old.map(number), to: new.map(number))
  }
}
