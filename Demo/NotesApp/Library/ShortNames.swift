package import Skerry

/// The shortest parts of ids that name one each: endings of at least eight digits.
///
/// Ids begin with a count of the changes before, so those of one store begin alike; what they end
/// with is random.
package struct ShortNames: Sendable {
  static let digitsMin = 8

  private var names: [DocumentID: String] = [:]

  /// - Complexity: O(n log n).
  package init(_ ids: [DocumentID]) {
    let texts = ids.map { (id: $0, text: $0.description) }
    let beginnings = texts.map { $0.text }.sorted()
    // Ids that end alike are neighbours.
    let endings = texts.map { (id: $0.id, reversed: String($0.text.reversed())) }
      .sorted { $0.reversed < $1.reversed }
    for (index, ending) in endings.enumerated() {
      var digits = Self.digitsMin
      for neighbour in [index - 1, index + 1] where endings.indices.contains(neighbour) {
        let common = Self.commonDigits(ending.reversed, endings[neighbour].reversed)
        digits = max(digits, common + 1)
      }
      let text = String(ending.reversed.reversed())
      // What another begins with would name that one, too.
      while digits < text.utf8.count,
        Self.begins(another: text, in: beginnings, with: text.suffix(digits))
      {
        digits += 1
      }
      names[ending.id] = String(text.suffix(digits))
    }
  }

  /// The whole id where it is of none of the ids that were given.
  package subscript(_ id: DocumentID) -> String { names[id] ?? id.description }

  private static func commonDigits(_ left: String, _ right: String) -> Int {
    zip(left.utf8, right.utf8).prefix { $0 == $1 }.count
  }

  /// Whether one of the sorted texts other than `text` begins with `part`.
  private static func begins(
    another text: String, in sorted: [String], with part: Substring
  ) -> Bool {
    var (low, high) = (0, sorted.count)
    while low < high {
      let middle = low + (high - low) / 2
      if sorted[middle] < part { low = middle + 1 } else { high = middle }
    }
    return sorted[low...].prefix(2).contains { $0 != text && $0.hasPrefix(part) }
  }
}
