import Foundation

/// A small, fast, repeatable generator (SplitMix64) for property tests. The seed is printed by the
/// test that uses it, so that a failing history can be made again.
///
/// The environment variable `SKERRY_SEED`, a number, makes others of all of them: what is printed
/// then belongs to that number.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  private static let shift: UInt64 =
    ProcessInfo.processInfo.environment["SKERRY_SEED"].flatMap(UInt64.init) ?? 0

  package init(seed: UInt64) {
    // Seeds of one run are near to each other, and their shifted ones must not be those of another.
    state = seed ^ (Self.shift &* 0xD6E8_FEB8_6659_FD93)
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}
