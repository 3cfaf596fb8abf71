#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a thing takes of the machine's memory.
enum Memory {
  /// How many bytes one value takes, measured over many that live at once. Zero where the system
  /// does not tell (`/proc/self/statm`).
  static func size<Value>(of make: () throws -> Value) rethrows -> Int {
    let count = 40
    // What is allocated once for all, and what freed memory would hide.
    var values = [try make()]
    let before = resident
    for _ in 0..<count { values.append(try make()) }
    let grown = resident - before
    return withExtendedLifetime(values) { max(0, grown) / count }
  }

  private static var resident: Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
    let fields = String(decoding: line.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      .split(separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(getpagesize()) : 0
  }
}
