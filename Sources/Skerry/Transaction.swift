internal import ReplicaStore

/// Edits to any number of documents that become visible together or not at all.
///
/// It lives as long as the body of `Replica.transaction`. Paths are keys and indices, written as
/// literals: `["items", 3, "done"]`. A call that throws has changed nothing; a body that throws
/// undoes the whole transaction.
public struct Transaction {
  let store: StoreTransaction

  init(_ store: StoreTransaction) {
    self.store = store
  }

  /// A new, empty document. It exists once something is put into it.
  public mutating func createDocument() -> DocumentID {
    store.create()
  }

  /// Sets the value at a path. Objects and arrays become maps and lists.
  public mutating func set(
    _ value: JSONValue, at path: [PathStep], of document: DocumentID
  ) throws(ReplicaError) {
    try edit(document) { editor throws(EditError) in try editor.set(DocumentPath(path), to: value) }
  }

  public mutating func delete(
    at path: [PathStep], of document: DocumentID
  ) throws(ReplicaError) {
    try edit(document) { editor throws(EditError) in try editor.delete(DocumentPath(path)) }
  }

  /// Makes an empty container. Two replicas that make one of a kind at the same key get one.
  public mutating func make(
    _ kind: ContainerKind, at path: [PathStep], of document: DocumentID
  ) throws(ReplicaError) {
    try edit(document) { editor throws(EditError) in try editor.make(DocumentPath(path), kind) }
  }

  public mutating func increment(
    by amount: Int64, at path: [PathStep], of document: DocumentID
  ) throws(ReplicaError) {
    try edit(document) { editor throws(EditError) in
      try editor.increment(DocumentPath(path), by: amount)
    }
  }

  /// Deletes and inserts in a text. Positions count Unicode scalars.
  public mutating func splice(
    at position: Int, deleting count: Int = 0, inserting text: String, in path: [PathStep],
    of document: DocumentID
  ) throws(ReplicaError) {
    try edit(document) { editor throws(EditError) in
      try editor.splice(DocumentPath(path), at: position, delete: count, insert: text)
    }
  }

  /// Deletes and inserts in a list, or nodes under a tree or a node of one. A new node is an
  /// object: as it reads, with `value` and `children`, or what it is to hold.
  public mutating func splice(
    at index: Int, deleting count: Int = 0, inserting values: [JSONValue], in path: [PathStep],
    of document: DocumentID
  ) throws(ReplicaError) {
    try edit(document) { editor throws(EditError) in
      try editor.splice(DocumentPath(path), at: index, delete: count, insert: values)
    }
  }

  /// Moves an element of a list, or a node among those beside it, so that it is number `to`
  /// afterwards. What others do to it at the same time goes with it; when two move it at once it is
  /// there once, and a conflict tells.
  public mutating func move(
    from: Int, to: Int, in path: [PathStep], of document: DocumentID
  ) throws(ReplicaError) {
    try edit(document) { editor throws(EditError) in
      try editor.move(DocumentPath(path), from: from, to: to)
    }
  }

  /// Puts a mark on characters of a text, in place of what they have of that name: `bold`, a link,
  /// a comment. Positions count Unicode scalars. What must be able to stand beside each other on
  /// the same characters, as comments must, needs a name each.
  ///
  /// - Parameter expansion: whether what is typed at an edge, also by others at the same time, is
  ///   marked too.
  public mutating func mark(
    _ range: Range<Int>, name: String, value: Value, expand expansion: MarkExpansion = .after,
    in path: [PathStep], of document: DocumentID
  ) throws(ReplicaError) {
    try edit(document) { editor throws(EditError) in
      try editor.mark(DocumentPath(path), range, name: name, value: value, expand: expansion)
    }
  }

  /// Takes the mark of a name away from characters of a text.
  public mutating func unmark(
    _ range: Range<Int>, name: String, expand expansion: MarkExpansion = .after,
    in path: [PathStep], of document: DocumentID
  ) throws(ReplicaError) {
    try edit(document) { editor throws(EditError) in
      try editor.unmark(DocumentPath(path), range, name: name, expand: expansion)
    }
  }

  /// Moves the node number `from` under the tree or node at `path`, with all that stands under it,
  /// so that it is number `to` under the tree or node at `destination` afterwards. When two move it
  /// at once it is there once, and a conflict tells.
  ///
  /// - Throws: `refused` when it would stand under itself.
  public mutating func moveNode(
    from: Int, under path: [PathStep], to: Int, under destination: [PathStep],
    of document: DocumentID
  ) throws(ReplicaError) {
    try edit(document) { editor throws(EditError) in
      try editor.moveNode(
        DocumentPath(path), from: from, to: DocumentPath(destination), at: to)
    }
  }

  /// Turns the text at `path` into `text` with few and small splices, so that it merges with what
  /// others did meanwhile. Makes the text when nothing is there.
  public mutating func replaceText(
    with text: String, at path: [PathStep], of document: DocumentID
  ) throws(ReplicaError) {
    // Also of a deleted document: an edit brings it back with all that it held.
    let present = try stored(document).flatMap { try? $0.string(at: path) }
    try edit(document) { editor throws(EditError) in
      guard let present else {
        try editor.make(DocumentPath(path), .text)
        if !text.isEmpty { try editor.splice(DocumentPath(path), at: 0, delete: 0, insert: text) }
        return
      }
      try editor.replaceText(present, with: text, at: DocumentPath(path))
    }
  }

  /// Deletes the document as a whole. An edit that somebody makes without having seen this wins.
  public mutating func deleteDocument(_ document: DocumentID) throws(ReplicaError) {
    try edit(document) { editor throws(EditError) in try editor.deleteDocument() }
  }

  /// Decides a conflict. Two people who take the same side or give the same value, even at once,
  /// have decided once; two who decide differently at once have a new conflict, with both decisions
  /// in it. (Where a copy has to be made, of what was in a list or of a base, each makes one.)
  ///
  /// A transaction decides one conflict of a document, before it edits the document. The value
  /// that is given is a plain one: no array and no object.
  ///
  /// - Parameter conflict: the name of one of ``Reading/conflicts(_:)``.
  /// - Throws: `refused` when the document has no such conflict any more, or has another side by
  ///   now (list the conflicts again), or there is no such side.
  public mutating func resolve(
    _ conflict: ConflictID, of document: DocumentID, taking choice: ConflictChoice
  ) throws(ReplicaError) {
    try ReplicaError.translating {
      try store.resolve(conflict, of: document, taking: choice)
    }
  }

  /// Performs one operation as a line of `skerry apply` spells it:
  /// `{"op":"set","path":["title"],"value":"Plan"}`.
  public mutating func apply(
    operation: JSONValue, to document: DocumentID
  ) throws(ReplicaError) {
    try edit(document) { editor throws(EditError) in try editor.apply(operation: operation) }
  }

  /// Takes the steps that patches tell, in their order, as edits of this transaction: what leads
  /// from one version of a document to another, done to a third.
  ///
  /// - Throws: `refused` when a step does not fit the document.
  public mutating func apply(
    _ patches: [DocumentPatch], to document: DocumentID
  ) throws(ReplicaError) {
    try edit(document) { editor throws(EditError) in try editor.apply(patches) }
  }

  /// The document, or a part of it, with what this transaction did.
  public func json(
    _ document: DocumentID, path: [PathStep] = []
  ) throws(ReplicaError) -> JSONValue {
    try live(document).value(at: path)
  }

  public func text(_ document: DocumentID, path: [PathStep]) throws(ReplicaError) -> String {
    try live(document).string(at: path)
  }

  /// Whether there is such a document and it is not deleted.
  public func contains(_ document: DocumentID) throws(ReplicaError) -> Bool {
    guard let found = try stored(document) else { return false }
    return !found.isDeleted
  }

  public func isDeleted(_ document: DocumentID) throws(ReplicaError) -> Bool {
    try stored(document)?.isDeleted ?? false
  }

  /// A text, also of a deleted document: an edit brings that back with all that it held.
  func presentText(_ document: DocumentID, at path: [PathStep]) throws(ReplicaError) -> String {
    guard let found = try stored(document) else { throw .noDocument(document) }
    return try ReplicaError.translating { try found.text(at: DocumentPath(path)) }
  }

  /// A document as it is or, when it is deleted, was.
  func present(_ document: DocumentID) throws(ReplicaError) -> JSONValue {
    guard let found = try stored(document) else { throw .noDocument(document) }
    return try found.value(at: [])
  }

  private func stored(_ document: DocumentID) throws(ReplicaError) -> Document? {
    try ReplicaError.translating { try store.document(document) }
  }

  func live(_ document: DocumentID) throws(ReplicaError) -> Document {
    guard let found = try stored(document) else { throw .noDocument(document) }
    guard !found.isDeleted else { throw .deleted(document) }
    return found
  }

  private func edit(
    _ document: DocumentID, _ body: (Editor) throws(EditError) -> Void
  ) throws(ReplicaError) {
    try ReplicaError.translating { try body(store.edit(document)) }
  }

  func editor(of document: DocumentID) throws(ReplicaError) -> Editor {
    try ReplicaError.translating { try store.edit(document) }
  }
}
