package import Skerry

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
      let present = try transaction.read(as: NoteContent.self, of: id)
      var before = present
      before.body = base
      var after = present
      after.body = text
      try transaction.write(after, replacing: before, of: id)
      let merged = try transaction.read(as: NoteContent.self, of: id).body
      if !merged.utf8.elementsEqual(present.body.utf8) {
        try transaction.update(as: NoteContent.self, of: id) { touch.mark(&$0) }
      }
      return merged
    }.value
  }
}

extension NoteLibrary.Edit {
  fileprivate func perform(
    in transaction: inout Transaction, _ touch: Touch
  ) throws -> DocumentID {
    switch self {
    case .create(let title, let body, let notebook, let tags):
      var note = NoteContent(title: title, body: body, notebook: notebook, tags: tags)
      touch.mark(&note)
      return try transaction.createDocument(note)
    case .change(let id, let title, let body):
      return try touch.update(id, in: &transaction) { note in
        if let title { note.title = title }
        if let body { note.body = body }
      }
    case .append(let id, let text):
      return try touch.update(id, in: &transaction) { $0.body += text }
    case .move(let id, let notebook):
      return try touch.update(id, in: &transaction) { $0.notebook = notebook }
    case .tag(let id, let add, let remove):
      return try touch.update(id, in: &transaction) { note in
        note.tags.formUnion(add)
        note.tags.subtract(remove)
      }
    case .delete(let id):
      try touch.expect(id, in: transaction)
      try transaction.deleteDocument(id)
      return id
    case .restore(let id):
      guard !(try transaction.contains(id)) else { throw NoteError.notDeleted(id.description) }
      try touch.revive(id, in: &transaction)
      return id
    }
  }
}

/// The mark of who edited a note when.
private struct Touch: Sendable {
  var key: String
  var time: Timestamp

  func mark(_ note: inout NoteContent) { note.modified[key] = time.milliseconds }

  /// Lets `change` edit a note that is there.
  func update(
    _ id: DocumentID, in transaction: inout Transaction, _ change: (inout NoteContent) -> Void
  ) throws -> DocumentID {
    try expect(id, in: transaction)
    try transaction.update(as: NoteContent.self, of: id) { note in
      change(&note)
      mark(&note)
    }
    return id
  }

  func expect(_ id: DocumentID, in transaction: Transaction) throws {
    guard try transaction.contains(id) else { throw NoteError.noSuchNote(id.description) }
  }

  /// Any edit brings a deleted document back, with what was in it; this one says when.
  func revive(_ id: DocumentID, in transaction: inout Transaction) throws {
    do {
      try transaction.set(
        .integer(time.milliseconds), at: NoteContent.modifiedPath(by: key), of: id)
    } catch {
      guard error.code == .refused else { throw error }
      throw NoteError.noSuchNote(id.description)
    }
  }
}
