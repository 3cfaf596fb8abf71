import JSONCoding
import Skerry

/// A place at which two versions of a document differ.
enum Difference {
  case text([PathStep], TextPatch)
  /// Nil where there was or is nothing.
  case value([PathStep], old: JSONValue?, new: JSONValue?)
  /// Of characters of a text; null where they have no mark of the name any more.
  case mark([PathStep], Range<Int>, name: String, value: JSONValue)

  var json: JSONValue {
    switch self {
    case .text(let path, let patch):
      return [
        "path": Self.json(path), "at": .count(patch.position), "delete": .count(patch.removed),
        "insert": .string(patch.inserted),
        "origin": patch.author.map { .string($0.origin.description) } ?? .null,
        "sequence": patch.author.map { .count($0.sequence) } ?? .null,
      ]
    case .value(let path, let old, let new):
      var members: [JSONObject.Member] = [.init(key: "path", value: Self.json(path))]
      if let old { members.append(.init(key: "old", value: old)) }
      if let new { members.append(.init(key: "new", value: new)) }
      return .object(JSONObject(uniqueMembers: members))
    case .mark(let path, let range, let name, let value):
      return [
        "path": Self.json(path), "from": .count(range.lowerBound), "to": .count(range.upperBound),
        "mark": .string(name), "value": value,
      ]
    }
  }

  var lines: [String] {
    switch self {
    case .text(let path, let patch):
      var line = "\(DocumentPath(path)): at \(patch.position)"
      if patch.removed > 0 { line += " delete \(patch.removed)" }
      if let author = patch.author {
        line += " insert \(JSONValue.string(patch.inserted).text())"
        line += " by \(author.origin) \(author.sequence)"
      }
      return [line]
    case .value(let path, let old, let new):
      let old = old.map { ["\(DocumentPath(path)): - \($0.text())"] } ?? []
      return old + (new.map { ["\(DocumentPath(path)): + \($0.text())"] } ?? [])
    case .mark(let path, let range, let name, let value):
      let deed = value == .null ? "unmark" : "mark"
      var line =
        "\(DocumentPath(path)): \(deed) \(range.lowerBound) to \(range.upperBound) \(name)"
      if value != .null { line += " \(value.text())" }
      return [line]
    }
  }

  private static func json(_ path: [PathStep]) -> JSONValue {
    .array(
      path.map { step in
        switch step {
        case .key(let key): .string(key)
        case .index(let index): .count(index)
        }
      })
  }
}

/// Compares two versions of a document, place by place.
struct DocumentComparison {
  private let reading: Reading
  private let document: DocumentID
  private let from: VersionVector
  private let to: VersionVector

  init(_ reading: Reading, _ document: DocumentID, from: VersionVector, to: VersionVector) {
    self.reading = reading
    self.document = document
    self.from = from
    self.to = to
  }

  /// Everything that differs at `path` or below it.
  func differences(at path: [PathStep]) throws -> [Difference] {
    if let patches = try patches(at: path) { return try patches + marks(at: path) }
    let (old, new) = (try value(path, at: from), try value(path, at: to))
    if old == nil, new == nil {
      // Says what is missing, unless it was made and removed since.
      _ = try reading.json(document, path: path)
    }
    var differences: [Difference] = []
    try compare(old, new, at: path, &differences)
    return try differences + marks(at: path)
  }

  /// What marks the characters have by now that they had not, or have not any more.
  private func marks(at path: [PathStep]) throws -> [Difference] {
    func names(_ steps: some Collection<PathStep>) -> [String] {
      steps.map { "\(DocumentPath([$0]))" }
    }
    let place = names(path)
    return try reading.patches(document, from: from, to: to).compactMap { patch -> Difference? in
      guard names(patch.path.steps.prefix(place.count)) == place else { return nil }
      return switch patch.action {
      case .marked(let range, let mark, _):
        .mark(patch.path.steps, range, name: mark.name, value: mark.value.json)
      case .unmarked(let range, let name):
        .mark(patch.path.steps, range, name: name, value: .null)
      default: nil
      }
    }
  }

  /// Nil where nothing is.
  private func value(_ path: [PathStep], at version: VersionVector) throws -> JSONValue? {
    do throws(ReplicaError) {
      return try reading.json(document, path: path, version: version)
    } catch {
      guard error.code == .refused else { throw error }
      return nil
    }
  }

  private func compare(
    _ old: JSONValue?, _ new: JSONValue?, at path: [PathStep], _ differences: inout [Difference]
  ) throws {
    guard old != new else { return }
    if case .object(let oldObject)? = old, case .object(let newObject)? = new {
      let keys = Set(oldObject.members.map(\.key)).union(newObject.members.map(\.key))
      for key in keys.sorted() {
        try compare(oldObject[key], newObject[key], at: path + [.key(key)], &differences)
      }
    } else if case .string? = old, case .string? = new, let patches = try patches(at: path) {
      differences += patches
    } else {
      differences.append(.value(path, old: old, new: new))
    }
  }

  /// Nil where no text is now.
  private func patches(at path: [PathStep]) throws -> [Difference]? {
    do throws(ReplicaError) {
      return try reading.textPatches(document, path: path, from: from, to: to)
        .map { .text(path, $0) }
    } catch {
      guard error.code == .refused else { throw error }
      return nil
    }
  }
}
