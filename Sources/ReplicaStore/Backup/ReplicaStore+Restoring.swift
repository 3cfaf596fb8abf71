import Causality
package import ChangeCoding
package import Documents
package import SQLiteBridge
package import Sealing
import SegmentStore
package import Segments

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension ReplicaStore {
  static let restoredReason = "it was restored from a backup"

  /// As whom a backup is restored.
  package enum Restoration {
    /// As the device that made it, by the keys that it gave out.
    case device(RecoveryKey)
    /// As a new device, which somebody who is a member has invited.
    case joining(Invitation, name: String)
  }

  /// What device this store is, for ``Restoration/device(_:)``. A secret.
  package var recoveryKey: RecoveryKey {
    RecoveryKey(
      workspace: identity.workspace, keyEpoch: identity.keyEpoch, key: identity.key,
      device: identity.device)
  }

  /// Makes a store of a backup, at a path where there is nothing. It goes on under a new origin.
  /// What the old store had committed and sent to nobody is kept back until a peer has shown
  /// whether it knows it, and is sent under the new origin otherwise. The backup stays as it is.
  ///
  /// Complexity: O(bytes of the backup).
  ///
  /// - Throws: `.refused` when the key or the invitation is of another workspace or device, or the
  ///   file is no backup; `.exists`, `.missing`, `.tooNew`, `.damaged`, `.database`.
  package static func restore(
    _ backup: String, to options: SQLiteOptions, as restoration: Restoration, now: Timestamp,
    entropy: Entropy, language: OperationLanguage = .current
  ) throws(StoreError) -> ReplicaStore {
    var options = options
    options.access = .write
    guard let path = try makePrivateFile(options) else {
      throw .refused("A backup can only be restored to a file.")
    }
    do throws(StoreError) {
      try copyFile(backup, to: path)
      return try fill(options, from: backup, restoration, now: now, entropy, language)
    } catch {
      for file in SQLiteConnection.files(of: path) { unlink(file) }
      throw error
    }
  }

  private static func fill(
    _ options: SQLiteOptions, from backup: String, _ restoration: Restoration, now: Timestamp,
    _ entropy: Entropy, _ language: OperationLanguage
  ) throws(StoreError) -> ReplicaStore {
    let connection: SQLiteConnection
    do throws(SQLiteError) {
      connection = try SQLiteConnection(options, schema: StoreSchema.schema)
    } catch {
      throw openingError(error, options)
    }
    guard try StoreIdentity.load(from: connection) == nil,
      let note = try BackupNote.load(from: connection)
    else {
      connection.close()
      throw .refused("The file \(backup) is not a backup; check the path.")
    }
    let (identity, request) = try identity(for: restoration, of: note, entropy: entropy)
    try connection.transaction { () throws(StoreError) in
      do throws(SQLiteError) {
        try identity.insert(into: connection, now: now)
        try connection.execute(
          "DELETE FROM setting WHERE name = ?", .text(BackupNote.setting))
        guard request != nil else { return }
        // As when a store takes a new origin, but for the device, which is another one.
        try connection.execute(
          """
          INSERT INTO inherited (origin, first_sequence, last_sequence, block)
          SELECT ?, first_sequence, last_sequence, block FROM unsealed ORDER BY first_sequence
          """, .blob(note.origin.bytes))
        try connection.execute("DELETE FROM unsealed")
        try connection.execute(
          "INSERT INTO incarnation (origin, previous, reason) VALUES (?, ?, ?)",
          .blob(identity.origin.bytes), .blob(note.origin.bytes), .text(restoredReason))
      } catch {
        throw StoreError(error)
      }
    }
    let store = try ReplicaStore(connection, identity: identity, language: language)
    try store.write { () throws(StoreError) in
      if let request {
        _ = try store.insert([request])
      } else {
        try store.begin(because: restoredReason, entropy: entropy)
      }
    }
    try store.applyWaiting()
    return store
  }

  /// - Returns: the identity, and the request with which a new device asks to be admitted.
  private static func identity(
    for restoration: Restoration, of note: BackupNote, entropy: Entropy
  ) throws(StoreError) -> (StoreIdentity, MembershipRecord?) {
    switch restoration {
    case .device(let key):
      guard key.workspace == note.workspace, key.device.publicKey == note.device else {
        throw .refused(
          "The recovery key belongs to another store than the backup, which is of "
            + "'\(note.name)'.")
      }
      let identity = StoreIdentity(
        workspace: note.workspace, keyEpoch: key.keyEpoch, key: key.key, device: key.device,
        origin: note.origin, name: note.name, invitation: nil, request: nil)
      return (identity, nil)
    case .joining(let invitation, let name):
      guard invitation.workspace == note.workspace else {
        throw .refused("The invitation is for another workspace than that of the backup.")
      }
      let (identity, record) = try identity(.joining(invitation, name: name), entropy: entropy)
      return (identity, record)
    }
  }

  /// Copies the bytes of a file into one that is there and empty.
  private static func copyFile(_ source: String, to target: String) throws(StoreError) {
    guard let input = fopen(source, "rb") else {
      throw errno == ENOENT ? .missing(path: source) : fileFailure(source)
    }
    defer { fclose(input) }
    guard let output = fopen(target, "r+b") else { throw fileFailure(target) }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = fread(&buffer, 1, buffer.count, input)
      guard count > 0 else { break }
      guard fwrite(buffer, 1, count, output) == count else {
        fclose(output)
        throw fileFailure(target)
      }
    }
    let hasRead = ferror(input) == 0
    let hasWritten = fflush(output) == 0 && fsync(fileno(output)) == 0
    fclose(output)
    guard hasRead else { throw fileFailure(source) }
    guard hasWritten else { throw fileFailure(target) }
  }
}
