import Documents
import JSONCoding
import ReplicaStore

// Marks of texts, and trees.
extension Workload {
  mutating func mark(in transaction: StoreTransaction, _ document: DocumentID) throws {
    let length = try transaction.document(document)?.count(at: ["body"]) ?? 0
    guard length > 0 else { return }
    let start = random.integer(in: 0...(length - 1))
    let end = start + random.integer(in: 1...min(12, length - start))
    let name = random.element(of: ["bold", "link", "color"]) ?? "bold"
    let values: [Value] = [.bool(true), .string("https://skerry.example"), .integer(7), .null]
    let expansion = random.element(of: MarkExpansion.allCases) ?? .after
    try transaction.edit(document).mark(
      ["body"], start..<end, name: name, value: random.element(of: values) ?? .null,
      expand: expansion)
  }

  /// Trees are small, so that two people often have to do with the same node.
  mutating func editTree(in transaction: StoreTransaction, _ document: DocumentID) throws {
    let editor = try transaction.edit(document)
    try editor.make(["tree"], .tree)
    guard let node = randomNode(of: editor.document) else {
      try editor.createNode(["tree"], at: 0)
      return
    }
    let siblings = DocumentPath(Array(node.path.steps.dropLast()))
    switch kind {
    case .moveNode:
      guard let other = randomNode(of: editor.document) else { return }
      do {
        try editor.moveNode(siblings, from: node.index, to: other.path, at: 0)
      } catch where error.code == .cycle || error.code == .limitExceeded {
        // Under itself; or deeper than a tree may be.
      }
    case .cutTree: try editor.delete(node.path)
    default:
      guard node.path.steps.count < 8 else { return }
      try editor.createNode(node.path, at: 0)
      let title = JSONValue.integer(Int64(random.integer(in: 0...99)))
      try editor.set(node.path.appending(.index(0)).appending(.key("title")), to: title)
    }
  }

  /// By its path; nil in an empty tree.
  private mutating func randomNode(
    of document: Document
  ) -> (path: DocumentPath, index: Int)? {
    var path: DocumentPath = ["tree"]
    var found: (path: DocumentPath, index: Int)?
    while let count = try? document.count(at: path), count > 0 {
      let index = random.integer(in: 0...(count - 1))
      path = path.appending(.index(index))
      found = (path, index)
      if random.chance(millionths: 400_000) { break }
    }
    return found
  }
}
