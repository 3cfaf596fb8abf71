private import Sealing

/// What an exported folder tells of itself, in a file `.skerry-export`: which file is which
/// document and what of it stood in the file, so that what is edited there can be merged into what
/// happened to the document meanwhile.
///
/// The file is lines of JSON. The first is about all:
/// `{"skerryExport":1,"workspace":"…","versions":["v1:…"]}`. Each other is about one file, in the
/// order of their paths: `{"file":"plan.md","doc":"…","kind":"text","digest":"…","version":0}`,
/// where `version` counts in the list above. After an import whose result is not what the file
/// holds, `text` stands in the place of `version`: the file's content as it was imported.
struct ExportRecord: Sendable {
  static let fileName = ".skerry-export"
  static let fileBytesMax = 256 << 20
  private static let format: Int64 = 1

  /// How a document stands in its file.
  enum Kind: String, Sendable {
    /// Its text `body`.
    case text
    /// All of it, as JSON.
    case json
  }

  /// What a file is to be compared with.
  enum Base: Sendable {
    /// What the document was at a version.
    case version(VersionVector)
    case content(String)
  }

  struct Entry: Sendable {
    var file: String
    var document: DocumentID
    var kind: Kind
    /// Of the file's content as it was exported or imported last.
    var digest: String
    var base: Base

    init(file: String, document: DocumentID, kind: Kind, content: String, base: Base) {
      self.file = file
      self.document = document
      self.kind = kind
      self.base = base
      digest = ExportRecord.digest(of: content)
    }
  }

  var workspace: String
  private(set) var entries: [String: Entry] = [:]

  init(workspace: String) {
    self.workspace = workspace
  }

  subscript(file: String) -> Entry? {
    get { entries[file] }
    set { entries[file] = newValue }
  }

  var sortedEntries: [Entry] {
    entries.values.sorted { $0.file.utf8.lexicographicallyPrecedes($1.file.utf8) }
  }

  static func digest(of content: String) -> String {
    Digest.of(Array(content.utf8), domain: "skerry.export").description
  }
}

extension ExportRecord {
  /// The record of a folder; nil when it has none, or that of another workspace.
  ///
  /// - Throws: `invalid` when it is not as it was written. Going on without would take edits that
  ///   were made in the store for edits that were undone in the folder.
  init?(in folder: Folder, workspace: String) throws(ReplicaError) {
    guard folder.has(Self.fileName) else { return nil }
    let text: String
    switch folder.text(of: Self.fileName, bytesMax: Self.fileBytesMax) {
    case .success(let found): text = found
    case .failure(let error): throw Self.unusable(error.description)
    }
    let lines = text.split(separator: "\n")
    guard let first = lines.first, let header = try? JSONValue(parsing: String(first)).objectValue,
      let format = header["skerryExport"]?.integerValue
    else { throw Self.unusable("its first line is not that of a record") }
    guard format == Self.format else {
      throw Self.unusable("it was written by a newer version of this program")
    }
    guard let found = header["workspace"]?.stringValue,
      let versionTexts = header["versions"]?.arrayValue
    else { throw Self.unusable("its first line is not that of a record") }
    guard found == workspace else { return nil }
    let versions = versionTexts.compactMap {
      $0.stringValue.flatMap { try? VersionVector(text: $0) }
    }
    guard versions.count == versionTexts.count else {
      throw Self.unusable("its first line holds no versions")
    }
    self.init(workspace: workspace)
    for (index, line) in lines.enumerated().dropFirst() {
      guard let entry = Entry(parsing: line, versions), entries[entry.file] == nil else {
        throw Self.unusable("line \(index + 1) is not as it was written")
      }
      entries[entry.file] = entry
    }
  }

  private static func unusable(_ reason: String) -> ReplicaError {
    ReplicaError(
      .invalid,
      "The record '\(fileName)' in the folder cannot be used: \(reason). Put it back as it was; or "
        + "delete it, and the files are taken as they are, over what the documents hold.")
  }

  func write(to folder: Folder) throws(ReplicaError) {
    var versions: [VersionVector] = []
    var numbers: [VersionVector: Int] = [:]
    var lines: [String] = []
    for entry in sortedEntries {
      var line: JSONObject = [
        "file": .string(entry.file), "doc": .string(entry.document.description),
        "kind": .string(entry.kind.rawValue), "digest": .string(entry.digest),
      ]
      switch entry.base {
      case .content(let text): line["text"] = .string(text)
      case .version(let version):
        let number = numbers[version] ?? versions.count
        if number == versions.count { versions.append(version) }
        numbers[version] = number
        line["version"] = .count(number)
      }
      lines.append(JSONValue.object(line).text())
    }
    let header: JSONValue = [
      "skerryExport": .integer(Self.format), "workspace": .string(workspace),
      "versions": .array(versions.map { .string($0.text) }),
    ]
    try folder.write(([header.text()] + lines).joined(separator: "\n") + "\n", to: Self.fileName)
  }
}

extension ExportRecord.Entry {
  fileprivate init?(parsing line: Substring, _ versions: [VersionVector]) {
    guard let object = try? JSONValue(parsing: String(line)).objectValue,
      let file = object["file"]?.stringValue,
      let document = object["doc"]?.stringValue.flatMap({ DocumentID(hexadecimal: $0) }),
      let kind = object["kind"]?.stringValue.flatMap({ ExportRecord.Kind(rawValue: $0) }),
      let digest = object["digest"]?.stringValue
    else { return nil }
    self.file = file
    self.document = document
    self.kind = kind
    self.digest = digest
    if let text = object["text"]?.stringValue {
      guard ExportRecord.digest(of: text) == digest else { return nil }
      base = .content(text)
    } else if let number = object["version"]?.integerValue, number >= 0, number < versions.count {
      base = .version(versions[Int(number)])
    } else {
      return nil
    }
  }
}
