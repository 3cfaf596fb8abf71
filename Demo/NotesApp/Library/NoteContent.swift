internal import Skerry

/// A note as it lies in its document, so that people who edit at once lose nothing: the body is a
/// text, tags are the keys of a map, and each replica keeps the time of its last edit under a key
/// of its own, so that these times never collide. What other applications put beside it stays.
struct NoteContent: Codable, Sendable {
  var title: String
  @CollaborativeText var body: String
  var notebook: String?
  var tags: Set<String>
  /// When a replica edited the note last, in milliseconds since 1970.
  var modified: [String: Int64] = [:]

  /// Whether the document has anything of a note.
  private(set) var isNote = true

  static func modifiedPath(by replica: String) -> [PathStep] { ["modified", .key(replica)] }

  private enum CodingKeys: CodingKey {
    case title, body, notebook, tags, modified
  }

  init(title: String, body: String = "", notebook: String? = nil, tags: [String] = []) {
    self.title = title
    self.body = body
    self.notebook = notebook
    self.tags = Set(tags)
  }

  /// Documents may hold anything: what is no part of a note is read as if it were not there, and is
  /// left alone.
  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let text = try? fields.decode(String.self, forKey: .body)
    title = (try? fields.decode(String.self, forKey: .title)) ?? ""
    body = text ?? ""
    notebook = try? fields.decode(String.self, forKey: .notebook)
    tags = (try? fields.decode(Set<String>.self, forKey: .tags)) ?? []
    modified = (try? fields.decode([String: Int64].self, forKey: .modified)) ?? [:]
    isNote = fields.contains(.title) || text != nil
  }
}
