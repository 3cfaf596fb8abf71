/// Gives equal tokens equal numbers, in the order in which they are met first, so that sequences of
/// them are compared as whole numbers.
struct TokenNumbering {
  /// The bytes of each different token, one after the other.
  private var arena: [UInt8] = []
  private var ends: [Int] = []
  private var hashes: [Int] = []
  /// Open addressing: a token's number and one more, or 0.
  private var slots = [UInt32](repeating: 0, count: 64)

  /// The numbers of the tokens of `bytes` that end at `bounds`; the first begins where `bounds`
  /// does.
  mutating func numbers(of bytes: [UInt8], bounds: [Int]) -> [UInt32] {
    guard bounds.count > 1 else { return [] }
    return bytes.withUnsafeBytes { buffer in
      var numbers: [UInt32] = []
      numbers.reserveCapacity(bounds.count - 1)
      for index in 1..<bounds.count {
        let token = UnsafeRawBufferPointer(rebasing: buffer[bounds[index - 1]..<bounds[index]])
        numbers.append(number(of: token))
      }
      return numbers
    }
  }

  private mutating func number(of token: UnsafeRawBufferPointer) -> UInt32 {
    if (ends.count + 1) * 2 > slots.count { grow() }
    // Seeded by the process, so that nobody can prepare collisions; no result depends on it.
    var hasher = Hasher()
    hasher.combine(bytes: token)
    let hash = hasher.finalize()
    var slot = hash & (slots.count - 1)
    while slots[slot] != 0 {
      let known = Int(slots[slot]) - 1
      if hashes[known] == hash, isEqual(known, token) { return UInt32(known) }
      slot = (slot + 1) & (slots.count - 1)
    }
    arena.append(contentsOf: token)
    ends.append(arena.count)
    hashes.append(hash)
    slots[slot] = UInt32(ends.count)
    return UInt32(ends.count - 1)
  }

  private func isEqual(_ known: Int, _ token: UnsafeRawBufferPointer) -> Bool {
    let start = known == 0 ? 0 : ends[known - 1]
    guard ends[known] - start == token.count else { return false }
    return arena.withUnsafeBytes { $0[start..<ends[known]].elementsEqual(token) }
  }

  private mutating func grow() {
    slots = [UInt32](repeating: 0, count: slots.count * 2)
    for (number, hash) in hashes.enumerated() {
      var slot = hash & (slots.count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(number + 1)
    }
  }
}
