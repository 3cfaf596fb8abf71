internal import ReplicaStore
internal import Replication
private import SQLiteBridge
private import Sealing
private import Segments

#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

extension ReplicaCore {
  static func create(path: String, name: String) async throws(ReplicaError) -> ReplicaCore {
    try await made(path) { .workspace(name: name) }
  }

  static func join(
    path: String, code: String, name: String
  ) async throws(ReplicaError) -> ReplicaCore {
    try await made(path) {
      let invitation = try Invitation(code: code)
      try invitation.checkExpiry(nowMillis: UInt64(clamping: Timestamp.now.milliseconds))
      return .joining(invitation, name: name)
    }
  }

  static func open(path: String) async throws(ReplicaError) -> ReplicaCore {
    let core = ReplicaCore(path: path)
    try await core.start {
      guard let placement = Placement.token(of: path) else {
        return try Open(ReplicaStore.open(.store(at: path, .write)))
      }
      return try Open(
        ReplicaStore.open(.store(at: path, .write), placement: placement, entropy: .system))
    }
    return core
  }

  private static func made(
    _ path: String, _ founding: @Sendable () throws -> ReplicaStore.Founding
  ) async throws(ReplicaError) -> ReplicaCore {
    let core = ReplicaCore(path: path)
    try await core.start {
      let store = try ReplicaStore.create(
        .store(at: path, .create), founding(), now: .now, entropy: .system)
      if let placement = Placement.token(of: path) {
        try store.settle(at: placement, entropy: .system)
      }
      return try Open(store)
    }
    return core
  }
}

extension ReplicaCore.Open {
  init(_ store: ReplicaStore) throws {
    self.init(store: store, engine: try Engine(store: store, entropy: .system, at: .now))
  }
}

extension Replica {
  /// Checks that an invitation code is whole before anything is touched.
  public static func check(invitation code: String) throws(ReplicaError) {
    do throws(InvitationError) {
      _ = try Invitation(code: code)
    } catch {
      throw ReplicaError(.invitation, Sentence.of(error.description))
    }
  }

  /// Removes a store that is of no use: its file and what SQLite keeps beside it.
  package static func remove(at path: String) throws(ReplicaError) {
    for file in SQLiteConnection.files(of: path) where unlink(file) != 0 {
      guard errno != ENOENT else { continue }
      throw Folder.failure("'\(file)' cannot be removed")
    }
  }
}
