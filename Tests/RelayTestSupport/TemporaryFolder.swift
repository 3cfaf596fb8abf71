internal import Foundation

/// A folder of its own for one test, removed with all it holds when the value goes.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init() {
    let url = FileManager.default.temporaryDirectory.appending(
      path: "skerry-relay-\(UInt64.random(in: 0 ... .max))")
    try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  package func file(_ name: String) -> String { path + "/" + name }

  /// Every file below, as paths.
  package var files: [String] {
    let found = FileManager.default.enumerator(atPath: path)
    return (found?.allObjects ?? []).compactMap { $0 as? String }.map { file($0) }.filter {
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder)
        && !isFolder.boolValue
    }.sorted()
  }

  /// Whether any file holds these bytes anywhere.
  package func contains(_ text: String) -> Bool {
    let needle = Data(text.utf8)
    return files.contains { path in
      FileManager.default.contents(atPath: path)?.range(of: needle) != nil
    }
  }

  package func read(_ path: String) -> [UInt8] {
    FileManager.default.contents(atPath: path).map { Array($0) } ?? []
  }

  package func write(_ bytes: [UInt8], to path: String) {
    _ = FileManager.default.createFile(atPath: path, contents: Data(bytes))
  }
}
