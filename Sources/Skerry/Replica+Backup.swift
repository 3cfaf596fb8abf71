internal import ReplicaStore
private import SQLiteBridge
private import Sealing
private import Segments

/// What is in a backup that was made.
public struct BackupReport: Sendable {
  public let path: String
  /// What the replica showed.
  public let version: VersionVector
  public let documentCount: Int
  public let fileBytes: Int64
}

extension Replica {
  /// Writes a copy of the store, without its keys and without what can be derived, into a new file,
  /// while the replica goes on. The file has its name when it is whole, on the disk, and has been
  /// read back and checked. A store is made of it again with ``restore(_:at:recoveryKey:)`` or
  /// ``restore(_:at:joiningWith:name:)``.
  ///
  /// - Throws: `exists` when there is something at the path.
  public func backUp(to file: String) async throws(ReplicaError) -> BackupReport {
    let path = path
    let errand = Errand(label: "skerry backup \(path)")
    let report = try await errand.run { () throws(ReplicaError) in
      try ReplicaError.translating {
        let store = try ReplicaStore.open(.store(at: path, .read))
        defer { store.close() }
        return try store.backUp(to: file)
      }
    }
    return BackupReport(
      path: file, version: report.note.version, documentCount: report.documents,
      fileBytes: Int64(clamping: report.fileBytes))
  }

  /// The text with which a backup of this store can be restored as this device. Whoever has it can
  /// read and write the workspace: keep it apart from the backups. It is the same for all of them.
  public func recoveryKey() async throws(ReplicaError) -> String {
    try await core.recoveryKey()
  }

  /// Makes a store of a backup, as the device that made it. It writes under a new origin; what the
  /// old store had committed and sent to nobody is kept, and sent.
  ///
  /// - Throws: `refused` when the key is not that of the backup, `exists`, `missing`, `damaged`.
  public static func restore(
    _ backup: String, at path: String, recoveryKey: String
  ) async throws(ReplicaError) -> Replica {
    let core = try await ReplicaCore.restored(path, from: backup) {
      do throws(RecoveryKeyError) {
        return .device(try RecoveryKey(code: recoveryKey))
      } catch {
        throw ReplicaError(.invalid, Sentence.of(error.description))
      }
    }
    return Replica(path: path, core: core)
  }

  /// Makes a store of a backup, as a new device, on an invitation of a member of its workspace. The
  /// first sync with whoever gave it out completes the joining.
  ///
  /// - Throws: `invitation` when the code is not one or has expired; `refused` when it is for
  ///   another workspace than that of the backup; `exists`, `missing`, `damaged`.
  public static func restore(
    _ backup: String, at path: String, joiningWith code: String, name: String
  ) async throws(ReplicaError) -> Replica {
    let core = try await ReplicaCore.restored(path, from: backup) {
      let invitation = try Invitation(code: code)
      try invitation.checkExpiry(nowMillis: UInt64(clamping: Timestamp.now.milliseconds))
      return .joining(invitation, name: name)
    }
    return Replica(path: path, core: core)
  }
}

extension ReplicaCore {
  func recoveryKey() throws(ReplicaError) -> String {
    try opened().store.recoveryKey.code
  }

  fileprivate static func restored(
    _ path: String, from backup: String,
    _ restoration: @Sendable () throws -> ReplicaStore.Restoration
  ) async throws(ReplicaError) -> ReplicaCore {
    let core = ReplicaCore(path: path)
    try await core.start {
      let store = try ReplicaStore.restore(
        backup, to: .store(at: path, .write), as: restoration(), now: .now, entropy: .system)
      if let placement = Placement.token(of: path) {
        try store.settle(at: placement, entropy: .system)
      }
      return try Open(store)
    }
    return core
  }
}
