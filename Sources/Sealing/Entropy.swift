import CSodium
import Synchronization

/// A source of random bytes, handed in wherever randomness is needed.
///
/// Nothing in this package draws randomness by another way, libsodium's own included: a run with
/// ``seeded(_:)`` is the same run in every process and on every thread.
package struct Entropy: Sendable {
  private let source: @Sendable (UnsafeMutableRawBufferPointer) -> Void
  private let isSystem: Bool

  package init(fill: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void) {
    self.init(isSystem: false, fill)
  }

  private init(
    isSystem: Bool, _ source: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void
  ) {
    self.source = source
    self.isSystem = isSystem
  }

  /// The operating system's generator, through libsodium.
  package static let system = Entropy(isSystem: true) { buffer in
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

  /// The same source, drawn from ahead: for many small draws in a row, as asking the system costs
  /// more than the bytes. To be dropped soon: a machine that is cloned meanwhile has in both copies
  /// what was drawn ahead. A seeded source is drawn from as before.
  package func drawnAhead() -> Entropy {
    guard isSystem else { return self }
    let reserve = EntropyReserve(source)
    return Entropy { reserve.fill($0) }
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

/// Bytes that were drawn and nobody has taken. Each is handed out once.
private final class EntropyReserve: Sendable {
  private static let drawMin = 64
  private static let drawMax = 4_096

  private struct Drawn {
    var bytes: [UInt8] = []
    var next = 0
  }

  private let source: @Sendable (UnsafeMutableRawBufferPointer) -> Void
  private let drawn = Mutex(Drawn())

  init(_ source: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void) {
    self.source = source
  }

  func fill(_ buffer: UnsafeMutableRawBufferPointer) {
    // Long draws are worth a call of their own.
    guard buffer.count <= Self.drawMin else { return source(buffer) }
    drawn.withLock { drawn in
      if drawn.bytes.count - drawn.next < buffer.count {
        // Twice as many as the last time: few are left over.
        let count = min(max(Self.drawMin, drawn.bytes.count * 2), Self.drawMax)
        drawn.bytes = [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
          source(UnsafeMutableRawBufferPointer(bytes))
          initialized = count
        }
        drawn.next = 0
      }
      let end = drawn.next + buffer.count
      buffer.copyBytes(from: drawn.bytes[drawn.next..<end])
      drawn.next = end
    }
  }
}
