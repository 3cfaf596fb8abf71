import Causality
import Documents
import JSONCoding
import ReplicaStore

/// What people do at a replica: turns an item of a plan into edits, from the item's own chance and
/// what the replica shows at that moment.
struct Workload {
  let kind: Plan.Work.Kind
  /// One act is this many transactions, committed together.
  let transactionCount: Int
  /// A key that is set in the document, by which the edit is known wherever it went; nil when
  /// nobody asks.
  let mark: String?
  /// The operation of a later release that it wrote.
  private(set) var ofLaterRelease: Operation.Action?
  /// Those that the replica has.
  var drafts: [Draft] = []
  /// The draft that it merged.
  var merge: Merge?
  var random: RandomStream
  /// Where somebody is typing.
  private var typing: (document: DocumentID, position: Int)?

  /// What no relay may ever see, nor anybody on the wire.
  static let canary = "canary-7f3a"

  /// Letters that people really type, some of them troublesome.
  private static let snippets = [
    "a", "note", " and ", "\n", "\r\n", "é", "e\u{301}", "🪗", "👩‍👩‍👧", "\u{0}", "東京", "ﷺ", "  ", "x",
    "bread, cheese", canary,
  ]

  /// - Parameter isOfFirstRelease: whether the replica knows nothing of what came later.
  init(_ work: Plan.Work, isMarked: Bool, isOfFirstRelease: Bool) {
    kind = isOfFirstRelease && work.kind.isLater ? .setField : work.kind
    random = RandomStream(seed: work.salt, kind.rawValue)
    transactionCount = kind == .type ? random.integer(in: 2...20) : 1
    // A deletion would take its mark with it; a decision, or a draft that is merged, has to come
    // before all other edits.
    let isEdit = ![.deleteDocument, .resolve, .draft].contains(kind)
    mark = isMarked && isEdit ? "mark-" + String(work.salt, radix: 16) : nil
  }

  /// Performs the work in a transaction.
  ///
  /// - Parameter documents: those that the replica shows, sorted.
  /// - Throws: `EditError` never in the life of a correct engine: every edit is made to fit.
  mutating func perform(
    in transaction: StoreTransaction, documents: [DocumentID]
  ) throws {
    guard kind != .create, let document = random.element(of: documents) else {
      return try create(in: transaction)
    }
    if let mark {
      try transaction.edit(document).set(DocumentPath([.key(mark)]), to: .bool(true))
    }
    guard try isOrdinary(document, transaction) else {
      // Somebody who cheats has made it, or made something else of it.
      return try transaction.edit(document).set(["title"], to: "what is this?")
    }
    try act(kind, on: document, in: transaction, documents: documents)
  }

  /// - Parameter documents: those that there are besides.
  mutating func act(
    _ kind: Plan.Work.Kind, on document: DocumentID, in transaction: StoreTransaction,
    documents: [DocumentID]
  ) throws {
    switch kind {
    case .create, .show, .declare: break
    case .setField:
      let key = random.element(of: ["title", "color", "place"]) ?? "title"
      let value = JSONValue.integer(Int64(random.integer(in: 0...999)))
      try transaction.edit(document).set([.key(key)], to: value)
    case .increment:
      let amount = Int64(random.integer(in: -5...5))
      try transaction.edit(document).increment(["count"], by: amount)
    case .insertText:
      let length = try length(ofTextIn: document, transaction)
      let position = random.integer(in: 0...length)
      try transaction.edit(document).splice(["body"], at: position, delete: 0, insert: typed())
    case .type: try type(in: transaction, document)
    case .rewriteText: try rewrite(in: transaction, document)
    case .deleteText:
      let length = try length(ofTextIn: document, transaction)
      guard length > 0 else { return }
      let position = random.integer(in: 0...(length - 1))
      let count = random.integer(in: 1...min(8, length - position))
      try transaction.edit(document).splice(["body"], at: position, delete: count, insert: "")
    case .insertItem:
      let count = try count(ofItemsIn: document, transaction)
      let position = random.integer(in: 0...count)
      let value = JSONValue.integer(Int64(random.integer(in: 0...999)))
      try transaction.edit(document).splice(["items"], at: position, delete: 0, insert: [value])
    case .removeItem:
      let count = try count(ofItemsIn: document, transaction)
      guard count > 0 else { return }
      let position = random.integer(in: 0...(count - 1))
      try transaction.edit(document).splice(
        ["items"], at: position, delete: 1, insert: [JSONValue]())
    case .moveItem:
      let count = try count(ofItemsIn: document, transaction)
      guard count > 1 else { return }
      // Mostly the same few, so that two people move one at once.
      let from = random.integer(in: 0...min(1, count - 1))
      let to = random.integer(in: 0...(count - 1))
      try transaction.edit(document).move(["items"], from: from, to: to)
    case .editTree: try editTree(in: transaction, document)
    case .resolve: try resolve(in: transaction, documents)
    case .mark: try mark(in: transaction, document)
    case .draft: try workAtDrafts(in: transaction, document)
    case .future:
      let bytes = (0..<random.integer(in: 0...40)).map { _ in UInt8(random.integer(in: 0...255)) }
      let code = UInt64(random.integer(in: 1_000...1_000_000))
      let count = random.integer(in: 1...3)
      try transaction.edit(document).write(unknown: code, eventCount: count, bytes: bytes)
      ofLaterRelease = .unknown(code: code, eventCount: count, bytes: bytes)
      let title = JSONValue.string("changed by a later release")
      try transaction.edit(document).set(["title"], to: title)
    case .deleteDocument: try transaction.edit(document).deleteDocument()
    case .transfer:
      guard let other = random.element(of: documents.filter { $0 != document }),
        try isOrdinary(other, transaction)
      else { return }
      let amount = Int64(random.integer(in: 1...100))
      try transaction.edit(document).increment(["balance"], by: -amount)
      try transaction.edit(other).increment(["balance"], by: amount)
    }
  }

  /// Decides some conflict of the first document that has one, from a random one on.
  private mutating func resolve(
    in transaction: StoreTransaction, _ documents: [DocumentID]
  ) throws {
    let start = random.integer(in: 0...(documents.count - 1))
    for document in documents[start...] + documents[..<start] {
      let conflicts = try transaction.conflicts(of: document)
      guard let conflict = random.element(of: conflicts) else { continue }
      let side = random.integer(in: 0...(conflict.sides.count - 1))
      do {
        return try transaction.resolve(conflict.id, of: document, taking: .side(side))
      } catch  where conflict.kind == .position && side < conflict.sides.count - 1 {
        // What a side has put a node under may be gone, or under the node by now.
        return try transaction.resolve(
          conflict.id, of: document, taking: .side(conflict.sides.count - 1))
      }
    }
  }

  /// Whether it has the parts that ``create(in:)`` gives to a document.
  func isOrdinary(
    _ document: DocumentID, _ transaction: StoreTransaction
  ) throws -> Bool {
    guard let document = try transaction.document(document) else { return false }
    let parts: [(DocumentPath, ContainerKind)] = [
      (["body"], .text), (["items"], .list), (["count"], .counter), (["balance"], .counter),
    ]
    return parts.allSatisfy { path, kind in (try? document.kind(at: path)) == kind }
  }

  private mutating func create(in transaction: StoreTransaction) throws {
    let title = "document \(random.integer(in: 0...999)) \(Self.canary)"
    let document = transaction.create()
    let editor = try transaction.edit(document)
    try editor.set(["title"], to: .string(title))
    try editor.make(["body"], .text)
    try editor.make(["count"], .counter)
    try editor.make(["balance"], .counter)
    try editor.make(["items"], .list)
    if let mark { try editor.set(DocumentPath([.key(mark)]), to: .bool(true)) }
  }

  /// A letter behind the last one.
  private mutating func type(in transaction: StoreTransaction, _ document: DocumentID) throws {
    let place: (document: DocumentID, position: Int)
    if let typing {
      place = typing
    } else {
      let length = try length(ofTextIn: document, transaction)
      place = (document, random.integer(in: 0...length))
    }
    let letter = random.element(of: ["a", "b", "c", " ", "é", "京"]) ?? "a"
    try transaction.edit(place.document).splice(
      ["body"], at: place.position, delete: 0, insert: letter)
    typing = (place.document, place.position + 1)
  }

  /// Puts other words, or none, in the place of some, mostly of the same that others rewrite.
  private mutating func rewrite(
    in transaction: StoreTransaction, _ document: DocumentID
  ) throws {
    let length = try length(ofTextIn: document, transaction)
    guard length > 0 else {
      return try transaction.edit(document).splice(["body"], at: 0, delete: 0, insert: typed())
    }
    let position = random.integer(in: 0...min(6, length - 1))
    let count = random.integer(in: 1...min(6, length - position))
    let text = random.chance(millionths: 700_000) ? typed() : ""
    try transaction.edit(document).splice(["body"], at: position, delete: count, insert: text)
  }

  private mutating func typed() -> String {
    var typed = ""
    for _ in 0..<random.integer(in: 1...6) { typed += random.element(of: Self.snippets) ?? "" }
    return typed
  }

  private func length(
    ofTextIn document: DocumentID, _ transaction: StoreTransaction
  ) throws -> Int {
    try transaction.document(document)?.count(at: ["body"]) ?? 0
  }

  private func count(
    ofItemsIn document: DocumentID, _ transaction: StoreTransaction
  ) throws -> Int {
    try transaction.document(document)?.count(at: ["items"]) ?? 0
  }
}
