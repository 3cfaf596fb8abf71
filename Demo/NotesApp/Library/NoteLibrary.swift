public import JSONCoding
public import Skerry

/// The notes of one store: what every way of using the application (commands, batch, full screen)
/// does, in one place.
public struct NoteLibrary: Sendable {
  public let replica: Replica
  /// The key under which this replica keeps its times.
  private let replicaKey: String
  private let now: @Sendable () -> Timestamp

  /// - Parameter now: the wall clock; it is shown to people and decides nothing.
  public init(_ replica: Replica, now: @escaping @Sendable () -> Timestamp) async throws {
    self.replica = replica
    self.now = now
    replicaKey = String(try await replica.identity().origin.description.prefix(16))
  }

  // MARK: - Reading

  /// The notes, the one changed last first.
  public func list(limit: Int = .max) async throws -> [NoteSummary] {
    try await replica.read { reading in
      var notes: [NoteSummary] = []
      let documents = try reading.documents(after: nil, limit: .max)
      for document in documents.sorted(by: { $0.position > $1.position }) {
        guard notes.count < limit else { break }
        let json = try reading.json(document.id)
        let conflicts = try reading.conflictCount(document.id)
        if let note = NoteSummary(document, json: json, conflicts: conflicts) { notes.append(note) }
      }
      return notes
    }
  }

  public func note(_ id: DocumentID) async throws -> Note {
    try await replica.read { reading in
      guard let document = try reading.summary(id) else { throw NoteError.noSuchNote(id.description) }
      let json = try reading.json(id)
      guard
        let summary = NoteSummary(document, json: json, conflicts: try reading.conflictCount(id))
      else { throw NoteError.notANote(id.description) }
      return Note(summary: summary, body: json.objectValue?["body"]?.stringValue ?? "")
    }
  }

  /// The note whose id begins with `prefix`.
  public func id(matching prefix: String) async throws -> DocumentID {
    if let id = DocumentID(hexadecimal: prefix) { return id }
    let wanted = prefix.lowercased()
    guard !wanted.isEmpty else { throw NoteError.noSuchNote(prefix) }
    let matches = try await replica.documents(after: nil, limit: .max)
      .filter { $0.id.description.hasPrefix(wanted) }
    switch matches.count {
    case 0: throw NoteError.noSuchNote(prefix)
    case 1: return matches[0].id
    default: throw NoteError.severalNotes(prefix, matches.count)
    }
  }

  /// The notes that contain every word, in title, body or tags, whatever the case.
  ///
  /// Complexity: reads every note.
  public func search(_ words: [String]) async throws -> [NoteSummary] {
    let wanted = words.map { $0.lowercased() }.filter { !$0.isEmpty }
    return try await replica.read { reading in
      var found: [NoteSummary] = []
      let documents = try reading.documents(after: nil, limit: .max)
      for document in documents.sorted(by: { $0.position > $1.position }) {
        let json = try reading.json(document.id)
        let conflicts = try reading.conflictCount(document.id)
        guard let note = NoteSummary(document, json: json, conflicts: conflicts) else { continue }
        let body = json.objectValue?["body"]?.stringValue ?? ""
        let text = ([note.title, body] + note.tags).joined(separator: "\n").lowercased()
        if wanted.allSatisfy({ text.contains($0) }) { found.append(note) }
      }
      return found
    }
  }

  // MARK: - Writing

  /// What a person does to notes; each is one transaction.
  public enum Edit: Sendable {
    case create(title: String, body: String, notebook: String?, tags: [String])
    /// Nil leaves a field as it is.
    case change(DocumentID, title: String?, body: String?)
    case append(DocumentID, String)
    case move(DocumentID, notebook: String?)
    case tag(DocumentID, add: [String], remove: [String])
    case delete(DocumentID)
  }

  /// Does edits in order with one wait for the disk. An edit that is refused changes nothing and the
  /// others go on. Gives the id of the note that each touched.
  public func perform(_ edits: [Edit]) async throws -> [Result<DocumentID, any Error>] {
    let time = now()
    let key = replicaKey
    let bodies = edits.map { edit -> @Sendable (inout Transaction) throws -> DocumentID in
      { transaction in try NoteLibrary.perform(edit, in: &transaction, at: time, by: key) }
    }
    return try await replica.transactions(bodies).map { result in result.map(\.value) }
  }

  @discardableResult
  public func perform(_ edit: Edit) async throws -> DocumentID {
    guard let result = try await perform([edit]).first else { throw NoteError.noSuchNote("") }
    return try result.get()
  }

  private static func perform(
    _ edit: Edit, in transaction: inout Transaction, at time: Timestamp, by key: String
  ) throws -> DocumentID {
    let id: DocumentID
    switch edit {
    case .create(let title, let body, let notebook, let tags):
      id = try transaction.createDocument()
      try transaction.set(.string(title), at: NoteFields.title, of: id)
      try transaction.make(.text, at: NoteFields.body, of: id)
      try transaction.make(.map, at: NoteFields.tags, of: id)
      try transaction.make(.map, at: NoteFields.modified, of: id)
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
      let present = try transaction.json(id).objectValue?["tags"]?.objectValue
      if present == nil { try transaction.make(.map, at: NoteFields.tags, of: id) }
      for tag in add { try transaction.set(true, at: NoteFields.tag(tag), of: id) }
      for tag in remove where present?[tag] != nil {
        try transaction.delete(at: NoteFields.tag(tag), of: id)
      }
    case .delete(let note):
      id = try existing(note, in: transaction)
      try transaction.deleteDocument(id)
      return id
    }
    try touch(id, in: &transaction, at: time, by: key)
    return id
  }

  private static func existing(
    _ id: DocumentID, in transaction: borrowing Transaction
  ) throws -> DocumentID {
    guard try transaction.contains(id) else { throw NoteError.noSuchNote(id.description) }
    return id
  }

  private static func touch(
    _ id: DocumentID, in transaction: inout Transaction, at time: Timestamp, by key: String
  ) throws {
    if try transaction.json(id).objectValue?["modified"]?.objectValue == nil {
      try transaction.make(.map, at: NoteFields.modified, of: id)
    }
    try transaction.set(
      .integer(time.milliseconds), at: NoteFields.modified(by: key), of: id)
  }
}

/// Why something cannot be done to a note: a sentence.
public enum NoteError: Error, Equatable, CustomStringConvertible {
  case noSuchNote(String)
  case notANote(String)
  case severalNotes(String, Int)
  case badCommand(String)

  public var description: String {
    switch self {
    case .noSuchNote(let id): "there is no note '\(id)'; 'notes list' shows the ids"
    case .notANote(let id): "the document '\(id)' is not a note: it has neither title nor body"
    case .severalNotes(let prefix, let count):
      "\(count) notes have an id that begins with '\(prefix)'; give more of it"
    case .badCommand(let sentence): sentence
    }
  }
}
