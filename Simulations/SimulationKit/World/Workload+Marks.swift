import Documents
import ReplicaStore

extension Workload {
  /// Puts a mark on a few characters of the text, or takes one away.
  mutating func mark(in transaction: StoreTransaction, _ document: DocumentID) throws {
    let length = try transaction.document(document)?.count(at: ["body"]) ?? 0
    guard length > 0 else { return }
    let start = random.integer(in: 0...(length - 1))
    let end = start + random.integer(in: 1...min(12, length - start))
    let name = random.element(of: ["bold", "link", "color"]) ?? "bold"
    let expansion = random.element(of: MarkExpansion.allCases) ?? .after
    let values: [Value] = [.bool(true), .string("https://skerry.example"), .integer(7)]
    let editor = try transaction.edit(document)
    if random.chance(millionths: 250_000) {
      try editor.unmark(["body"], start..<end, name: name, expand: expansion)
    } else {
      try editor.mark(
        ["body"], start..<end, name: name, value: random.element(of: values) ?? .bool(true),
        expand: expansion)
    }
  }
}
