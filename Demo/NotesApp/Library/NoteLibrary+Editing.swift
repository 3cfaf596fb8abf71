package import Skerry
internal import TerminalKit

extension NoteLibrary {
  /// What a person does to notes; each is one transaction.
  package enum Edit: Sendable {
    case create(title: String, body: String, notebook: String?, tags: [String])
    /// Nil leaves a field as it is.
    case change(DocumentID, title: String?, body: String?)
    case append(DocumentID, String)
    case move(DocumentID, notebook: String?)
    case tag(DocumentID, add: [String], remove: [String])
    case delete(DocumentID)
    /// Brings a deleted note back.
    case restore(DocumentID)
  }

  /// Does edits in order with one wait for the disk. An edit that is refused changes nothing and
  /// the others go on. Gives the id of the note that each touched.
  package func perform(_ edits: [Edit]) async throws -> [Result<DocumentID, any Error>] {
    let touch = Touch(key: replicaKey, time: now())
    let bodies = edits.map { edit -> @Sendable (inout Transaction) throws -> DocumentID in
      { transaction in try edit.perform(in: &transaction, touch) }
    }
    return try await replica.transactions(bodies).map { result in result.map(\.value) }
  }

  @discardableResult
  package func perform(_ edit: Edit) async throws -> DocumentID {
    let touch = Touch(key: replicaKey, time: now())
    return try await replica.transaction { transaction in
      try edit.perform(in: &transaction, touch)
    }.value
  }

  /// Writes what somebody made of `base` into the note, beside whatever happened to it meanwhile. A
  /// note that was deleted meanwhile comes back: nothing that was written is lost.
  ///
  /// - Returns: the note's text now, with both.
  package func merge(_ id: DocumentID, base: String, text: String) async throws -> String {
    let touch = Touch(key: replicaKey, time: now())
    return try await replica.transaction { transaction in
      if !(try transaction.contains(id)) { try touch.revive(id, in: &transaction) }
      let present = try transaction.text(id, path: NoteFields.body)
      let splices = TextMerge.splices(base: base, mine: text, theirs: present)
      guard !splices.isEmpty else { return present }
      for splice in splices.reversed() {
        try transaction.splice(
          at: splice.offset, deleting: splice.deleted, inserting: splice.inserted,
          in: NoteFields.body, of: id)
      }
      try touch.touch(id, in: &transaction)
      return try transaction.text(id, path: NoteFields.body)
    }.value
  }
}

extension NoteLibrary.Edit {
  fileprivate func perform(
    in transaction: inout Transaction, _ touch: Touch
  ) throws -> DocumentID {
    let id: DocumentID
    switch self {
    case .create(let title, let body, let notebook, let tags):
      id = transaction.createDocument()
      try transaction.set(.string(title), at: NoteFields.title, of: id)
      try transaction.make(.text, at: NoteFields.body, of: id)
      try transaction.make(.map, at: NoteFields.tags, of: id)
      if !body.isEmpty {
        try transaction.splice(at: 0, deleting: 0, inserting: body, in: NoteFields.body, of: id)
      }
      if let notebook { try transaction.set(.string(notebook), at: NoteFields.notebook, of: id) }
      for tag in tags { try transaction.set(true, at: NoteFields.tag(tag), of: id) }
    case .change(let note, let title, let body):
      id = try existing(note, in: transaction)
      if let title { try transaction.set(.string(title), at: NoteFields.title, of: id) }
      if let body { try transaction.replaceText(with: body, at: NoteFields.body, of: id) }
    case .append(let note, let text):
      id = try existing(note, in: transaction)
      let body = try transaction.text(id, path: NoteFields.body)
      try transaction.splice(
        at: body.unicodeScalars.count, deleting: 0, inserting: text, in: NoteFields.body, of: id)
    case .move(let note, let notebook):
      id = try existing(note, in: transaction)
      try transaction.set(notebook.map { .string($0) } ?? .null, at: NoteFields.notebook, of: id)
    case .tag(let note, let add, let remove):
      id = try existing(note, in: transaction)
      let present = (try? transaction.json(id, path: NoteFields.tags))?.objectValue
      if present == nil { try transaction.make(.map, at: NoteFields.tags, of: id) }
      for tag in add { try transaction.set(true, at: NoteFields.tag(tag), of: id) }
      for tag in remove where present?[tag] != nil {
        try transaction.delete(at: NoteFields.tag(tag), of: id)
      }
    case .delete(let note):
      id = try existing(note, in: transaction)
      try transaction.deleteDocument(id)
      return id
    case .restore(let note):
      guard !(try transaction.contains(note)) else {
        throw NoteError.notDeleted(note.description)
      }
      try touch.revive(note, in: &transaction)
      return note
    }
    try touch.touch(id, in: &transaction)
    return id
  }

  private func existing(_ id: DocumentID, in transaction: Transaction) throws -> DocumentID {
    guard try transaction.contains(id) else { throw NoteError.noSuchNote(id.description) }
    return id
  }
}

/// The mark of who edited a note when.
private struct Touch: Sendable {
  var key: String
  var time: Timestamp

  func touch(_ id: DocumentID, in transaction: inout Transaction) throws {
    if (try? transaction.json(id, path: NoteFields.modified))?.objectValue == nil {
      try transaction.make(.map, at: NoteFields.modified, of: id)
    }
    try transaction.set(.integer(time.milliseconds), at: NoteFields.modified(by: key), of: id)
  }

  /// Any edit brings a deleted document back, with what was in it; this one says when.
  func revive(_ id: DocumentID, in transaction: inout Transaction) throws {
    do {
      try transaction.set(.integer(time.milliseconds), at: NoteFields.modified(by: key), of: id)
    } catch {
      guard error.code == .refused else { throw error }
      throw NoteError.noSuchNote(id.description)
    }
  }
}
