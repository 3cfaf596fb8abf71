package import JSONCoding
package import Skerry

/// A note as a list shows it.
package struct NoteSummary: Hashable, Sendable {
  package var id: DocumentID
  package var title: String
  package var notebook: String?
  package var tags: [String]
  package var modified: Timestamp?
  /// The beginning of the body, on one line.
  package var preview: String
  /// Fields that were set to different values at once and are not resolved.
  package var conflicts: Int
  /// The local order of the last change; a higher one was touched later here.
  package var position: Int64
  /// It came with a snapshot that is still under way: it can be looked at.
  package var isArriving = false

  package var json: JSONValue {
    var json: JSONObject = [
      "id": .string(id.description),
      "title": .string(title),
      "notebook": notebook.map { .string($0) } ?? .null,
      "tags": .array(tags.map { .string($0) }),
      "modified": modified.map { .string($0.text) } ?? .null,
      "preview": .string(preview),
      "conflicts": .count(conflicts),
    ]
    if isArriving { json["arriving"] = true }
    return .object(json)
  }
}

/// A whole note.
package struct Note: Hashable, Sendable {
  package var summary: NoteSummary
  package var body: String
}

extension Note {
  /// Reads a document; nil when it is not a note (it has neither title nor body).
  init?(_ document: DocumentSummary, in reading: borrowing Reading) throws {
    let content = try reading.model(as: NoteContent.self, of: document.id)
    guard content.isNote else { return nil }
    summary = NoteSummary(
      document.id, position: document.position, content,
      conflicts: try reading.conflicts(document.id).count)
    body = content.body
  }
}

extension Note {
  /// What has come of a note with a snapshot; nil for a document that is none.
  init?(arriving id: DocumentID, _ content: NoteContent) {
    guard content.isNote else { return nil }
    summary = NoteSummary(id, position: 0, content, conflicts: 0)
    summary.isArriving = true
    body = content.body
  }
}

extension NoteSummary {
  /// The most characters of a preview.
  static let previewCountMax = 80

  fileprivate init(
    _ id: DocumentID, position: Int64, _ content: NoteContent, conflicts: Int
  ) {
    self.id = id
    self.position = position
    title = content.title
    notebook = content.notebook
    tags = content.tags.sorted()
    modified = content.modified.values.max().flatMap { Timestamp(milliseconds: $0) }
    preview = NoteSummary.preview(of: content.body)
    self.conflicts = conflicts
  }

  static func preview(of body: String) -> String {
    var line = ""
    var count = 0
    for character in body {
      guard count < previewCountMax else { return line + "…" }
      if character.isWhitespace {
        if line.isEmpty || line.last == " " { continue }
        line.append(" ")
      } else {
        line.append(character)
      }
      count += 1
    }
    return line
  }
}
