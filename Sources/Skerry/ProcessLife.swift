#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

/// Tells one life of a process number from another: the numbers of processes are used again, after
/// a restart of the machine the low ones at once.
enum ProcessLife {
  /// The boot of the machine and when in it the process began; nil where the system does not tell.
  static func token(of process: Int32) -> String? {
    // See proc(5): the name of the program, in parentheses, may have any characters in it.
    guard let boot = text(of: "/proc/sys/kernel/random/boot_id"),
      let stat = text(of: "/proc/\(process)/stat"), let end = stat.lastIndex(of: ")")
    else { return nil }
    let fields = stat[stat.index(after: end)...].split(separator: " ")
    // The start time is field 22, and the first one after the name is field 3.
    guard fields.count > 19 else { return nil }
    return "\(boot.prefix { !$0.isWhitespace }) \(fields[19])"
  }

  /// The beginning of a small file.
  private static func text(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}
