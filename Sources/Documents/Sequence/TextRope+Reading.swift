extension TextRope {
  /// The whole text. Complexity: O(bytes).
  package var string: String { makeString(from: 0, count: utf8Count) }

  /// The text of a range of scalars. Complexity: O(log n + bytes of the range).
  package func slice(_ range: Range<Int>) throws(TextRopeError) -> String {
    try read { (tree) throws(TextRopeError) in try tree.check(range) }
    let start = try utf8Offset(of: range.lowerBound)
    let end = try utf8Offset(of: range.upperBound)
    return makeString(from: start, count: end - start)
  }

  /// Appends the UTF-8 of the whole text to `target`. Complexity: O(bytes).
  package func appendUTF8(to target: inout [UInt8]) {
    // An exact reservation each time would have many appended texts copied again and again.
    if target.isEmpty { target.reserveCapacity(utf8Count) }
    forEachUTF8Part { target.append(contentsOf: $0) }
  }

  /// Calls `body` with the UTF-8 of the whole text, part by part and without copying. Parts are not
  /// empty and end where a scalar ends. Complexity: O(bytes / block size) calls.
  package func forEachUTF8Part<Failure: Error>(
    _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Void
  ) throws(Failure) {
    try forEachPart(from: 0, count: utf8Count, body)
  }

  /// Calls `body` with `count` bytes from byte `start` on, in parts that are not empty.
  private func forEachPart<Failure: Error>(
    from start: Int, count: Int, _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Void
  ) throws(Failure) {
    var offset = start
    let end = start + count
    while offset < end {
      let place = read { $0.place(ofEnd: offset + 1, in: .utf8) }
      var skipped = offset - place.before.utf8
      for part in [place.block.beforeGap, place.block.afterGap] {
        let skip = min(skipped, part.count)
        let length = min(part.count - skip, end - offset)
        if length > 0 { try body(UnsafeBufferPointer(rebasing: part[skip..<skip + length])) }
        skipped -= skip
        offset += length
      }
    }
  }

  /// The text of `count` bytes from byte `start` on, both scalar boundaries.
  private func makeString(from start: Int, count: Int) -> String {
    // Nothing but ASCII is checked again as fast as it is copied. For the rest that would take many
    // times as long, where it can be avoided.
    if count > 64, utf8Count != self.count,
      #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *)
    {
      var string = ""
      string.reserveCapacity(count)
      forEachPart(from: start, count: count) {
        string.append(String(copying: UTF8Span(unchecked: $0.span)))
      }
      return string
    }
    return String(unsafeUninitializedCapacity: count) { buffer in
      var filled = 0
      forEachPart(from: start, count: count) { part in
        if let target = buffer.baseAddress, let source = part.baseAddress {
          (target + filled).update(from: source, count: part.count)
        }
        filled += part.count
      }
      return filled
    }
  }
}

extension TextRope: Equatable {
  package static func == (left: TextRope, right: TextRope) -> Bool {
    if left.storage === right.storage { return true }
    guard left.read({ $0.total }) == right.read({ $0.total }) else { return false }
    var leftBytes: [UInt8] = []
    var rightBytes: [UInt8] = []
    left.appendUTF8(to: &leftBytes)
    right.appendUTF8(to: &rightBytes)
    return leftBytes == rightBytes
  }
}
