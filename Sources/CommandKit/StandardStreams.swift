package import JSONCoding
package import Skerry
private import Synchronization

#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

/// Whoever read standard output has gone away.
package struct OutputClosed: Error {}

/// Standard output, buffered until `flush`, so that ten thousand lines are not ten thousand calls.
package enum StandardOutput {
  private static let bufferBytesMax = 1 << 16

  package static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  private static let buffer = Mutex<[UInt8]>([])

  package static func write(line text: String) throws(OutputClosed) {
    try append(Array(text.utf8))
  }

  /// Writes a line and sends it off: long work shows what it has found while it goes on.
  package static func show(line text: String) throws(OutputClosed) {
    try write(line: text)
    try flush()
  }

  package static func write(_ value: JSONValue) throws(OutputClosed) {
    var bytes: [UInt8] = []
    value.write(to: &bytes)
    try append(bytes)
  }

  /// Writes the bytes and a line feed.
  package static func append(_ line: [UInt8]) throws(OutputClosed) {
    let full = buffer.withLock { buffer -> [UInt8]? in
      buffer.append(contentsOf: line)
      buffer.append(UInt8(ascii: "\n"))
      guard buffer.count >= bufferBytesMax else { return nil }
      defer { buffer.removeAll(keepingCapacity: true) }
      return buffer
    }
    if let full { try send(full) }
  }

  package static func flush() throws(OutputClosed) {
    let waiting = buffer.withLock { buffer in
      defer { buffer = [] }
      return buffer
    }
    try send(waiting)
  }

  private static func send(_ bytes: [UInt8]) throws(OutputClosed) {
    guard Descriptor.write(bytes, to: STDOUT_FILENO) else { throw OutputClosed() }
  }
}

/// Standard input, read whole.
package enum StandardInput {
  package static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }

  package static func readToEnd() throws(CommandFailure) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      guard let chunk = Descriptor.read(STDIN_FILENO, limit: 1 << 16) else {
        throw CommandFailure(sentence: "Standard input cannot be read.")
      }
      guard !chunk.isEmpty else { return bytes }
      bytes += chunk
    }
  }
}

/// Standard error: sentences for people, never buffered.
package enum StandardError {
  package static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Says one sentence as the named program's.
  package static func say(_ sentence: String, as program: String) {
    write("\(program): \(sentence)\n")
  }

  /// Says what happens on a replica that is served, with the time.
  @Sendable package static func log(_ line: ServeLogLine) {
    let level = line.level == .info ? "" : "\(line.level.rawValue): "
    write("\(Timestamp.now.text) \(level)\(line.sentence)\n")
  }

  package static func write(_ text: String) {
    _ = Descriptor.write(Array(text.utf8), to: STDERR_FILENO)
  }
}

package enum Descriptor {
  /// Writes all bytes; false when that is not possible.
  package static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let count = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
        if count > 0 {
          rest = rest.dropFirst(count)
        } else if errno != EINTR {
          return false
        }
      }
      return true
    }
  }

  private static func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Glibc)
      Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    #elseif canImport(Musl)
      Musl.write(descriptor, bytes.baseAddress, bytes.count)
    #else
      Darwin.write(descriptor, bytes.baseAddress, bytes.count)
    #endif
  }

  /// Reads what is there, at most `limit` bytes, waiting for the first; empty at the end, nil when
  /// reading failed.
  package static func read(_ descriptor: Int32, limit: Int) -> [UInt8]? {
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      count = 0
      while true {
        let result = systemRead(descriptor, UnsafeMutableRawBufferPointer(buffer))
        if result >= 0 {
          count = result
          return
        }
        if errno != EINTR {
          failed = true
          return
        }
      }
    }
    return failed ? nil : bytes
  }

  private static func systemRead(
    _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer
  ) -> Int {
    #if canImport(Glibc)
      Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    #elseif canImport(Musl)
      Musl.read(descriptor, buffer.baseAddress, buffer.count)
    #else
      Darwin.read(descriptor, buffer.baseAddress, buffer.count)
    #endif
  }
}
