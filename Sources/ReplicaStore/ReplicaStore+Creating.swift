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
  /// How a new store comes by its workspace.
  package enum Founding {
    /// It founds one.
    case workspace(name: String)
    /// It was invited. It may write at once; others take what it writes when it has been admitted.
    case joining(Invitation, name: String)
  }

  /// Makes a store at a path where there is nothing. The file can be read by its owner only, as it
  /// holds keys. When it fails, nothing is left behind.
  ///
  /// - Parameter name: the device's name, which members see.
  /// - Throws: `.exists`, `.membership` for a name that is too long, `.database`.
  package static func create(
    _ options: SQLiteOptions, _ founding: Founding, now: Timestamp, entropy: Entropy,
    language: OperationLanguage = .current
  ) throws(StoreError) -> ReplicaStore {
    let (identity, record) = try identity(founding, entropy: entropy)
    var options = options
    options.access = .create
    let madeFile = try makePrivateFile(options)
    do throws(StoreError) {
      return try fill(options, identity, record, now: now, language)
    } catch {
      if let madeFile {
        for file in SQLiteConnection.files(of: madeFile) { unlink(file) }
      }
      throw error
    }
  }

  private static func fill(
    _ options: SQLiteOptions, _ identity: StoreIdentity, _ record: MembershipRecord,
    now: Timestamp, _ language: OperationLanguage
  ) throws(StoreError) -> ReplicaStore {
    let connection: SQLiteConnection
    do throws(SQLiteError) {
      connection = try SQLiteConnection(options, schema: StoreSchema.schema)
    } catch {
      throw openingError(error, options)
    }
    guard try StoreIdentity.load(from: connection) == nil else {
      throw .exists(path: connection.path)
    }
    let store = try ReplicaStore(connection, identity: identity, language: language)
    try store.connection.transaction { () throws(StoreError) in
      try store.sql { () throws(SQLiteError) in try identity.insert(into: connection, now: now) }
      _ = try store.stored { () throws(SegmentStoreError) in
        try store.segments.insertMembership(record.bytes, hash: record.hash)
      }
      _ = try store.refreshMembership()
    }
    return store
  }

  static func identity(
    _ founding: Founding, entropy: Entropy
  ) throws(StoreError) -> (StoreIdentity, MembershipRecord) {
    let device = DeviceKeys(entropy: entropy)
    do throws(MembershipError) {
      switch founding {
      case .workspace(let name):
        let key = WorkspaceKey(entropy: entropy)
        let founded = try Membership.found(device: device, name: name, key: key, entropy: entropy)
        let identity = StoreIdentity(
          workspace: founded.workspace, keyEpoch: 1, key: key, device: device,
          origin: founded.origin, name: name, invitation: nil, request: nil)
        return (identity, founded.record)
      case .joining(let invitation, let name):
        let (record, origin) = try Membership.request(
          invitation, device: device, name: name, entropy: entropy)
        let identity = StoreIdentity(
          workspace: invitation.workspace, keyEpoch: invitation.keyEpoch, key: invitation.key,
          device: device, origin: origin, name: name, invitation: invitation, request: record.hash)
        return (identity, record)
      }
    } catch {
      throw .membership(error)
    }
  }

  /// Makes an empty file with narrow permissions, which SQLite's own files beside it take over.
  ///
  /// - Returns: the path; nil where the file is not the file system's.
  static func makePrivateFile(_ options: SQLiteOptions) throws(StoreError) -> String? {
    guard case .file(let path) = options.location, options.vfs == nil else { return nil }
    let descriptor = path.withCString { openFile($0, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
    guard descriptor >= 0 else {
      let code = errno
      if code == EEXIST { throw .exists(path: path) }
      throw .database(
        SQLiteError(
          code: code == EACCES ? .notPermitted : .cannotOpen,
          message: "the file cannot be made (\(String(cString: strerror(code))))",
          statement: path))
    }
    closeFile(descriptor)
    return path
  }

  static func openingError(_ error: SQLiteError, _ options: SQLiteOptions) -> StoreError {
    let translated = StoreError(error)
    guard case .file(let path) = options.location else { return translated }
    if case .notAStore = translated { return .notAStore(path: path) }
    let isRefused = error.code == .cannotOpen || error.code == .readOnly
    guard isRefused, options.vfs == nil else { return translated }
    var about = stat()
    guard stat(path, &about) == 0 else { return .missing(path: path) }
    if about.st_mode & S_IFMT == S_IFDIR { return .notAStore(path: path) }
    // It is not read as a file that nobody changes: somebody else may have it where it is writable.
    guard access(path, W_OK) != 0, errno == EROFS else { return translated }
    return .refused(
      "The file system of \(path) is read-only, and a store writes beside its file even to read; "
        + "copy it, with \(path)-wal where that is, to a place that can be written.")
  }
}

// The class has functions of the same names.
private func openFile(_ path: UnsafePointer<CChar>, _ flags: Int32, _ mode: mode_t) -> Int32 {
  open(path, flags, mode)
}

private func closeFile(_ descriptor: Int32) {
  _ = close(descriptor)
}
