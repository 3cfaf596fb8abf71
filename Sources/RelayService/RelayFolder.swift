internal import ByteCoding
package import Relaying
internal import SQLiteBridge
package import Sealing
internal import Segments

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The data folder of a relay:
///
/// ```
/// DATA/relay.lock              held by the one relay that uses the folder
/// DATA/relay.key               the relay's long-term signing key, readable by its owner only
/// DATA/workspaces/<id>.sqlite  one database for each workspace
/// ```
package final class RelayFolder {
  package let path: String
  /// Who the relay is, to everybody who ever connects to it.
  package let key: SigningKey
  private let lock: Int32

  /// Opens a data folder, making it when there is none, and locks it until this object is gone.
  ///
  /// - Throws: `inUse` when another relay has it; `damaged` or `notPermitted` for the key file.
  package init(path: String, entropy: Entropy) throws(RelayError) {
    self.path = path
    try RelayFolder.makeFolder(path)
    try RelayFolder.makeFolder(path + "/workspaces")
    let lock = try RelayFolder.takeLock(path)
    do throws(RelayError) {
      key = try RelayFolder.loadKey(path + "/relay.key", entropy: entropy)
    } catch {
      close(lock)
      throw error
    }
    self.lock = lock
  }

  deinit {
    close(lock)
  }

  package var storage: RelayStorage { RelayFolder.storage(path: path) }

  /// The databases of a data folder, without locking it: for looking only.
  package static func storage(path: String) -> RelayStorage {
    let folder = path + "/workspaces"
    let file = { (workspace: WorkspaceID) in "\(folder)/\(workspace.description).sqlite" }
    return RelayStorage(
      options: { workspace, access in
        SQLiteOptions(location: .file(file(workspace)), access: access, cacheKibibytes: 1_024)
      },
      contains: { access(file($0), F_OK) == 0 },
      workspaces: { () throws(RelayError) in try list(folder) })
  }

  /// Whether a relay has ever kept data in this folder.
  package static func exists(path: String) -> Bool {
    access(path + "/workspaces", F_OK) == 0
  }

  private static func list(_ folder: String) throws(RelayError) -> [WorkspaceID] {
    guard let entries = opendir(folder) else { throw failure("cannot be listed", folder) }
    defer { closedir(entries) }
    var found: [WorkspaceID] = []
    while let entry = readdir(entries) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name.hasSuffix(".sqlite"),
        let workspace = WorkspaceID(hexadecimal: String(name.dropLast(7)))
      else { continue }
      found.append(workspace)
    }
    return found.sorted()
  }

  private static func makeFolder(_ path: String) throws(RelayError) {
    guard mkdir(path, 0o700) != 0, errno != EEXIST else { return }
    throw failure("cannot be made", path)
  }

  private static func takeLock(_ path: String) throws(RelayError) -> Int32 {
    let file = path + "/relay.lock"
    let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("cannot be opened", file) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let isTaken = errno == EWOULDBLOCK
      let error =
        isTaken
        ? RelayError(
          .inUse, "\(path) is in use by another relay: stop it, or choose another --data folder.")
        : failure("cannot be locked", file)
      close(descriptor)
      throw error
    }
    return descriptor
  }

  private static func failure(_ what: String, _ path: String) -> RelayError {
    RelayError(.inputOutput, "\(path) \(what): \(String(cString: strerror(errno))).")
  }
}

extension RelayFolder {
  private static let keyTitle = "skerry-relay-key-1 "

  /// Reads the key file; writes a new key when there is no file.
  private static func loadKey(_ file: String, entropy: Entropy) throws(RelayError) -> SigningKey {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      guard errno == ENOENT else { throw failure("cannot be read", file) }
      return try makeKey(file, entropy: entropy)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("cannot be read", file) }
    guard status.st_mode & 0o077 == 0 else {
      throw RelayError(
        .notPermitted,
        "\(file) may be read by others, so its key is not safe: run chmod 600 on it.")
    }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(descriptor, &bytes, bytes.count)
    guard count >= 0 else { throw failure("cannot be read", file) }
    let text = String(decoding: bytes.prefix(count), as: UTF8.self)
    guard text.hasPrefix(keyTitle), text.hasSuffix("\n"),
      let seed = Hexadecimal.decode(text.dropFirst(keyTitle.utf8.count).dropLast()),
      seed.count == 32
    else {
      throw RelayError(
        .damaged,
        "\(file) does not hold a relay's key: restore it from a backup, or remove it, and clients "
          + "will be told that the relay has a new identity.")
    }
    return SigningKey(seed: SecretBytes(seed))
  }

  /// The file appears under its name only when it is whole and on the disk.
  private static func makeKey(_ file: String, entropy: Entropy) throws(RelayError) -> SigningKey {
    let seed = entropy.bytes(32)
    let text = Array("\(keyTitle)\(Hexadecimal.encode(seed))\n".utf8)
    let draft = file + ".new"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("cannot be written", draft) }
    defer { close(descriptor) }
    guard write(descriptor, text, text.count) == text.count, fsync(descriptor) == 0,
      rename(draft, file) == 0
    else { throw failure("cannot be written", file) }
    let folder = open(String(file.dropLast("/relay.key".utf8.count)), O_RDONLY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
    return SigningKey(seed: SecretBytes(seed))
  }
}
