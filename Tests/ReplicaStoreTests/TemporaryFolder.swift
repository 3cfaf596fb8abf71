#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A folder of its own for one test, removed with all it holds when the value goes.
final class TemporaryFolder {
  let path: String

  init() {
    var template = Array("/tmp/replica-store-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("no temporary folder") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    if let folder = opendir(path) {
      while let entry = readdir(folder) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { unlink(path + "/" + name) }
      }
      closedir(folder)
    }
    rmdir(path)
  }

  func file(_ name: String) -> String { path + "/" + name }

  func write(_ bytes: [UInt8], to name: String, at offset: Int = 0) {
    let descriptor = open(file(name), O_CREAT | O_WRONLY, 0o644)
    _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
    close(descriptor)
  }

  func read(_ name: String) -> [UInt8] {
    let descriptor = open(file(name), O_RDONLY)
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: Int(max(0, lseek(descriptor, 0, SEEK_END))))
    _ = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
    return bytes
  }

  /// Whether a file holds exactly these bytes; a question of its own, so that a failed expectation
  /// does not print them.
  func holds(_ bytes: [UInt8], in name: String) -> Bool { read(name) == bytes }

  func truncate(_ name: String, to count: Int) { _ = Self.cut(file(name), off_t(count)) }

  private static func cut(_ path: String, _ count: off_t) -> Int32 {
    #if canImport(Glibc)
      Glibc.truncate(path, count)
    #else
      Darwin.truncate(path, count)
    #endif
  }
}
