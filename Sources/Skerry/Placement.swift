#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

/// Tells whether a file is still the one that it was: its number, its device and its machine.
///
/// A copy has another number, and so has a backup that was put back as a file of its own. What
/// this does not see, such as a backup written into the file that was there, is found when a peer
/// is met.
enum Placement {
  /// Nil when there is no file.
  static func token(of path: String) -> [UInt8]? {
    var about = stat()
    guard stat(path, &about) == 0 else { return nil }
    return Array("\(about.st_dev):\(about.st_ino):\(machine)".utf8)
  }

  /// Whether both paths lead to one file that is there.
  static func areOne(_ path: String, _ other: String) -> Bool {
    guard let file = token(of: path) else { return false }
    return file == token(of: other)
  }

  /// Empty where the system has no such name.
  private static var machine: String {
    guard let file = fopen("/etc/machine-id", "r") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count).prefix { $0 != 0x0A }, as: UTF8.self)
  }
}
