import CSodium

/// Secret bytes outside of Swift's own arrays, which copy freely: one place in memory, never
/// printed, overwritten with zeros when the last reference goes.
///
/// Ordinary memory rather than `sodium_malloc`: guard pages cost sixteen kilobytes and four
/// mappings a key, more than a relay with ten thousand links may spend.
package final class SecretBytes: @unchecked Sendable {
  // Safe to share: the bytes are written in `init` only.
  private let storage: UnsafeMutableRawBufferPointer

  package var count: Int { storage.count }

  /// Lets `fill` write `count` bytes, which start as zeros.
  package init<Failure: Error>(
    count: Int, filledBy fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) {
    storage = .allocate(byteCount: count, alignment: 16)
    storage.initializeMemory(as: UInt8.self, repeating: 0)
    try fill(storage)
  }

  /// Copies `bytes`; the array itself is the caller's to drop.
  package convenience init(_ bytes: some Collection<UInt8>) {
    self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
  }

  deinit {
    if let start = storage.baseAddress { sodium_memzero(start, storage.count) }
    storage.deallocate()
  }

  package func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(storage))
  }

  /// The first byte as C functions take it.
  var pointer: UnsafePointer<UInt8> { UnsafePointer(storage.octets) }

  /// A copy for the one place that must have one: the store that keeps the key.
  package var array: [UInt8] { Array(storage) }
}

extension SecretBytes: Equatable {
  /// In a time that depends on the lengths only.
  package static func == (left: SecretBytes, right: SecretBytes) -> Bool {
    guard left.count == right.count else { return false }
    guard let first = left.storage.baseAddress, let second = right.storage.baseAddress else {
      return true
    }
    return sodium_memcmp(first, second, left.count) == 0
  }
}

extension SecretBytes: CustomStringConvertible, CustomReflectable {
  package var description: String { "(\(count) secret bytes)" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
