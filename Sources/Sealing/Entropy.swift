import CSodium
import Synchronization

/// A source of random bytes, handed in wherever randomness is needed.
///
/// Nothing in this package draws randomness by another way, libsodium's own included: a run with
/// ``seeded(_:)`` is the same run in every process and on every thread.
package struct Entropy: Sendable {
  private let source: @Sendable (UnsafeMutableRawBufferPointer) -> Void

  package init(fill: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void) {
    source = fill
  }

  /// The operating system's generator, through libsodium.
  package static let system = Entropy { buffer in
    Sodium.ready()
    guard let start = buffer.baseAddress else { return }
    randombytes_buf(start, buffer.count)
  }

  /// A repeatable source for the simulator and for tests; never for keys that protect anything.
  ///
  /// Copies share one position: two draws, from whichever copy, are never the same bytes.
  package static func seeded(_ seed: UInt64) -> Entropy {
    let draws = DrawCounter()
    return Entropy { buffer in
      Sodium.ready()
      guard let start = buffer.baseAddress else { return }
      let draw = draws.next()
      let key: (UInt64, UInt64, UInt64, UInt64) = (seed.bigEndian, draw.bigEndian, 0, 0)
      withUnsafeBytes(of: key) { bytes in
        randombytes_buf_deterministic(start, buffer.count, bytes.octets)
      }
    }
  }

  package func fill(_ buffer: UnsafeMutableRawBufferPointer) {
    source(buffer)
  }

  package func bytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      source(UnsafeMutableRawBufferPointer(buffer))
      initialized = count
    }
  }

  package func bytes32() -> Bytes32 {
    Bytes32(filledBy: source)
  }

  package func uint64() -> UInt64 {
    var value: UInt64 = 0
    withUnsafeMutableBytes(of: &value, source)
    return UInt64(bigEndian: value)
  }

  package func secret(_ count: Int) -> SecretBytes {
    SecretBytes(count: count, filledBy: source)
  }
}

/// How often a seeded source has been drawn from.
private final class DrawCounter: Sendable {
  private let count = Atomic<UInt64>(0)

  func next() -> UInt64 { count.wrappingAdd(1, ordering: .relaxed).newValue }
}
