internal import Dispatch
internal import TerminalKit

#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

/// Lines on the ordinary screen, where they can be copied whole, until Enter is pressed.
enum PlainScreen {
  static func show(_ lines: [String], on terminal: Terminal) async throws {
    terminal.suspend()
    let text = (lines + ["", "Press Enter to go back to the notes. "]).joined(separator: "\n")
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        write("\n" + text)
        waitForEnter()
        write("\n")
        continuation.resume()
      }
    }
    try terminal.resume()
  }

  private static func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { systemWrite($0) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if count == 0 || errno != EINTR {
        return
      }
    }
  }

  private static func systemWrite(_ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Glibc)
      Glibc.write(STDOUT_FILENO, bytes.baseAddress, bytes.count)
    #elseif canImport(Musl)
      Musl.write(STDOUT_FILENO, bytes.baseAddress, bytes.count)
    #else
      Darwin.write(STDOUT_FILENO, bytes.baseAddress, bytes.count)
    #endif
  }

  /// Returns at the end of a line or of the input.
  private static func waitForEnter() {
    var byte: UInt8 = 0
    while true {
      let count = systemRead(&byte)
      if count > 0 {
        if byte == UInt8(ascii: "\n") { return }
      } else if count == 0 || errno != EINTR {
        return
      }
    }
  }

  private static func systemRead(_ byte: inout UInt8) -> Int {
    #if canImport(Glibc)
      Glibc.read(STDIN_FILENO, &byte, 1)
    #elseif canImport(Musl)
      Musl.read(STDIN_FILENO, &byte, 1)
    #else
      Darwin.read(STDIN_FILENO, &byte, 1)
    #endif
  }
}
