import Documents

/// Something for each document that a transaction is about. Mostly that is one, which takes neither
/// a hash nor memory of its own.
struct DocumentTable<Value> {
  private var first: (id: DocumentID, value: Value)?
  private var others: [DocumentID: Value] = [:]

  /// Complexity: O(1).
  subscript(id: DocumentID) -> Value? {
    get {
      if let first, first.id == id { return first.value }
      return others.isEmpty ? nil : others[id]
    }
    set {
      if first == nil || first?.id == id, others.isEmpty || others[id] == nil {
        first = newValue.map { (id, $0) }
      } else {
        others[id] = newValue
      }
    }
  }

  /// By ascending id. Complexity: O(n log n).
  var sorted: [(id: DocumentID, value: Value)] {
    guard let first else { return Self.sorted(others.map { ($0.key, $0.value) }) }
    return others.isEmpty ? [first] : Self.sorted([first] + others.map { ($0.key, $0.value) })
  }

  private static func sorted(
    _ pairs: [(id: DocumentID, value: Value)]
  ) -> [(id: DocumentID, value: Value)] {
    pairs.sorted { $0.id < $1.id }
  }
}
