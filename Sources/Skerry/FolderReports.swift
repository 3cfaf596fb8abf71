/// What came of importing a folder.
public struct FolderImport: Sendable {
  public internal(set) var created: [DocumentID] = []
  public internal(set) var updated: [DocumentID] = []
  /// Documents whose files were removed from an exported folder.
  public internal(set) var deleted: [DocumentID] = []
  public internal(set) var unchangedCount = 0
  /// What was changed in the folder and, differently, in the store since the folder was exported.
  public internal(set) var conflicts: [FolderConflict] = []
  /// Files that were left out.
  public internal(set) var problems: [FolderProblem] = []
}

/// What came of exporting to a folder.
public struct FolderExport: Sendable {
  /// The paths of the files inside the folder.
  public internal(set) var files: [String] = []
  /// Files of an earlier export that were taken away, because their documents are gone or have
  /// another path now.
  public internal(set) var removed: [String] = []
  /// Documents that could not be written.
  public internal(set) var problems: [FolderProblem] = []
}

/// Something that was changed in an exported folder and, differently, in the store meanwhile.
public struct FolderConflict: Sendable, Hashable, CustomStringConvertible {
  public enum Kind: String, Sendable, CaseIterable {
    /// The same places of a text. Both are in the document now, what the store had before what the
    /// file has.
    case text
    /// The same values of a document. It has what the file has now; ``FolderConflict/values`` tell
    /// what the store had.
    case value
    /// The file was removed and the document changed: it was kept.
    case removedFile
    /// The document was deleted and the file changed: the document is back, with the file's text.
    case deletedDocument
    /// Both were given a path: the document has that of the file now.
    case path
  }

  public let file: String
  public let document: DocumentID
  public let kind: Kind
  /// How many places are in conflict.
  public let count: Int
  /// Of a `value`, in the order of the document; ours is what the store had, theirs what the file
  /// has.
  public let values: [ValueConflict]

  init(
    _ kind: Kind, file: String, document: DocumentID, count: Int = 1, values: [ValueConflict] = []
  ) {
    self.kind = kind
    self.file = file
    self.document = document
    self.count = count
    self.values = values
  }

  public var description: String {
    let places = count == 1 ? "one place" : "\(count) places"
    switch kind {
    case .text:
      return "'\(file)' and its document were both changed at \(places): both are kept, what the "
        + "store had before what the file has."
    case .value:
      let lost = values.prefix(10).map { conflict in
        "'\(conflict.documentPath)' was \(conflict.ours?.text() ?? "deleted") in the store"
      }
      return "'\(file)' and its document were both changed at \(places): the document has what the "
        + "file has; " + lost.joined(separator: ", ") + (values.count > 10 ? ", …." : ".")
    case .removedFile:
      return "'\(file)' was removed, but its document was changed since: it is kept."
    case .deletedDocument:
      return "'\(file)' was changed, but its document was deleted since: it is back."
    case .path:
      return "'\(file)' was renamed, and so was its document: the file's path is taken."
    }
  }
}

extension ValueConflict {
  fileprivate var documentPath: DocumentPath {
    DocumentPath(
      path.map { step in
        switch step {
        case .key(let key): .key(key)
        case .index(let index): .index(index)
        }
      })
  }
}

/// The fields of a document that is a text file.
enum TextFileField {
  static let title: [PathStep] = ["title"]
  static let path: [PathStep] = ["path"]
  static let body: [PathStep] = ["body"]
}

extension FolderConflict {
  /// As the command lines print it.
  package var json: JSONValue {
    var object: JSONObject = [
      "file": .string(file), "doc": .string(document.description), "kind": .string(kind.rawValue),
      "count": .count(count),
    ]
    guard !values.isEmpty else { return .object(object) }
    object["values"] = .array(
      values.map { conflict in
        var value: JSONObject = ["path": .string(conflict.documentPath.description)]
        if let base = conflict.base { value["base"] = base }
        if let ours = conflict.ours { value["ours"] = ours }
        if let theirs = conflict.theirs { value["theirs"] = theirs }
        return .object(value)
      })
    return .object(object)
  }
}
