/// Padding that hides a length but for its magnitude, at a cost of at most 12 percent.
///
/// Nikitin, Barman, Lueks, Underwood, Hubaux and Ford, "Reducing Metadata Leakage from Encrypted
/// Files and Communication with PURBs", 2019: a padded length keeps only as many significant bits
/// as its own logarithm has, so that lengths up to n fall into O(log log n) bits of difference.
///
/// A padded body is the body, the byte 0x80, and zeros up to the padded length of all of it.
package enum Padme {
  private static let marker: UInt8 = 0x80

  /// The length to which `length` bytes are padded.
  ///
  /// - Precondition: `length` is not negative and below 2^62.
  package static func length(of length: Int) -> Int {
    precondition(length >= 0 && length < 1 << 62)
    guard length >= 2 else { return length }
    let exponent = logarithm(length)
    let significant = logarithm(exponent) + 1
    // exponent >= significant from 3 on; below it nothing is padded.
    guard exponent > significant else { return length }
    let mask = (1 << (exponent - significant)) - 1
    return (length + mask) & ~mask
  }

  /// How many bytes a body of `count` takes when it is padded.
  package static func paddedCount(ofBody count: Int) -> Int {
    length(of: count + 1)
  }

  /// Writes the padding behind the first `count` bytes of `buffer`, to its end.
  package static func pad(_ buffer: UnsafeMutableRawBufferPointer, body count: Int) {
    precondition(buffer.count == paddedCount(ofBody: count))
    buffer[count] = marker
    for index in (count + 1)..<max(buffer.count, count + 1) { buffer[index] = 0 }
  }

  /// Takes the padding off the end of `bytes`.
  ///
  /// - Throws: `wrongPadding` unless it is exactly what padding the rest makes.
  package static func removePadding(
    from bytes: inout [UInt8], _ subject: StaticString
  ) throws(SealingError) {
    guard let last = bytes.lastIndex(where: { $0 != 0 }), bytes[last] == marker,
      paddedCount(ofBody: last) == bytes.count
    else { throw SealingError(.wrongPadding, subject) }
    bytes.removeSubrange(last...)
  }

  /// The position of the highest bit that is set.
  private static func logarithm(_ value: Int) -> Int {
    Int.bitWidth - 1 - value.leadingZeroBitCount
  }
}
