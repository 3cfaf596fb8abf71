/// One replica of a workspace: a store on this device and the engine around it.
///
/// Every read and write is local; nothing waits for a network. SQLite works on a thread of its own
/// and never blocks the cooperative pool. Several processes may hold the same store at once; what
/// one commits the others see within 100 ms.
public final class Replica: Sendable {
  /// The store's file.
  public let path: String
  let core: ReplicaCore
  let queries: QueryReader

  init(path: String, core: ReplicaCore) {
    self.path = path
    self.core = core
    queries = QueryReader(path: path)
  }

  /// Makes a store with a new workspace. The file is readable for its owner only.
  ///
  /// - Throws: `exists` when there is something at the path.
  public static func create(
    at path: String, name: String
  ) async throws(ReplicaError) -> Replica {
    Replica(path: path, core: try await ReplicaCore.create(path: path, name: name))
  }

  /// Makes a store that shares the workspace an invitation names. Nothing is asked of anybody yet:
  /// the first sync with the inviter completes the joining.
  ///
  /// - Throws: `invitation` when the code is not one or has expired, `exists` as above.
  public static func join(
    at path: String, code: String, name: String
  ) async throws(ReplicaError) -> Replica {
    Replica(path: path, core: try await ReplicaCore.join(path: path, code: code, name: name))
  }

  /// Opens a store. Costs the same however many documents it has.
  public static func open(at path: String) async throws(ReplicaError) -> Replica {
    Replica(path: path, core: try await ReplicaCore.open(path: path))
  }

  /// Cuts the links, waits for what is being written and closes the file. Idempotent.
  public func close() async {
    await queries.close()
    await core.close()
  }

  public func identity() async throws(ReplicaError) -> Identity {
    try await core.identity()
  }

  /// What the replica shows: a read elsewhere that covers this version sees all that is here.
  public func version() async throws(ReplicaError) -> VersionVector {
    try await core.version()
  }
}

// MARK: Writing

extension Replica {
  /// Runs `body` as one transaction over any number of documents: it becomes visible whole or not
  /// at all, here and on every other replica, and is durable when this returns.
  ///
  /// Transactions that arrive while the disk is busy share the next write. A body that throws
  /// changes nothing; its error is thrown on.
  @discardableResult
  public func transaction<Value: Sendable>(
    _ body: @escaping @Sendable (inout Transaction) throws -> Value
  ) async throws -> Commit<Value> {
    try await core.transaction(body)
  }

  /// Runs several transactions in their order with one write to the disk. Each has its own result;
  /// one that fails changes nothing and does not keep back the others.
  public func transactions<Value: Sendable>(
    _ bodies: [@Sendable (inout Transaction) throws -> Value]
  ) async throws(ReplicaError) -> [Result<Commit<Value>, any Error>] {
    try await core.transactions(bodies)
  }
}

// MARK: Reading

extension Replica {
  /// Runs `body` on the replica's own thread against one state. Transactions wait meanwhile.
  public func read<Value: Sendable>(
    _ body: @escaping @Sendable (Reading) throws -> Value
  ) async throws -> Value {
    try await core.read(body)
  }

  func reading<Value: Sendable>(
    _ body: @escaping @Sendable (Reading) throws(ReplicaError) -> Value
  ) async throws(ReplicaError) -> Value {
    do {
      return try await core.read(body)
    } catch {
      throw error as? ReplicaError ?? ReplicaError(.io, "\(error)")
    }
  }

  /// The documents that are not deleted, in the order of their ids.
  public func documents(
    after id: DocumentID? = nil, limit: Int = .max
  ) async throws(ReplicaError) -> [DocumentSummary] {
    try await reading { reading throws(ReplicaError) in
      try reading.documents(after: id, limit: limit)
    }
  }

  /// A document, or the part of it at `path`, as JSON; as it was at `version` when one is given.
  ///
  /// - Throws: `refused` when there is no such document or nothing at the path.
  public func json(
    _ id: DocumentID, path: [PathStep] = [], version: VersionVector? = nil
  ) async throws(ReplicaError) -> JSONValue {
    try await reading { reading throws(ReplicaError) in
      try reading.json(id, path: path, version: version)
    }
  }

  public func text(
    _ id: DocumentID, path: [PathStep]
  ) async throws(ReplicaError) -> String {
    try await reading { reading throws(ReplicaError) in try reading.text(id, path: path) }
  }

  /// The text that is at `path` now, as it was at a version; see ``Reading/text(_:path:version:)``.
  public func text(
    _ id: DocumentID, path: [PathStep], version: VersionVector
  ) async throws(ReplicaError) -> String {
    try await reading { reading throws(ReplicaError) in
      try reading.text(id, path: path, version: version)
    }
  }

  /// A text in stretches of the same marks.
  public func textSpans(
    _ id: DocumentID, path: [PathStep]
  ) async throws(ReplicaError) -> [TextSpan] {
    try await reading { reading throws(ReplicaError) in try reading.textSpans(id, path: path) }
  }

  /// The text that is at `path` now in stretches of the same marks, as it was at a version; see
  /// ``Reading/textSpans(_:path:version:)``.
  public func textSpans(
    _ id: DocumentID, path: [PathStep], version: VersionVector
  ) async throws(ReplicaError) -> [TextSpan] {
    try await reading { reading throws(ReplicaError) in
      try reading.textSpans(id, path: path, version: version)
    }
  }

  /// Who wrote which part of a text, from its start to its end; see
  /// ``Reading/attribution(_:path:)``.
  public func attribution(
    _ id: DocumentID, path: [PathStep]
  ) async throws(ReplicaError) -> [TextAttribution] {
    try await reading { reading throws(ReplicaError) in
      try reading.attribution(id, path: path)
    }
  }

  /// What leads from a text at one version to that at another, older or newer or neither; see
  /// ``Reading/textPatches(_:path:from:to:)``.
  public func textPatches(
    _ id: DocumentID, path: [PathStep], from: VersionVector, to: VersionVector
  ) async throws(ReplicaError) -> [TextPatch] {
    try await reading { reading throws(ReplicaError) in
      try reading.textPatches(id, path: path, from: from, to: to)
    }
  }

  /// What people did to a document at once and nobody has decided yet; see
  /// ``Reading/conflicts(_:)``.
  public func conflicts(of id: DocumentID) async throws(ReplicaError) -> [Conflict] {
    try await reading { reading throws(ReplicaError) in try reading.conflicts(id) }
  }

  /// Counts, sizes, version and digest. Complexity: O(everything), because of the digest.
  public func info() async throws(ReplicaError) -> Info {
    try await core.info()
  }

  /// Hands out the changes, of one document or of all, the newest first, until `line` says false.
  public func log(
    document: DocumentID? = nil, limit: Int = .max,
    _ line: @escaping @Sendable (LoggedChange) -> Bool
  ) async throws(ReplicaError) {
    try await core.log(document: document, limit: limit, line)
  }

  /// Hands out the whole state in its canonical bytes, line by line without the line feeds: equal
  /// states, equal bytes.
  public func exportCanonical(
    _ line: @escaping @Sendable ([UInt8]) throws -> Void
  ) async throws {
    try await core.exportCanonical(line)
  }

  /// Checks everything that can be checked; one sentence for each thing that is wrong.
  public func check() async throws(ReplicaError) -> [String] {
    try await core.check()
  }

  public func status() async throws(ReplicaError) -> Status {
    try await core.status()
  }

  /// Tells of every change from now on: of this process, of others that use the store, and of
  /// peers. Each subscriber gets all.
  public func changes() -> AsyncStream<ChangeNotice> {
    core.subscribe()
  }
}
