extension Transaction {
  /// A new document that shows a model.
  public mutating func createDocument(_ model: some Encodable) throws -> DocumentID {
    let document = createDocument()
    try write(model, of: document)
    return document
  }

  /// A document, or the part of it at `path`, as a type, with what this transaction did; see
  /// ``Reading/model(as:of:at:version:policies:)``.
  public func read<Model: Decodable>(
    as type: Model.Type, at path: [PathStep] = [], of document: DocumentID
  ) throws -> Model {
    try ReplicaError.translatingModels {
      try live(document).model(type, at: DocumentPath(path))
    }
  }

  /// Lets a document, or the place at `path`, show a model. What it shows already is not written
  /// again, texts and lists are edited and not replaced, and what the type does not know stays.
  ///
  /// What a type makes where there is nothing: structs, classes and dictionaries are maps, arrays
  /// are lists, a ``CollaborativeText`` is a text and a ``Counter`` a counter, and numbers,
  /// strings, bytes and moments are values. A nil is left out. What is there stays of its kind, so
  /// that a `String` is written into a text as edits of the text. Elements of a list are recognised
  /// by what they hold or by a member `id`. The members of a `Set` of strings are the keys of a
  /// map. A case of an enum that carries values takes the place of another case as a whole. Where
  /// nothing differs nothing is written, which does not bring a deleted document back.
  ///
  /// - Throws: ``ModelError`` when a document cannot hold the model, ``ReplicaError`` `refused`
  ///   when there is no such document or place, and what the type throws by itself; then nothing
  ///   has changed.
  /// - Complexity: O(model), and what finding the differences of its texts and lists takes.
  public mutating func write(
    _ model: some Encodable, at path: [PathStep] = [], of document: DocumentID
  ) throws {
    try ReplicaError.translatingModels {
      try editor(of: document).write(model, at: DocumentPath(path))
    }
  }

  /// Writes what somebody has made of a model that they had read before. Only what they changed is
  /// written: what others did since stays, and where both edited one text or list it is merged. A
  /// value that both changed is as it is in `model`, and what others have set is listed as the
  /// other side of a conflict.
  ///
  /// - Parameter base: the model as it was read.
  /// - Throws: as ``write(_:at:of:)``.
  public mutating func write<Model: Encodable>(
    _ model: Model, replacing base: Model, at path: [PathStep] = [], of document: DocumentID
  ) throws {
    try ReplicaError.translatingModels {
      try editor(of: document).write(model, replacing: base, at: DocumentPath(path))
    }
  }

  /// Reads a model, lets `body` change it, and writes what it has changed.
  ///
  ///     try transaction.update(as: Note.self, of: id) { $0.title = "Tides" }
  ///
  /// - Throws: as ``read(as:at:of:)`` and ``write(_:at:of:)``, and what `body` throws; then nothing
  ///   has changed.
  @discardableResult
  public mutating func update<Model: Codable, Result>(
    as type: Model.Type, at path: [PathStep] = [], of document: DocumentID,
    _ body: (inout Model) throws -> Result
  ) throws -> Result {
    try ReplicaError.translatingModels {
      _ = try live(document)
      return try editor(of: document).update(as: type, at: DocumentPath(path), body)
    }
  }
}

extension Reading {
  /// A document, or the part of it at `path`, as a type; as it was at `version` when one is given.
  /// Fields of the document that the type does not know are passed over. A field that a document
  /// may lack is optional in the type; a text and a counter that nobody has made read as empty and
  /// as 0.
  ///
  /// - Parameter policies: what is read where people set a field to different values at once.
  /// - Throws: ``ModelError`` when it cannot be read as the type, ``ReplicaError`` `refused` when
  ///   there is no such document, it is deleted, or nothing is at the path, and what the type
  ///   throws by itself.
  /// - Complexity: O(what the type asks for).
  public func model<Model: Decodable>(
    as type: Model.Type, of id: DocumentID, at path: [PathStep] = [],
    version: VersionVector? = nil, policies: RegisterPolicies = [:]
  ) throws -> Model {
    try ReplicaError.translatingModels {
      try live(id, at: version).model(type, at: DocumentPath(path), policies: policies)
    }
  }

  /// What is at `path` for a reader with the policy: where people set it to different values at
  /// once, the policy says what that is. What it passes over stays in the document, and the
  /// conflict is listed, until somebody decides.
  ///
  /// - Throws: `refused` when there is no such document, it is deleted, nothing is at the path, or
  ///   the path is empty.
  public func value(
    _ id: DocumentID, path: [PathStep], policy: RegisterPolicy
  ) throws(ReplicaError) -> JSONValue {
    let document = try live(id, at: nil)
    return try ReplicaError.translating {
      try document.json(at: DocumentPath(path), policy: policy)
    }
  }
}

extension Replica {
  /// A document, or the part of it at `path`, as a type; see
  /// ``Reading/model(as:of:at:version:policies:)``.
  public func model<Model: Decodable & Sendable>(
    as type: Model.Type, of id: DocumentID, at path: [PathStep] = [],
    version: VersionVector? = nil, policies: RegisterPolicies = [:]
  ) async throws -> Model {
    try await read {
      try $0.model(as: type, of: id, at: path, version: version, policies: policies)
    }
  }
}

extension ReplicaError {
  /// What is wrong with a model, and what a type or a body throws by itself, is thrown on.
  fileprivate static func translatingModels<Result>(
    _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch let error as EditError {
      throw ReplicaError(error)
    }
  }
}
