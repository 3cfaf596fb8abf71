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

  /// True `permille` times in a thousand.
  package mutating func chance(permille: Int) -> Bool {
    integer(in: 1...1000) <= permille
  }

  package mutating func element<Element>(of elements: [Element]) -> Element? {
    elements.isEmpty ? nil : elements[integer(in: 0...(elements.count - 1))]
  }
}
