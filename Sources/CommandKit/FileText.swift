#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

/// The text of a file that was named on a command line.
package enum FileText {
  /// Reads a file whole, or standard input for `-`.
  ///
  /// - Throws: when it cannot be read or is not text in UTF-8.
  package static func read(_ path: String) throws(CommandFailure) -> String {
    let bytes = path == "-" ? try StandardInput.readToEnd() : try readBytes(path)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure(
        sentence: path == "-"
          ? "Standard input is not text in UTF-8." : "'\(path)' is not text in UTF-8.")
    }
    return text
  }

  private static func readBytes(_ path: String) throws(CommandFailure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    defer { if descriptor >= 0 { close(descriptor) } }
    var bytes: [UInt8] = []
    while descriptor >= 0, let more = Descriptor.read(descriptor, limit: 1 << 16) {
      if more.isEmpty { return bytes }
      bytes += more
    }
    throw CommandFailure(
      sentence: "'\(path)' cannot be read: \(String(cString: strerror(errno))).")
  }
}
