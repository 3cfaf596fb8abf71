internal import ReplicaStore
internal import Replication

// Guarantees across replicas. A version is the token: a commit and a read each have one, and a read
// elsewhere that waits until that replica covers it sees all that the first one saw. Waiting never
// holds up anybody else, and nothing but the waiting call depends on a network.
extension Replica {
  /// Returns when this replica shows all that a version covers: at once where it does already, and
  /// at the latest after `timeout`. What is read afterwards is read from that version on.
  ///
  /// A version of a store that turned out to be a copy may name changes that were given new names
  /// before anybody else saw them; no other replica ever covers such a one.
  ///
  /// - Throws: `late` when the time is up or the task is cancelled, with how many changes are
  ///   missing.
  public func waitUntil(
    covers version: VersionVector, timeout: Duration = .seconds(5)
  ) async throws(ReplicaError) {
    try await core.waitUntil(covers: version, timeout: timeout)
  }

  /// Waits until so many other replicas are known to have a change durably, at the latest until
  /// `timeout` is over, and says how many do then.
  ///
  /// The change is durable here in any case, and goes on to the others afterwards. A replica counts
  /// when it has acknowledged the change to this one, through whichever process holds the links;
  /// of one that is not linked to this replica it becomes known within minutes. A relay does not
  /// count.
  ///
  /// - Parameter change: one that was committed here; see ``Commit/change``.
  /// - Throws: only when it cannot even be told how many have it now; what fails while it waits
  ///   ends the waiting.
  public func waitForReplicas(
    _ count: Int, toHold change: ChangeID, timeout: Duration = .seconds(10)
  ) async throws(ReplicaError) -> Int {
    try await core.waitForReplicas(count, toHold: change, timeout: timeout)
  }

  /// How many other replicas are known to have a change durably now.
  public func replicas(holding change: ChangeID) async throws(ReplicaError) -> Int {
    try await core.holderCount(of: change)
  }

  /// Runs a transaction and waits until so many other replicas have it, as
  /// ``waitForReplicas(_:toHold:timeout:)`` does.
  ///
  /// - Returns: the commit, which stands whatever the count, and how many replicas have it; 0 where
  ///   nothing was edited.
  public func transaction<Value: Sendable>(
    heldBy count: Int, within timeout: Duration = .seconds(10),
    _ body: @escaping @Sendable (inout Transaction) throws -> Value
  ) async throws -> (commit: Commit<Value>, replicas: Int) {
    let commit = try await transaction(body)
    guard let change = commit.change else { return (commit, 0) }
    // The commit stands: whatever becomes of the waiting, nobody is to write it again.
    let held = try? await waitForReplicas(count, toHold: change, timeout: timeout)
    return (commit, held ?? 0)
  }
}

extension ReplicaCore {
  func waitUntil(
    covers version: VersionVector, timeout: Duration
  ) async throws(ReplicaError) {
    _ = try opened()
    let isCovered = await untilHolds(within: timeout) { $0.store.appliedVector.covers(version) }
    guard !isCovered else { return }
    let missing = version.changeCount(beyond: try opened().store.appliedVector)
    throw ReplicaError(
      .late,
      "The replica has not come to that version in time; changes that are missing: \(missing). "
        + "Sync it with one that has them, or wait longer.")
  }

  func waitForReplicas(
    _ count: Int, toHold change: ChangeID, timeout: Duration
  ) async throws(ReplicaError) -> Int {
    let known = try holderCount(of: change)
    guard count > known, timeout > .zero else { return known }
    // Where another process holds the links, it is asked to tell soon; if it cannot be asked, it
    // tells later.
    let asks = links.isEmpty
    if asks { try? opened().engine.awaitHolders(of: change) }
    var name = change
    var lookedAt: EngineInstant?
    _ = await untilHolds(within: timeout) { open in
      if open.engine.isHeldByLinks(name, by: count) { return true }
      // What the store tells is looked for now and then: it comes late anyway.
      let now = EngineInstant.now
      guard now.monotonic >= (lookedAt?.monotonic ?? 0) + Self.holderLookMilliseconds else {
        return false
      }
      lookedAt = now
      name = (try? open.engine.currentName(of: change)) ?? name
      return (try? open.engine.holderCount(of: change)).map { $0 >= count } ?? false
    }
    if asks { try? opened().engine.endAwaiting(change) }
    return (try? holderCount(of: change)) ?? known
  }

  private static let holderLookMilliseconds: UInt64 = 200

  func holderCount(of change: ChangeID) throws(ReplicaError) -> Int {
    lookAround()
    let engine = try opened().engine
    return try ReplicaError.translating { try engine.holderCount(of: change) }
  }
}
