internal import CSQLite

/// SQLite's own source of chance, from which the salts in a WAL come.
///
/// It is one for the whole process and fed by the file system that is the default one. For runs
/// that repeat to the byte, this puts a copy of that one in its place, with chance from a seed.
/// Only for programs that do nothing else with SQLite.
package enum SQLiteRandomness {
  nonisolated(unsafe) private static var stream = RandomStream(seed: 0, "SQLite")
  nonisolated(unsafe) private static var original: UnsafeMutablePointer<sqlite3_vfs>?
  /// Made once and never freed, as SQLite may keep its address.
  nonisolated(unsafe) private static var replacement: UnsafeMutablePointer<sqlite3_vfs>?

  /// From now on SQLite draws from `seed`. To be called at the beginning of each run.
  package static func seed(_ seed: UInt64) {
    stream = RandomStream(seed: seed, "SQLite")
    if original == nil { original = sqlite3_vfs_find(nil) }
    if replacement == nil, let original {
      let copy = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
      copy.initialize(to: original.pointee)
      copy.pointee.pNext = nil
      copy.pointee.zName = name
      copy.pointee.xRandomness = { _, count, answer in
        guard let answer, count > 0 else { return 0 }
        for index in 0..<Int(count) {
          answer[index] = CChar(truncatingIfNeeded: SQLiteRandomness.stream.next())
        }
        return count
      }
      replacement = copy
    }
    guard let replacement else { return }
    sqlite3_vfs_register(replacement, 1)
    reseed()
  }

  /// Back to real chance.
  package static func restore() {
    guard let original else { return }
    sqlite3_vfs_register(original, 1)
    reseed()
  }

  /// Forgets what was drawn, and draws anew.
  private static func reseed() {
    sqlite3_randomness(0, nil)
    var byte: UInt8 = 0
    sqlite3_randomness(1, &byte)
  }

  nonisolated(unsafe) private static let name: UnsafePointer<CChar> = {
    let bytes = Array("repeatable".utf8CString)
    let name = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    name.initialize(from: bytes, count: bytes.count)
    return UnsafePointer(name)
  }()
}
