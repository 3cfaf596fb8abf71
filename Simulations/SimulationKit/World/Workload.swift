import Causality
import Documents
import JSONCoding
import ReplicaStore

/// What people do at a replica: turns an item of a plan into edits, from the item's own chance and
/// what the replica shows at that moment.
struct Workload {
  private var random: RandomStream

  /// Letters that people really type, some of them troublesome.
  private static let snippets = [
    "a", "note", " and ", "\n", "\r\n", "é", "e\u{301}", "🪗", "👩‍👩‍👧", "\u{0}", "東京", "ﷺ", "  ", "x",
    "bread, cheese",
  ]

  init(_ work: Plan.Work) {
    random = RandomStream(seed: work.salt, work.kind.rawValue)
  }

  /// Performs the work in a transaction.
  ///
  /// - Parameter documents: those that the replica shows, sorted.
  /// - Throws: `EditError` never in the life of a correct engine: every edit is made to fit.
  mutating func perform(
    _ kind: Plan.Work.Kind, in transaction: StoreTransaction, documents: [DocumentID]
  ) throws {
    guard kind != .create, let document = random.element(of: documents) else {
      return try create(in: transaction)
    }
    switch kind {
    case .create: break
    case .setField:
      let key = random.element(of: ["title", "color", "place"]) ?? "title"
      let value = JSONValue.integer(Int64(random.integer(in: 0...999)))
      try transaction.edit(document).set([.key(key)], to: value)
    case .increment:
      let amount = Int64(random.integer(in: -5...5))
      try transaction.edit(document).increment(["count"], by: amount)
    case .insertText:
      let length = try text(of: document, in: transaction).unicodeScalars.count
      let position = random.integer(in: 0...length)
      var typed = ""
      for _ in 0..<random.integer(in: 1...6) { typed += random.element(of: Self.snippets) ?? "" }
      try transaction.edit(document).splice(["body"], at: position, delete: 0, insert: typed)
    case .deleteText:
      let length = try text(of: document, in: transaction).unicodeScalars.count
      guard length > 0 else { return }
      let position = random.integer(in: 0...(length - 1))
      let count = random.integer(in: 1...min(8, length - position))
      try transaction.edit(document).splice(["body"], at: position, delete: count, insert: "")
    case .insertItem:
      let count = try items(of: document, in: transaction)
      let position = random.integer(in: 0...count)
      let value = JSONValue.integer(Int64(random.integer(in: 0...999)))
      try transaction.edit(document).splice(["items"], at: position, delete: 0, insert: [value])
    case .removeItem:
      let count = try items(of: document, in: transaction)
      guard count > 0 else { return }
      let position = random.integer(in: 0...(count - 1))
      try transaction.edit(document).splice(
        ["items"], at: position, delete: 1, insert: [JSONValue]())
    case .deleteDocument:
      try transaction.edit(document).deleteDocument()
    case .transfer:
      guard let other = random.element(of: documents.filter { $0 != document }) else { return }
      let amount = Int64(random.integer(in: 1...100))
      try transaction.edit(document).increment(["balance"], by: -amount)
      try transaction.edit(other).increment(["balance"], by: amount)
    }
  }

  private mutating func create(in transaction: StoreTransaction) throws {
    let title = "document \(random.integer(in: 0...999))"
    let document = transaction.create()
    let editor = try transaction.edit(document)
    try editor.set(["title"], to: .string(title))
    try editor.make(["body"], .text)
    try editor.make(["count"], .counter)
    try editor.make(["balance"], .counter)
    try editor.make(["items"], .list)
  }

  private func text(
    of document: DocumentID, in transaction: StoreTransaction
  ) throws -> String {
    try transaction.document(document)?.json(at: ["body"]).stringValue ?? ""
  }

  private func items(
    of document: DocumentID, in transaction: StoreTransaction
  ) throws -> Int {
    try transaction.document(document)?.json(at: ["items"]).arrayValue?.count ?? 0
  }
}
