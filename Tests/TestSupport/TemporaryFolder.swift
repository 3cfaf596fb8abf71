import Foundation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A folder of its own for one test, removed with all it holds when the value goes.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init() {
    var template = Array("/tmp/skerry-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("no temporary folder") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  package func file(_ name: String) -> String { path + "/" + name }

  package func write(_ bytes: [UInt8], to name: String, at offset: Int = 0) {
    let descriptor = open(file(name), O_CREAT | O_WRONLY, 0o644)
    _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
    close(descriptor)
  }

  package func read(_ name: String) -> [UInt8] {
    let descriptor = open(file(name), O_RDONLY)
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: Int(max(0, lseek(descriptor, 0, SEEK_END))))
    _ = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
    return bytes
  }

  /// The name of every file below.
  package var files: [String] {
    let found = FileManager.default.enumerator(atPath: path)
    return (found?.allObjects ?? []).compactMap { $0 as? String }.filter {
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: file($0), isDirectory: &isFolder)
        && !isFolder.boolValue
    }.sorted()
  }

  /// Whether any file holds these bytes anywhere.
  package func contains(_ text: String) -> Bool {
    let needle = Data(text.utf8)
    return files.contains { Data(read($0)).range(of: needle) != nil }
  }

  /// Whether a file holds exactly these bytes; a question of its own, so that a failed expectation
  /// does not print them.
  package func holds(_ bytes: [UInt8], in name: String) -> Bool { read(name) == bytes }

  package func truncate(_ name: String, to count: Int) { _ = Self.cut(file(name), off_t(count)) }

  private static func cut(_ path: String, _ count: off_t) -> Int32 {
    #if canImport(Glibc)
      Glibc.truncate(path, count)
    #else
      Darwin.truncate(path, count)
    #endif
  }
}
