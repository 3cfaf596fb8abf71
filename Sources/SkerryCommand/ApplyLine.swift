import CommandKit
import JSONCoding
import Skerry

/// One line of `apply`: a transaction over one or several documents.
struct ApplyLine: Sendable {
  struct Part: Sendable {
    /// Nil makes a new document.
    var document: DocumentID?
    var operations: [JSONValue]
  }

  /// The writer's own name for the line; it comes back with the answer.
  var id: JSONValue
  var parts: [Part]
  /// Whether the line was of the form with `docs`.
  var isMany: Bool
  /// Whether the answer carries the documents as they are afterwards.
  var returnsValue: Bool
}

/// Why a line was refused, with the line's id when it could be read.
struct RefusedLine: Error, Sendable {
  var id: JSONValue
  var reason: String

  var answer: JSONValue {
    ["id": id, "ok": false, "error": .string(reason)]
  }
}

extension ApplyLine {
  static let partsMax = 10_000

  init(parsing bytes: [UInt8]) throws(RefusedLine) {
    let value: JSONValue
    do {
      value = try JSONValue(parsing: bytes)
    } catch {
      throw RefusedLine(id: .null, reason: "The line is \(error).")
    }
    guard case .object(let object) = value else {
      throw RefusedLine(id: .null, reason: "A line must be one JSON object.")
    }
    do {
      try self.init(object)
    } catch {
      throw RefusedLine(id: object["id"] ?? .null, reason: error.sentence)
    }
  }

  private init(_ object: JSONObject) throws(CommandFailure) {
    id = object["id"] ?? .null
    try Self.checkFields(of: object, allowed: ["id", "doc", "ops", "docs", "return"], in: "a line")
    switch object["return"] {
    case nil, .null?: returnsValue = false
    case .bool(let flag)?: returnsValue = flag
    default: throw CommandFailure(sentence: "'return' must be true or false.")
    }
    guard let docs = object["docs"] else {
      isMany = false
      parts = [try Self.part(object)]
      return
    }
    isMany = true
    guard object["doc"] == nil, object["ops"] == nil else {
      throw CommandFailure(sentence: "A line has either 'docs' or 'doc' and 'ops', not both.")
    }
    guard case .array(let elements) = docs else {
      throw CommandFailure(sentence: "'docs' must be an array of objects.")
    }
    guard elements.count <= Self.partsMax else {
      throw CommandFailure(sentence: "A line may touch at most \(Self.partsMax) documents.")
    }
    parts = []
    for element in elements {
      guard case .object(let part) = element else {
        throw CommandFailure(sentence: "'docs' must be an array of objects.")
      }
      try Self.checkFields(of: part, allowed: ["doc", "ops"], in: "an element of 'docs'")
      parts.append(try Self.part(part))
    }
  }

  private static func part(_ object: JSONObject) throws(CommandFailure) -> Part {
    let document: DocumentID?
    switch object["doc"] {
    case .null?: document = nil
    case .string(let text)?:
      guard let id = DocumentID(hexadecimal: text) else {
        throw CommandFailure(
          sentence: "'\(text.prefix(60))' is not a document's id: 32 hexadecimal digits.")
      }
      document = id
    case nil:
      throw CommandFailure(
        sentence: "'doc' is missing: a document's id, or null to make a new one.")
    default:
      throw CommandFailure(sentence: "'doc' must be a document's id or null.")
    }
    guard case .array(let operations)? = object["ops"] else {
      throw CommandFailure(sentence: "'ops' must be an array of operations.")
    }
    return Part(document: document, operations: operations)
  }

  /// A misspelt field is refused: to pass over it would do something else than was meant.
  private static func checkFields(
    of object: JSONObject, allowed: [String], in place: String
  ) throws(CommandFailure) {
    for member in object.members where !allowed.contains(member.key) {
      throw CommandFailure(sentence: "'\(member.key.prefix(60))' is not a field of \(place).")
    }
  }
}

extension ApplyLine {
  /// What a transaction of one line gives back, to be completed with what its commit says.
  struct Outcome: Sendable {
    var documents: [DocumentID]
    var value: JSONValue?
  }

  func perform(_ transaction: inout Transaction) throws -> Outcome {
    var documents: [DocumentID] = []
    for part in parts {
      let document: DocumentID
      if let known = part.document {
        document = known
      } else {
        guard !part.operations.isEmpty else {
          throw CommandFailure(sentence: "A new document comes to be with its first operation.")
        }
        document = transaction.createDocument()
      }
      for operation in part.operations {
        try transaction.apply(operation: operation, to: document)
      }
      documents.append(document)
    }
    guard returnsValue else { return Outcome(documents: documents) }
    let values = try documents.map { document in
      try transaction.isDeleted(document) ? JSONValue.null : transaction.json(document)
    }
    return Outcome(documents: documents, value: isMany ? .array(values) : values.first)
  }

  func answer(_ result: Result<Commit<Outcome>, any Error>) -> JSONValue {
    switch result {
    case .failure(let error):
      let reason = (error as? CommandFailure)?.sentence ?? "\(error)"
      return RefusedLine(id: id, reason: reason).answer
    case .success(let commit):
      var object: JSONObject = [
        "id": id, "ok": true,
        "change": commit.change.map { .string($0.description) } ?? .null,
        "docs": .array(commit.value.documents.map { .string($0.description) }),
        "version": .string(commit.version.text),
      ]
      if let value = commit.value.value { object["value"] = value }
      return .object(object)
    }
  }
}
