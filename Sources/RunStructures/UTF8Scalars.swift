/// Counting and finding Unicode scalars in UTF-8 bytes, without `String.Index`.
///
/// Every function but `validatedCount` takes bytes that are already known to be valid.
package enum UTF8Scalars {
  /// How many scalars begin in `bytes`. Complexity: O(n), eight bytes at a time.
  package static func count(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    bytes.count - continuationCount(bytes)
  }

  /// The number of Unicode scalars of `string`.
  package static func count(_ string: String) -> Int {
    var string = string
    return string.withUTF8 { count($0) }
  }

  /// The number of UTF-16 code units of `bytes`: one for each scalar, and one more for each scalar
  /// outside the basic plane (four bytes).
  package static func utf16Count(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    var total = 0
    for byte in bytes {
      total &+= (byte & 0xC0 != 0x80 ? 1 : 0) &+ (byte >= 0xF0 ? 1 : 0)
    }
    return total
  }

  /// The byte offset at which the scalar number `position` begins; `bytes.count` when there are
  /// fewer. Complexity: O(n), eight bytes at a time.
  package static func byteOffset(
    of position: Int, in bytes: UnsafeBufferPointer<UInt8>
  ) -> Int {
    var remaining = position
    var offset = 0
    while offset + 8 <= bytes.count {
      let starts = 8 - continuationCount(word(bytes, offset))
      guard starts <= remaining else { break }
      remaining -= starts
      offset += 8
    }
    while offset < bytes.count {
      if bytes[offset] & 0xC0 != 0x80 {
        if remaining == 0 { return offset }
        remaining -= 1
      }
      offset += 1
    }
    return bytes.count
  }

  /// The number of scalars when `bytes` are valid UTF-8, otherwise nil.
  ///
  /// Refused as the Unicode standard asks (table 3-7): stray or missing continuation bytes,
  /// overlong forms, surrogates, and values above U+10FFFF. Complexity: O(n).
  package static func validatedCount(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    var offset = 0
    var scalars = 0
    let end = bytes.count
    while offset < end {
      if offset + 8 <= end, word(bytes, offset) & 0x8080_8080_8080_8080 == 0 {
        offset += 8
        scalars += 8
        continue
      }
      let lead = bytes[offset]
      let length: Int
      var lowest: UInt8 = 0x80
      var highest: UInt8 = 0xBF
      switch lead {
      case 0x00...0x7F: length = 1
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
      var next = offset + 1
      while next < offset + length {
        guard bytes[next] >= lowest, bytes[next] <= highest else { return nil }
        lowest = 0x80
        highest = 0xBF
        next += 1
      }
      offset += length
      scalars += 1
    }
    return scalars
  }

  private static func word(_ bytes: UnsafeBufferPointer<UInt8>, _ offset: Int) -> UInt64 {
    UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: offset, as: UInt64.self)
  }

  /// Continuation bytes are 10xxxxxx: bit 7 set and bit 6 clear.
  private static func continuationCount(_ word: UInt64) -> Int {
    ((word >> 7) & ~(word >> 6) & 0x0101_0101_0101_0101).nonzeroBitCount
  }

  private static func continuationCount(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    var total = 0
    var offset = 0
    while offset + 8 <= bytes.count {
      total &+= continuationCount(word(bytes, offset))
      offset += 8
    }
    while offset < bytes.count {
      if bytes[offset] & 0xC0 == 0x80 { total &+= 1 }
      offset += 1
    }
    return total
  }
}
