public import JSONCoding
public import Skerry

/// A note as a list shows it.
public struct NoteSummary: Hashable, Sendable {
  public var id: DocumentID
  public var title: String
  public var notebook: String?
  public var tags: [String]
  public var modified: Timestamp?
  /// The beginning of the body, on one line.
  public var preview: String
  /// Fields that were set to different values at once and are not resolved.
  public var conflicts: Int
  /// The local order of the last change; a higher one was touched later here.
  public var position: Int64

  public var json: JSONValue {
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
public struct Note: Hashable, Sendable {
  public var summary: NoteSummary
  public var body: String
}

/// How a note lies in its document, so that people who edit at once lose nothing:
/// the body is a text, tags are the keys of a map, and each replica keeps the time of its last edit
/// under a key of its own, so that these times never collide.
enum NoteFields {
  static let title: [PathStep] = ["title"]
  static let body: [PathStep] = ["body"]
  static let notebook: [PathStep] = ["notebook"]
  static let tags: [PathStep] = ["tags"]
  static let modified: [PathStep] = ["modified"]

  static func tag(_ name: String) -> [PathStep] { tags + [.key(name)] }

  static func modified(by replica: String) -> [PathStep] { modified + [.key(replica)] }
}

extension NoteSummary {
  /// The most characters of a preview.
  static let previewCountMax = 80

  /// Reads what a document says; nil when it is not a note (it has neither title nor body).
  init?(_ document: DocumentSummary, json: JSONValue, conflicts: Int) {
    guard let fields = json.objectValue else { return nil }
    let body = fields["body"]?.stringValue
    guard fields["title"] != nil || body != nil else { return nil }
    id = document.id
    position = document.position
    title = fields["title"]?.stringValue ?? ""
    notebook = fields["notebook"]?.stringValue
    tags = (fields["tags"]?.objectValue?.members ?? []).map(\.key).sorted()
    let times = (fields["modified"]?.objectValue?.members ?? []).compactMap(\.value.integerValue)
    modified = times.max().flatMap { Timestamp(milliseconds: $0) }
    preview = NoteSummary.preview(of: body ?? "")
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
