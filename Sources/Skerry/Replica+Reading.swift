internal import ReplicaStore

// What a replica shows. Each read sees one state that a transaction has left, with all that was
// committed before the read began.
extension Replica {
  /// Runs `body` against one state. It works on the caller's task, with a connection of its own:
  /// transactions go on meanwhile, and what they commit `body` does not see.
  public func read<Value: Sendable>(
    _ body: @escaping @Sendable (Reading) throws -> Value
  ) async throws -> Value {
    try await read(.oneState, body)
  }

  /// The same for whoever in this module names its errors.
  func reading<Value: Sendable>(
    _ extent: ReaderPool.Extent = .oneState,
    _ body: @escaping @Sendable (Reading) throws(ReplicaError) -> Value
  ) async throws(ReplicaError) -> Value {
    do {
      return try await read(extent, body)
    } catch {
      throw error as? ReplicaError ?? ReplicaError(.io, "\(error)")
    }
  }

  private func read<Value: Sendable>(
    _ extent: ReaderPool.Extent, _ body: @escaping @Sendable (Reading) throws -> Value
  ) async throws -> Value {
    if core.logLength.isTooLong() {
      let isDone = await readers.whenNobodyReads { await core.copyWholeLog(if: $0) }
      if !isDone { core.logLength.tryAgain() }
    }
    guard let found = try await readers.read(extent, body) else {
      // Without another connection the one that writes has to do it.
      return try await core.read(body)
    }
    if let damage = found.damage { await core.note(damage) }
    return try found.result.get()
  }

  /// The documents that are not deleted, in the order of their ids.
  public func documents(
    after id: DocumentID? = nil, limit: Int = .max
  ) async throws(ReplicaError) -> [DocumentSummary] {
    try await reading(.oneCall) { reading throws(ReplicaError) in
      try reading.documents(after: id, limit: limit)
    }
  }

  /// A document, or the part of it at `path`, as JSON; as it was at `version` when one is given.
  ///
  /// - Throws: `refused` when there is no such document or nothing at the path.
  public func json(
    _ id: DocumentID, path: [PathStep] = [], version: VersionVector? = nil
  ) async throws(ReplicaError) -> JSONValue {
    try await reading(.oneCall) { reading throws(ReplicaError) in
      try reading.json(id, path: path, version: version)
    }
  }

  public func text(
    _ id: DocumentID, path: [PathStep]
  ) async throws(ReplicaError) -> String {
    try await reading(.oneCall) { reading throws(ReplicaError) in
      try reading.text(id, path: path)
    }
  }

  /// The text that is at `path` now, as it was at a version; see ``Reading/text(_:path:version:)``.
  public func text(
    _ id: DocumentID, path: [PathStep], version: VersionVector
  ) async throws(ReplicaError) -> String {
    try await reading(.oneCall) { reading throws(ReplicaError) in
      try reading.text(id, path: path, version: version)
    }
  }

  /// A text in stretches of the same marks.
  public func textSpans(
    _ id: DocumentID, path: [PathStep]
  ) async throws(ReplicaError) -> [TextSpan] {
    try await reading(.oneCall) { reading throws(ReplicaError) in
      try reading.textSpans(id, path: path)
    }
  }

  /// The text that is at `path` now in stretches of the same marks, as it was at a version; see
  /// ``Reading/textSpans(_:path:version:)``.
  public func textSpans(
    _ id: DocumentID, path: [PathStep], version: VersionVector
  ) async throws(ReplicaError) -> [TextSpan] {
    try await reading(.oneCall) { reading throws(ReplicaError) in
      try reading.textSpans(id, path: path, version: version)
    }
  }

  /// Who wrote which part of a text, from its start to its end; see
  /// ``Reading/attribution(_:path:)``.
  public func attribution(
    _ id: DocumentID, path: [PathStep]
  ) async throws(ReplicaError) -> [TextAttribution] {
    try await reading(.oneCall) { reading throws(ReplicaError) in
      try reading.attribution(id, path: path)
    }
  }

  /// What leads from a text at one version to that at another, older or newer or neither; see
  /// ``Reading/textPatches(_:path:from:to:)``.
  public func textPatches(
    _ id: DocumentID, path: [PathStep], from: VersionVector, to: VersionVector
  ) async throws(ReplicaError) -> [TextPatch] {
    try await reading(.oneCall) { reading throws(ReplicaError) in
      try reading.textPatches(id, path: path, from: from, to: to)
    }
  }

  /// What people did to a document at once and nobody has decided yet; see
  /// ``Reading/conflicts(_:)``.
  public func conflicts(of id: DocumentID) async throws(ReplicaError) -> [Conflict] {
    try await reading(.oneCall) { reading throws(ReplicaError) in
      try reading.conflicts(id)
    }
  }

  /// Counts, sizes, version and digest. Complexity: O(everything), because of the digest.
  public func info() async throws(ReplicaError) -> Info {
    try await reading(.everything) { reading throws(ReplicaError) in try reading.info() }
  }

  /// Hands out the changes, of one document or of all, the newest first, until `line` says false.
  public func log(
    document: DocumentID? = nil, limit: Int = .max,
    _ line: @escaping @Sendable (LoggedChange) -> Bool
  ) async throws(ReplicaError) {
    try await reading(.everything) { reading throws(ReplicaError) in
      try reading.log(document: document, limit: limit, line)
    }
  }

  /// Hands out the whole state in its canonical bytes, line by line without the line feeds: equal
  /// states, equal bytes.
  public func exportCanonical(
    _ line: @escaping @Sendable ([UInt8]) throws -> Void
  ) async throws {
    try await read(.everything) { try $0.exportCanonical(line) }
  }
}
