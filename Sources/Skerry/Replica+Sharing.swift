internal import Replication

extension Replica {
  /// A code with which one device can join this workspace, once, until it expires. The joining is
  /// completed by this replica when the two meet, directly or through others.
  public func invite(
    role: Role = .writer, expiresAfter: Duration = .seconds(3_600)
  ) async throws(ReplicaError) -> String {
    try await core.invite(role: role, expiresAfter: expiresAfter)
  }

  /// Exchanges with all of the addresses until everybody is level: each side has all of the other,
  /// durably. What cannot be reached is said in its report; the others go on.
  public func sync(
    with addresses: [Address], progress: (@Sendable (SyncProgress) -> Void)? = nil
  ) async throws(ReplicaError) -> [SyncReport] {
    try await Exchange(core: core, progress: progress).run(with: addresses)
  }

  /// Exchanges with another replica of this process.
  public func sync(with other: Replica) async -> SyncReport {
    await Exchange(core: core, progress: nil).run(with: other)
  }

  /// Links this replica to another one of this process, with the handshake and sealing of any
  /// other link, until the link is cut.
  public func connect(to other: Replica) async throws(ReplicaError) -> InProcessLink {
    let (near, far) = Pipe.pair("in this process")
    let accepted = try await other.core.accept(far)
    let opened = try await core.connect(near, isRelay: false)
    return InProcessLink(near: (core, opened), far: (other.core, accepted))
  }

  /// Keeps the replica connected until the task is cancelled: listens, dials its peers as the
  /// topology says, and sends on what this and other processes commit to the store.
  ///
  /// `listening` is told `HOST:PORT` once, when the port is open.
  public func serve(
    _ configuration: ServeConfiguration,
    listening: @escaping @Sendable (String) -> Void = { _ in },
    log: @escaping @Sendable (ServeLogLine) -> Void = { _ in }
  ) async throws(ReplicaError) {
    try await Service(core: core, configuration: configuration, log: log).run(listening: listening)
  }
}

/// A link between two replicas of one process.
public final class InProcessLink: Sendable {
  private let near: (core: ReplicaCore, link: LinkID)
  private let far: (core: ReplicaCore, link: LinkID)

  init(near: (ReplicaCore, LinkID), far: (ReplicaCore, LinkID)) {
    self.near = near
    self.far = far
  }

  /// Cuts the link, as a network that fails would: what was under way is lost.
  public func cut() async {
    await near.core.cut(near.link, "The link was cut.")
    await far.core.cut(far.link, "The link was cut.")
  }

  public var isUp: Bool {
    get async { await near.core.hasLink(near.link) }
  }
}
