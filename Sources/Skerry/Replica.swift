/// One replica of a workspace: a store on this device and the engine around it.
///
/// Every read and write is local; nothing waits for a network. A transaction that nothing else is
/// under way beside waits for the disk on the thread of its caller, which spares two changes of
/// threads; all others wait on a thread of the replica. Reads have connections of their own: they
/// wait for no transaction and hold none up. Several processes may hold the same store at once;
/// what one commits the others see within 100 ms.
public final class Replica: Sendable {
  /// The store's file.
  public let path: String
  let core: ReplicaCore
  let readers: ReaderPool
  let queries: QueryReader

  init(path: String, core: ReplicaCore) {
    self.path = path
    self.core = core
    readers = ReaderPool(path: path)
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
    // The connection that writes ends last, which empties the log beside the file.
    await readers.close()
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

// MARK: Looking after it

extension Replica {
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
