/// A repeatable source of chance (SplitMix64) for one thing in the world: one link, one node, one
/// workload.
///
/// Each thing draws from a stream of its own, found from the seed and its name, so that taking one
/// item out of a plan leaves what chance does to the others as it was.
package struct RandomStream: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64, _ name: String) {
    // FNV-1a over the name; the mixing in `next` does the rest.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    state = seed &* 0x9E37_79B9_7F4A_7C15 ^ hash
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  /// A number in `range`, all equally likely.
  package mutating func integer(in range: ClosedRange<Int>) -> Int {
    Int.random(in: range, using: &self)
  }

  /// A number in `range`, each order of magnitude (in twos) equally likely.
  ///
  /// - Precondition: `range` begins at 1 or above.
  package mutating func magnitude(in range: ClosedRange<Int>) -> Int {
    precondition(range.lowerBound >= 1)
    let low = Int.bitWidth - 1 - range.lowerBound.leadingZeroBitCount
    let high = Int.bitWidth - 1 - range.upperBound.leadingZeroBitCount
    let power = integer(in: low...high)
    let first = max(range.lowerBound, 1 << power)
    let last = power >= Int.bitWidth - 2 ? range.upperBound : (1 << (power + 1)) - 1
    return integer(in: first...max(first, min(range.upperBound, last)))
  }

  /// True `millionths` times in a million.
  package mutating func chance(millionths: Int) -> Bool {
    // No draw for what never happens: a rate of nothing leaves the stream as it was.
    millionths > 0 && integer(in: 1...1_000_000) <= millionths
  }

  package mutating func element<Element>(of elements: [Element]) -> Element? {
    elements.isEmpty ? nil : elements[integer(in: 0...(elements.count - 1))]
  }
}
