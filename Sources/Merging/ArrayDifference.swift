import JSONCoding

/// What is different between two arrays of JSON values.
enum ArrayDifference {
  /// In ascending order, at least one common element between two. Complexity: O((n + m) d) for d
  /// differences.
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
