/// A fast hash of any number of bytes, for the stand-in cipher: four lanes of 64 bits that take
/// eight bytes each in turn, stirred together at the end.
///
/// Each step is a permutation of its lane for any given input and differs for any two inputs, so
/// two messages of one length that differ within one eight-byte word never have the same hash;
/// other differences collide by chance only. It withstands accidents and a simulated adversary, who
/// alters bytes blindly; it withstands nobody who has read it.
///
/// The value is plain memory of 72 bytes, so that it fits where libsodium's hash state lies.
struct MixingHash {
  typealias Words = (UInt64, UInt64, UInt64, UInt64)

  private var lanes: Words
  /// The bytes that do not fill a stripe yet.
  private var tail: Words = (0, 0, 0, 0)
  private var byteCount: UInt64 = 0

  private static let stripe = 32
  private static let odd: Words = (
    0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0xD6E8_FEB8_6659_FD93
  )

  /// An empty hash; different words make unrelated hashes.
  init(_ first: UInt64, _ second: UInt64 = 0) {
    let odd = MixingHash.odd
    lanes = (first ^ odd.3, second ^ odd.2, first &+ odd.1, second &+ odd.0)
  }

  /// One lane takes one word.
  @inline(__always)
  private static func step(_ lane: UInt64, _ word: UInt64, _ odd: UInt64) -> UInt64 {
    let product = (lane ^ word) &* odd
    return product ^ (product >> 32)
  }

  private mutating func absorbStripe(_ words: Words) {
    let odd = MixingHash.odd
    lanes.0 = MixingHash.step(lanes.0, words.0.littleEndian, odd.0)
    lanes.1 = MixingHash.step(lanes.1, words.1.littleEndian, odd.1)
    lanes.2 = MixingHash.step(lanes.2, words.2.littleEndian, odd.2)
    lanes.3 = MixingHash.step(lanes.3, words.3.littleEndian, odd.3)
  }

  mutating func absorb(_ word: UInt64) {
    withUnsafeBytes(of: word.littleEndian) { absorb($0) }
  }

  mutating func absorb(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    absorb(UnsafeRawBufferPointer(start: bytes, count: count))
  }

  /// Complexity: O(n), about six cycles for 32 bytes.
  mutating func absorb(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress, bytes.count > 0 else { return }
    let filled = Int(truncatingIfNeeded: byteCount) & (MixingHash.stripe - 1)
    byteCount &+= UInt64(bytes.count)
    var offset = 0
    if filled > 0 {
      offset = min(MixingHash.stripe - filled, bytes.count)
      withUnsafeMutableBytes(of: &tail) { tail in
        UnsafeMutableRawBufferPointer(rebasing: tail[filled...])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<offset]))
      }
      guard filled + offset == MixingHash.stripe else { return }
      absorbStripe(tail)
      tail = (0, 0, 0, 0)
    }
    let odd = MixingHash.odd
    var (a, b, c, d) = lanes
    while offset + MixingHash.stripe <= bytes.count {
      let place = start + offset
      a = MixingHash.step(a, place.word(at: 0), odd.0)
      b = MixingHash.step(b, place.word(at: 8), odd.1)
      c = MixingHash.step(c, place.word(at: 16), odd.2)
      d = MixingHash.step(d, place.word(at: 24), odd.3)
      offset += MixingHash.stripe
    }
    lanes = (a, b, c, d)
    guard offset < bytes.count else { return }
    withUnsafeMutableBytes(of: &tail) { tail in
      tail.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset...]))
    }
  }

  /// The hash of all that was absorbed.
  func finished() -> Words {
    var whole = self
    whole.absorbStripe(tail)
    var (a, b, c, d) = whole.lanes
    a &+= byteCount
    for _ in 0..<2 {
      a = MixingHash.scatter(a &+ d)
      b = MixingHash.scatter(b &+ a)
      c = MixingHash.scatter(c &+ b)
      d = MixingHash.scatter(d &+ c)
    }
    return (a, b, c, d)
  }

  /// Writes `count` bytes that follow from all that was absorbed.
  func finish(into target: UnsafeMutablePointer<UInt8>, count: Int) {
    let (a, b, c, d) = finished()
    var words = (
      a, b, c, d, MixingHash.scatter(a ^ 1), MixingHash.scatter(b ^ 2), MixingHash.scatter(c ^ 3),
      MixingHash.scatter(d ^ 4)
    )
    words = (
      words.0.littleEndian, words.1.littleEndian, words.2.littleEndian, words.3.littleEndian,
      words.4.littleEndian, words.5.littleEndian, words.6.littleEndian, words.7.littleEndian
    )
    withUnsafeBytes(of: words) {
      UnsafeMutableRawBufferPointer(start: target, count: count)
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count]))
    }
  }

  /// A permutation of 64-bit words without visible pattern: SplitMix64's output function
  /// (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
  @inline(__always)
  static func scatter(_ word: UInt64) -> UInt64 {
    var word = word
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}

extension UnsafeRawPointer {
  /// Eight bytes as a number, the same on every machine.
  @inline(__always)
  func word(at offset: Int) -> UInt64 {
    UInt64(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}
