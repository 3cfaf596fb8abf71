#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

/// A new folder that only this person can look into.
package struct TemporaryFolder: Sendable {
  package let path: String

  package init(prefix: String) throws {
    let named = ThisProcess.environment("TMPDIR") ?? ""
    let top = named.isEmpty ? "/tmp" : named
    var template = Array("\(top)/\(prefix)-\(String(repeating: "X", count: 6))".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw CommandFailure(
        sentence: "No folder can be made in '\(top)': \(String(cString: strerror(errno))).")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Removes the folder and the files in it; folders in it would stay.
  package func remove() {
    for name in fileNames() { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  private func fileNames() -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
