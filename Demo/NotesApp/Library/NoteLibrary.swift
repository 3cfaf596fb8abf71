package import JSONCoding
package import Skerry

/// The notes of one store: what every way of using the application (commands, batch, full screen)
/// does, in one place.
package struct NoteLibrary: Sendable {
  package let replica: Replica
  /// The key under which this replica keeps its times.
  let replicaKey: String
  let now: @Sendable () -> Timestamp

  /// - Parameter now: the wall clock; it is shown to people and decides nothing.
  package init(_ replica: Replica, now: @escaping @Sendable () -> Timestamp) async throws {
    self.replica = replica
    self.now = now
    replicaKey = String(try await replica.identity().origin.description.prefix(16))
  }

  /// The notes, the one changed last first.
  package func list(limit: Int = .max) async throws -> [NoteSummary] {
    let notes = try await select(limit: limit) { _, _ in true }
    // A device that has just joined has nothing of its own until all has come.
    return notes.isEmpty ? try await arriving(limit: limit) : notes
  }

  private func arriving(limit: Int) async throws -> [NoteSummary] {
    try await replica.arrivingModels(as: NoteContent.self, limit: min(limit, Self.arrivingMax))
      .compactMap { Note(arriving: $0.id, $0.model)?.summary }
  }

  /// How many notes are listed that are arriving: mostly the newest.
  private static let arrivingMax = 200

  /// The notes that contain every word, in title, body, notebook or tags, whatever the case; the
  /// one changed last first.
  ///
  /// Complexity: reads every note.
  package func search(_ words: [String], limit: Int = .max) async throws -> [NoteSummary] {
    let wanted = words.flatMap { $0.lowercased().split(whereSeparator: \.isWhitespace) }
    return try await select(limit: limit) { note, body in
      let text = ([note.title, note.notebook ?? "", body] + note.tags).joined(separator: "\n")
        .lowercased()
      return wanted.allSatisfy { text.contains($0) }
    }
  }

  private func select(
    limit: Int, _ isWanted: @escaping @Sendable (NoteSummary, _ body: String) -> Bool
  ) async throws -> [NoteSummary] {
    try await replica.read { reading in
      var notes: [NoteSummary] = []
      let documents = try reading.documents(after: nil, limit: .max)
      for document in documents.sorted(by: { $0.position > $1.position }) {
        guard notes.count < limit else { break }
        guard let note = try Note(document, in: reading), isWanted(note.summary, note.body) else {
          continue
        }
        notes.append(note.summary)
      }
      return notes
    }
  }

  package func note(_ id: DocumentID) async throws -> Note {
    let note: Note? = try await replica.read { reading in
      guard let document = try reading.summary(id) else { return nil }
      guard let note = try Note(document, in: reading) else {
        throw NoteError.notANote(id.description)
      }
      return note
    }
    if let note { return note }
    if let content = try await replica.arrivingModel(as: NoteContent.self, of: id),
      let note = Note(arriving: id, content)
    {
      return note
    }
    throw NoteError.noSuchNote(id.description)
  }

  /// Those of the notes that are there: what a list shows of documents that changed.
  package func summaries(of ids: [DocumentID]) async throws -> [DocumentID: NoteSummary] {
    try await replica.read { reading in
      var notes: [DocumentID: NoteSummary] = [:]
      for id in ids {
        guard let document = try reading.summary(id) else { continue }
        notes[id] = try Note(document, in: reading)?.summary
      }
      return notes
    }
  }

  /// The body as it was at a version, which is written as `v1:…`.
  package func body(_ id: DocumentID, at version: String) async throws -> String {
    let vector: VersionVector
    do {
      vector = try VersionVector(text: version)
    } catch {
      throw NoteError.badVersion(version)
    }
    return try await replica.model(as: NoteContent.self, of: id, version: vector).body
  }

  /// The note whose id begins or ends with `part`. A whole id is taken as it is, so that a deleted
  /// note can be named.
  package func id(matching part: String) async throws -> DocumentID {
    if let id = DocumentID(hexadecimal: part) { return id }
    let wanted = part.lowercased()
    guard !wanted.isEmpty else { throw NoteError.noSuchNote(part) }
    let matches = try await ids().filter { id in
      id.description.hasPrefix(wanted) || id.description.hasSuffix(wanted)
    }
    switch matches.count {
    case 0: throw NoteError.noSuchNote(part)
    case 1: return matches[0]
    default: throw NoteError.severalNotes(part, matches.count)
    }
  }

  /// By what part of its id each note is named on a line.
  package func shortNames() async throws -> ShortNames { ShortNames(try await ids()) }

  private func ids() async throws -> [DocumentID] {
    let ids = try await replica.documents().map(\.id)
    return ids.isEmpty ? try await arriving(limit: Self.arrivingMax).map(\.id) : ids
  }

  /// What the notes and the replica under them are like.
  package func status() async throws -> LibraryStatus {
    let notes = try await select(limit: .max) { _, _ in true }
    return LibraryStatus(
      noteCount: notes.count, conflictCount: notes.reduce(0) { $0 + $1.conflicts },
      replica: try await replica.status())
  }
}

/// How many notes there are, and how the replica under them is.
package struct LibraryStatus: Sendable {
  package var noteCount: Int
  package var conflictCount: Int
  package var replica: Status

  package var json: JSONValue {
    var object = replica.json.objectValue ?? JSONObject()
    object["notes"] = .count(noteCount)
    object["conflicts"] = .count(conflictCount)
    return .object(object)
  }

  package var lines: [String] {
    let notes = noteCount == 1 ? "1 note" : "\(noteCount) notes"
    let conflicts =
      conflictCount == 0
      ? "no conflict" : conflictCount == 1 ? "1 conflict" : "\(conflictCount) conflicts"
    return ["\(notes), \(conflicts)."] + replica.lines
  }
}
