import Documents
import JSONCoding
import ReplicaStore

extension Workload {
  /// The tree that is worked at.
  private static let tree: DocumentPath = ["tree"]
  /// How many steps of a path are taken: below are nodes that were carried along.
  private static let stepsMax = 8

  /// Plants, moves or fells a node, or writes into one.
  mutating func editTree(
    in transaction: StoreTransaction, _ document: DocumentID
  ) throws {
    let editor = try transaction.edit(document)
    try editor.make(Self.tree, .tree)
    let path = try node(of: editor.document)
    let count = try editor.document.count(at: path)
    let place = random.integer(in: 0...count)
    let isNode = path.steps.count > Self.tree.steps.count
    switch random.integer(in: 0...9) {
    case 0...3:
      let number = JSONValue.integer(Int64(random.integer(in: 0...999)))
      try editor.createNode(path, at: place, ["n": number])
    case 4 where isNode: try editor.delete(path)
    case 5 where isNode: try editor.set(path.appending("n"), to: .count(random.integer(in: 0...9)))
    default:
      let destination = try node(of: editor.document)
      let isWithin = destination.steps.starts(with: path.appending(.index(place)).steps)
      guard place < count, !isWithin else { return }
      let there = try editor.document.count(at: destination) - (destination == path ? 1 : 0)
      do {
        try editor.moveNode(
          path, from: place, to: destination, at: random.integer(in: 0...max(0, there)))
      } catch let error where error.code == .limitExceeded {
        // Grown too tall by moves made at once.
      }
    }
  }

  /// The tree or a node, mostly one not far below the top.
  private mutating func node(of document: Document) throws -> DocumentPath {
    var path = Self.tree
    while path.steps.count < Self.stepsMax {
      let count = try document.count(at: path)
      guard count > 0, random.integer(in: 0...2) > 0 else { break }
      path = path.appending(.index(random.integer(in: 0...(count - 1))))
    }
    return path
  }
}
