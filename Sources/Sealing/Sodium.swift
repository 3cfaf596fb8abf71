import CSodium

/// What every use of libsodium goes through first: `sodium_init`, once in a process.
enum Sodium {
  /// Complexity: a load and a branch after the first call.
  @inline(__always)
  static func ready() {
    precondition(
      isReady, "libsodium cannot start: no random source on this machine, or another version of it")
  }

  private static let isReady = sodium_init() >= 0 && Libsodium.statesFit
}

/// Whether two runs of bytes are equal, in a time that depends on their lengths only.
package func equalInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  guard left.count == right.count else { return false }
  return sodium_memcmp(left, right, left.count) == 0
}

/// One byte that empty buffers point to: libsodium wants an address even for nothing.
nonisolated(unsafe) private let nowhere: UnsafeMutablePointer<UInt8> = {
  let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
  byte.initialize(to: 0)
  return byte
}()

extension UnsafeRawBufferPointer {
  /// The first byte, as C functions take it; never to be read when the buffer is empty.
  @inline(__always)
  var octets: UnsafePointer<UInt8> {
    baseAddress?.assumingMemoryBound(to: UInt8.self) ?? UnsafePointer(nowhere)
  }
}

extension UnsafeMutableRawBufferPointer {
  /// The first byte, as C functions take it; never to be written when the buffer is empty.
  @inline(__always)
  var octets: UnsafeMutablePointer<UInt8> {
    baseAddress?.assumingMemoryBound(to: UInt8.self) ?? nowhere
  }
}
