import SQLiteBridge

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A store file of its own for one test, removed when the value goes.
final class StoreFile {
  let path: String

  init(copying other: StoreFile? = nil) throws {
    var template = Array("/tmp/replication-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { fatalError("no temporary file") }
    path = String(
      decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    close(descriptor)
    unlink(path)
    if let other { try copy(other.path) }
  }

  deinit {
    for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
  }

  var options: SQLiteOptions {
    SQLiteOptions(location: .file(path), busyTimeoutMilliseconds: 500)
  }

  /// What a backup program does to a closed store.
  private func copy(_ source: String) throws {
    guard let from = fopen(source, "rb"), let to = fopen(path, "wb") else {
      fatalError("\(source) cannot be copied")
    }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&buffer, 1, buffer.count, from)
      guard count > 0 else { break }
      fwrite(buffer, 1, count, to)
    }
    fclose(from)
    fclose(to)
  }
}
