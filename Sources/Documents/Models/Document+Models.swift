extension Document {
  /// What stands at `path`, read as a type: maps as structs and dictionaries, lists as arrays,
  /// texts as strings, counters as numbers. Of several values of a place the winner is taken,
  /// unless a policy says otherwise.
  ///
  /// - Throws: ``EditError`` when nothing is at the path, ``ModelError`` when it cannot be read as
  ///   the type, and what the type throws by itself.
  /// - Complexity: O(what the type asks for), and sorting the keys of dictionaries.
  package func model<Model: Decodable>(
    _ type: Model.Type, at path: DocumentPath = DocumentPath(), policies: RegisterPolicies = [:]
  ) throws -> Model {
    let decoder = ModelDecoder(
      document: self, place: try place(at: path), codingPath: [], policies: policies)
    do {
      return try decoder.decode(type)
    } catch let error as DecodingError {
      throw ModelError(error, reading: type, at: path)
    }
  }
}

extension Editor {
  /// Lets the document show a model at `path`, with the fewest operations: what it shows already is
  /// not written again, and what the type does not know is left alone. See ``ModelPlan``.
  ///
  /// - Parameter base: the model as the writer has read it, so that only what they have changed is
  ///   written; nil for what the document shows.
  /// - Throws: ``EditError`` when there is no such place or it is too much for one transaction,
  ///   ``ModelError`` when a document cannot hold the model, and what the type throws by itself.
  /// - Complexity: O(model), and what finding the differences of its texts and lists takes.
  package func write<Model: Encodable>(
    _ model: Model, replacing base: Model? = nil, at path: DocumentPath = DocumentPath()
  ) throws {
    let base = try base.map { try node(of: $0, at: path) }
    try write(node(of: model, at: path), of: Model.self, base: base, at: path)
  }

  /// Reads a model, lets `body` change it, and writes what it has changed.
  ///
  /// - Throws: as ``Document/model(_:at:)`` and ``write(_:replacing:at:)``; and what `body` throws,
  ///   after which nothing is written.
  package func update<Model: Codable, Result>(
    as type: Model.Type, at path: DocumentPath = DocumentPath(),
    _ body: (inout Model) throws -> Result
  ) throws -> Result {
    var model = try document.model(type, at: path)
    let base = try node(of: model, at: path)
    let result = try body(&model)
    try write(node(of: model, at: path), of: type, base: base, at: path)
    return result
  }

  private func node<Model: Encodable>(of model: Model, at path: DocumentPath) throws -> ModelNode {
    do {
      let node = try ModelEncoder.node(of: model, depth: path.steps.count)
      try EditLimits.check(node, at: path)
      return node
    } catch let error as EncodingError {
      throw ModelError(error, writing: Model.self, at: path)
    } catch let error as EditError {
      throw ModelError(.limitExceeded, at: error.path ?? path, error.message)
    }
  }

  private func write(
    _ node: ModelNode, of type: Any.Type, base: ModelNode?, at path: DocumentPath
  ) throws {
    var plan = ModelPlan(document)
    if path.steps.isEmpty {
      guard case .map(let map) = node else {
        throw ModelError(
          .wrongType, at: path,
          "a document has named members; \(type) has none and can only be written at a path")
      }
      if base != node { try plan.write(map, base: base, to: .root, path) }
    } else {
      try plan.write(node, base: base, at: target(path), path)
    }
    try perform(plan)
  }
}

extension EditLimits {
  /// Checks the keys and the nesting of everything in a node that is to stand at `path`.
  fileprivate static func check(_ node: ModelNode, at path: DocumentPath) throws(EditError) {
    switch node {
    case .value, .absent: return
    case .text, .counter: try check(path.steps.count, at: path)
    case .list(let elements), .set(let elements):
      try check(path.steps.count, at: path)
      for (index, element) in elements.enumerated() {
        try check(element, at: path.appending(.index(index)))
      }
    case .map(let map):
      try check(path.steps.count, at: path)
      for member in map.members {
        try check(member.key.text, at: path)
        try check(member.node, at: path.appending(.key(member.key.text)))
      }
    }
  }
}
