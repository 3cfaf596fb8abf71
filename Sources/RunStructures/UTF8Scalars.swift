/// Counting and finding Unicode scalars in UTF-8 bytes, without `String.Index`.
///
/// Every function but those that say they validate takes bytes that are already known to be valid.
/// All are O(n), many bytes at a time.
package enum UTF8Scalars {
  /// How much a piece of UTF-8 is in two other units.
  @frozen
  package struct Measure: Hashable, Sendable {
    /// Unicode scalars.
    package var scalarCount: Int
    /// UTF-16 code units: one for each scalar, and one more for each outside the basic plane.
    package var utf16Count: Int

    @usableFromInline
    package init(scalarCount: Int, utf16Count: Int) {
      self.scalarCount = scalarCount
      self.utf16Count = utf16Count
    }
  }

  /// How many scalars begin in `bytes`.
  package static func count(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    measure(bytes).scalarCount
  }

  /// The number of Unicode scalars of `string`.
  package static func count(_ string: String) -> Int {
    var string = string
    return string.withUTF8 { count($0) }
  }

  /// The number of UTF-16 code units of `bytes`.
  package static func utf16Count(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    measure(bytes).utf16Count
  }

  /// How many scalars and UTF-16 code units begin in `bytes`.
  package static func measure(_ bytes: UnsafeBufferPointer<UInt8>) -> Measure {
    guard let base = bytes.baseAddress else { return Measure(scalarCount: 0, utf16Count: 0) }
    var offset = 0
    var measure = Measure(scalarCount: 0, utf16Count: 0)
    if bytes.count < 16 {
      for byte in bytes { measure.add(Measure(ofByte: byte)) }
      return measure
    }
    while offset < bytes.count {
      let length = min(strideMax, bytes.count - offset)
      measure.add(stride(base + offset, length))
      offset += length
    }
    return measure
  }

  // MARK: Finding

  /// The byte offset at which the scalar number `position` begins; `bytes.count` when there are
  /// fewer.
  package static func byteOffset(
    of position: Int, in bytes: UnsafeBufferPointer<UInt8>
  ) -> Int {
    find(position, in: bytes) { $0.scalarCount }
  }

  /// The byte offset of the scalar that holds the UTF-16 unit number `unit`; `bytes.count` when
  /// there are fewer units.
  package static func byteOffset(
    ofUTF16 unit: Int, in bytes: UnsafeBufferPointer<UInt8>
  ) -> Int {
    find(unit, in: bytes) { $0.utf16Count }
  }

  /// The first scalar at whose end more than `units` units have begun.
  @inline(__always)
  private static func find(
    _ units: Int, in bytes: UnsafeBufferPointer<UInt8>, by unit: (Measure) -> Int
  ) -> Int {
    guard let base = bytes.baseAddress else { return 0 }
    var remaining = units
    var offset = 0
    // Long strides, short ones, then the scalars of one short stride: the last few at once.
    var strideLength = strideMax
    while remaining >= 8, offset < bytes.count {
      let length = min(strideLength, bytes.count - offset)
      let here = unit(stride(base + offset, length))
      if here <= remaining {
        remaining -= here
        offset += length
      } else if strideLength == strideMax {
        strideLength = 32
      } else {
        break
      }
    }
    while offset < bytes.count {
      let here = unit(Measure(ofByte: base[offset]))
      if here > remaining { return offset }
      remaining -= here
      offset += 1
    }
    return bytes.count
  }

  // MARK: Strides

  /// How many bytes are looked at together, in loops that the compiler makes into vectors: so many
  /// that a tally of them fits into a byte.
  static let strideMax = 240

  /// What begins in the next `length` bytes, at most `strideMax`.
  @inline(__always)
  private static func stride(_ base: UnsafePointer<UInt8>, _ length: Int) -> Measure {
    var starts: UInt8 = 0
    var wides: UInt8 = 0
    var offset = 0
    while offset < length {
      starts &+= startTally(base[offset])
      wides &+= wideTally(base[offset])
      offset &+= 1
    }
    return Measure(scalarCount: Int(starts), utf16Count: Int(starts) &+ Int(wides))
  }

  /// 1 where a scalar begins: continuation bytes are 10xxxxxx.
  @inline(__always)
  static func startTally(_ byte: UInt8) -> UInt8 { byte & 0xC0 != 0x80 ? 1 : 0 }

  /// 1 where a scalar outside the basic plane begins, one of two UTF-16 units.
  @inline(__always)
  static func wideTally(_ byte: UInt8) -> UInt8 { byte >= 0xF0 ? 1 : 0 }
}

extension UTF8Scalars.Measure {
  @inline(__always)
  mutating func add(_ other: Self) {
    scalarCount &+= other.scalarCount
    utf16Count &+= other.utf16Count
  }

  @inline(__always)
  fileprivate init(ofByte byte: UInt8) {
    let start = Int(UTF8Scalars.startTally(byte))
    self.init(
      scalarCount: start, utf16Count: start &+ Int(UTF8Scalars.wideTally(byte)))
  }
}
