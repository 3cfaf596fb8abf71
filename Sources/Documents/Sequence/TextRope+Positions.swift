internal import RunStructures

/// Conversions between positions in Unicode scalars, UTF-8 bytes and UTF-16 units.
///
/// Complexity: O(log n) and a scan of at most one block, which plain ASCII does without.
extension TextRope {
  /// The byte at which the scalar number `position` begins.
  package func utf8Offset(of position: Int) throws(TextRopeError) -> Int {
    try convert(position, from: .first, to: .second)
  }

  /// The UTF-16 unit at which the scalar number `position` begins.
  package func utf16Offset(of position: Int) throws(TextRopeError) -> Int {
    try convert(position, from: .first, to: .third)
  }

  /// The scalar that holds the byte number `offset`.
  package func position(ofUTF8 offset: Int) throws(TextRopeError) -> Int {
    try convert(offset, from: .second, to: .first)
  }

  /// The scalar that holds the UTF-16 unit number `offset`.
  package func position(ofUTF16 offset: Int) throws(TextRopeError) -> Int {
    try convert(offset, from: .third, to: .first)
  }

  private func convert(
    _ offset: Int, from lane: Widths.Lane, to other: Widths.Lane
  ) throws(TextRopeError) -> Int {
    guard offset >= 0, offset <= Int(total[lane]) else {
      throw .outOfRange(offset..<offset, length: Int(total[lane]))
    }
    let place = settledPlace(of: offset, in: lane)
    let within = offset - Int(place.before[lane])
    let byte = byteOffset(of: within, in: lane, block: place.leaf)
    return Int((place.before + widths(upToByte: byte, block: place.leaf))[other])
  }

  /// The byte of a block at which the scalar begins that holds unit `offset` of `lane`.
  func byteOffset(of offset: Int, in lane: Widths.Lane, block: Int) -> Int {
    let widths = blockWidths[block]
    if widths.second == widths.first { return offset }
    return withParts(of: block) { head, tail in
      switch lane {
      case .first:
        let inHead = UTF8Scalars.byteOffset(of: offset, in: head)
        guard inHead == head.count else { return inHead }
        return head.count
          + UTF8Scalars.byteOffset(of: offset - UTF8Scalars.count(head), in: tail)
      case .second:
        var byte = offset
        while byte > 0, byte < head.count + tail.count,
          (byte < head.count ? head[byte] : tail[byte - head.count]) & 0xC0 == 0x80
        {
          byte -= 1
        }
        return byte
      case .third:
        // The last scalar that begins at or before the unit.
        var unit = 0
        var begin = 0
        for byte in 0..<head.count + tail.count {
          let value = byte < head.count ? head[byte] : tail[byte - head.count]
          guard value & 0xC0 != 0x80 else { continue }
          if unit > offset { return begin }
          begin = byte
          unit += value >= 0xF0 ? 2 : 1
        }
        return unit > offset ? begin : head.count + tail.count
      }
    }
  }

  private func widths(upToByte end: Int, block: Int) -> Widths {
    let all = blockWidths[block]
    if all.second == all.first { return Widths(UInt32(end), UInt32(end), UInt32(end)) }
    return withParts(of: block) { head, tail in
      let inHead = min(end, head.count)
      return Self.widths(ofAny: UnsafeBufferPointer(rebasing: head[0..<inHead]))
        + Self.widths(ofAny: UnsafeBufferPointer(rebasing: tail[0..<end - inHead]))
    }
  }
}
