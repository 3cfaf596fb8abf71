/// Whether bytes are UTF-8, as the Unicode standard asks (table 3-7).
///
/// Refused are stray and missing continuation bytes, overlong forms, surrogates and values above
/// U+10FFFF. What a byte may be depends on the three before it alone, so many bytes are judged at
/// once, beside the same bytes shifted by one, two and three:
///
///     bytes            E2 82 AC 41     a continuation byte where, and only where,
///     one before        · E2 82 AC       one before is C0 or more,
///     two before        ·  · E2 82       two before is E0 or more, or
///     three before      ·  ·  · E2       three before is F0 or more
///
/// What is left is a matter of two bytes: C0, C1 and F5 to FF are never there; after E0, ED, F0 and
/// F4 the continuation byte has narrower bounds.
extension UTF8Scalars {
  /// The number of scalars when `bytes` are valid UTF-8, otherwise nil.
  package static func validatedCount(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    measure(validating: bytes)?.scalarCount
  }

  /// How many scalars and UTF-16 code units `bytes` are, or nil when they are not valid UTF-8.
  package static func measure(validating bytes: UnsafeBufferPointer<UInt8>) -> Measure? {
    guard let base = bytes.baseAddress else { return Measure(scalarCount: 0, utf16Count: 0) }
    let end = bytes.count
    var measure = Measure(scalarCount: 0, utf16Count: 0)
    var offset = 0
    if end >= 32 {
      // One scalar after another until three bytes come before the first stride.
      while offset < 3 {
        guard let length = scalarLength(base, at: offset, end: end) else { return nil }
        measure.add(scalarOf: length)
        offset += length
      }
      var judge = Judge()
      judge.take(base, from: offset, to: end)
      guard !judge.isRefused, !isUnfinished(base, at: end) else { return nil }
      measure.scalarCount += judge.scalarCount
      measure.utf16Count += judge.scalarCount + judge.wideCount
      return measure
    }
    while offset < end {
      guard let length = scalarLength(base, at: offset, end: end) else { return nil }
      measure.add(scalarOf: length)
      offset += length
    }
    return measure
  }

  /// Whether the bytes before `end`, of which there are at least three, ask for more.
  private static func isUnfinished(_ base: UnsafePointer<UInt8>, at end: Int) -> Bool {
    base[end - 1] >= 0xC0 || base[end - 2] >= 0xE0 || base[end - 3] >= 0xF0
  }

  /// The length of the scalar at `offset`, which is below `end`; nil when it is not valid.
  @inline(__always)
  private static func scalarLength(
    _ base: UnsafePointer<UInt8>, at offset: Int, end: Int
  ) -> Int? {
    let lead = base[offset]
    if lead < 0x80 { return 1 }
    let length: Int
    var lowest: UInt8 = 0x80
    var highest: UInt8 = 0xBF
    switch lead {
    case 0xC2...0xDF: length = 2
    case 0xE0...0xEF:
      length = 3
      if lead == 0xE0 { lowest = 0xA0 }
      if lead == 0xED { highest = 0x9F }
    case 0xF0...0xF4:
      length = 4
      if lead == 0xF0 { lowest = 0x90 }
      if lead == 0xF4 { highest = 0x8F }
    default: return nil
    }
    guard length <= end - offset else { return nil }
    for next in offset + 1..<offset + length {
      guard base[next] >= lowest, base[next] <= highest else { return nil }
      lowest = 0x80
      highest = 0xBF
    }
    return length
  }

  /// What many strides say together.
  private struct Judge {
    private(set) var scalarCount = 0
    private(set) var wideCount = 0
    private(set) var isRefused = false

    /// Judges everything from `offset`, before which are at least three bytes, to `end`.
    mutating func take(_ base: UnsafePointer<UInt8>, from offset: Int, to end: Int) {
      var offset = offset
      while offset < end {
        let length = min(strideMax, end - offset)
        // What is ASCII, and three bytes before it too, needs no more thought.
        var every: UInt8 = 0
        for index in offset - 3..<offset + length { every |= base[index] }
        if every < 0x80 {
          scalarCount &+= length
        } else {
          judge(base + offset, length)
        }
        offset += length
      }
    }

    @inline(never)
    private mutating func judge(_ base: UnsafePointer<UInt8>, _ length: Int) {
      let before = base - 1
      let twoBefore = base - 2
      let threeBefore = base - 3
      // Not zero where something is wrong.
      var faults: UInt8 = 0
      var starts: UInt8 = 0
      var wides: UInt8 = 0
      var index = 0
      while index < length {
        let byte = base[index]
        let lead = before[index]
        let begins = startTally(byte)
        let wide = wideTally(byte)
        // 1 where a scalar must go on: exactly there nothing may begin.
        let asked =
          flag(lead >= 0xC0) | flag(twoBefore[index] >= 0xE0) | flag(threeBefore[index] >= 0xF0)
        faults |= (asked ^ begins ^ 1) | flag(byte >= 0xF5) | flag(byte & 0xFE == 0xC0)
        // The continuation bytes with their first three or four bits: 80 is 80...9F or 80...8F.
        faults |= flag((lead ^ 0xE0) | (byte & 0xE0 ^ 0x80) == 0)
        faults |= flag((lead ^ 0xED) | (byte & 0xE0 ^ 0xA0) == 0)
        faults |= flag((lead ^ 0xF0) | (byte & 0xF0 ^ 0x80) == 0)
        faults |= flag(lead ^ 0xF4 == 0) & flag(byte & 0xF0 != 0x80)
        starts &+= begins
        wides &+= wide
        index &+= 1
      }
      isRefused = isRefused || faults != 0
      scalarCount &+= Int(starts)
      wideCount &+= Int(wides)
    }

  }

  @inline(__always)
  private static func flag(_ condition: Bool) -> UInt8 { condition ? 1 : 0 }
}

extension UTF8Scalars.Measure {
  /// Adds one scalar of `length` UTF-8 bytes.
  @inline(__always)
  fileprivate mutating func add(scalarOf length: Int) {
    scalarCount += 1
    utf16Count += length == 4 ? 2 : 1
  }
}
