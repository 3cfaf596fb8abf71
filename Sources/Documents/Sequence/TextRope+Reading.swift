extension TextRope {
  /// The whole text. Complexity: O(bytes).
  package var string: String {
    makeString(from: 0, count: utf8Count)
  }

  /// The text of a range of scalars. Complexity: O(log n + bytes of the range).
  package func slice(_ range: Range<Int>) throws(TextRopeError) -> String {
    try check(range)
    let start = try utf8Offset(of: range.lowerBound)
    let end = try utf8Offset(of: range.upperBound)
    return makeString(from: start, count: end - start)
  }

  /// The text of `count` bytes from byte `start` on, both scalar boundaries.
  private func makeString(from start: Int, count: Int) -> String {
    // Where there is no ASCII to skip, checking again what is known to be valid takes several times
    // as long as copying it twice.
    if count > 256, utf8Count != self.count,
      #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *)
    {
      return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { buffer in
        _ = copyUTF8(from: start, into: buffer)
        let bytes = UnsafeBufferPointer(buffer)
        return String(copying: UTF8Span(unchecked: bytes.span))
      }
    }
    return String(unsafeUninitializedCapacity: count) { copyUTF8(from: start, into: $0) }
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
    var offset = 0
    while let block = block(at: offset) {
      if block.gapStart > 0 { try body(block.beforeGap) }
      if block.gapEnd < block.capacity { try body(block.afterGap) }
      offset += block.utf8
    }
  }

  /// Fills `buffer` with the bytes from byte `start` on, and returns how many that were.
  private func copyUTF8(
    from start: Int, into buffer: UnsafeMutableBufferPointer<UInt8>
  ) -> Int {
    guard let target = buffer.baseAddress else { return 0 }
    var filled = 0
    var offset = start
    while filled < buffer.count {
      let place = read { $0.place(ofEnd: offset + 1, in: .utf8) }
      var skipped = offset - place.before.utf8
      for part in [place.block.beforeGap, place.block.afterGap] {
        let skip = min(skipped, part.count)
        let copied = min(part.count - skip, buffer.count - filled)
        if let source = part.baseAddress, copied > 0 {
          (target + filled).update(from: source + skip, count: copied)
        }
        skipped -= skip
        filled += copied
      }
      offset = place.before.utf8 + place.block.utf8
    }
    return filled
  }

  /// The block that holds byte `offset`, at which a block begins; nil at the end.
  private func block(at offset: Int) -> TextRopeBlock? {
    offset < utf8Count ? read { $0.place(ofEnd: offset + 1, in: .utf8).block } : nil
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
