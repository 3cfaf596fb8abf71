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

  package var json: JSONValue {
    [
      "id": .string(id.description),
      "title": .string(title),
      "notebook": notebook.map { .string($0) } ?? .null,
      "tags": .array(tags.map { .string($0) }),
      "modified": modified.map { .string($0.text) } ?? .null,
      "preview": .string(preview),
      "conflicts": .count(conflicts),
    ]
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
    summary = NoteSummary(document, content, conflicts: try reading.conflicts(document.id).count)
    body = content.body
  }
}

extension NoteSummary {
  /// The most characters of a preview.
  static let previewCountMax = 80

  fileprivate init(_ document: DocumentSummary, _ content: NoteContent, conflicts: Int) {
    id = document.id
    position = document.position
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
