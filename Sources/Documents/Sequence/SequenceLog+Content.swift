internal import RunStructures

/// The text that insertions have put in, by ordinal.
extension SequenceLog {
  /// Calls `body` with the UTF-8 of the scalars that have these ordinals, which must have been
  /// inserted into a text. Complexity: O(log runs), and O(run) where the run is not ASCII.
  package func withUTF8<Result>(
    ofContent range: Range<Int>, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    precondition(content == .text && range.upperBound <= contentCount, "content never inserted")
    guard !range.isEmpty else { return body(UnsafeBufferPointer(start: nil, count: 0)) }
    if bytes.count == contentCount {
      return bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range])) }
    }
    let start = byteOffset(ofContent: range.lowerBound, run: run(ofContent: range.lowerBound))
    let end = byteOffset(ofContentEnd: range.upperBound)
    return bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[start..<end])) }
  }

  /// Where content was found last: what comes next is mostly not far behind it.
  struct ContentCursor {
    fileprivate var run = 0
  }

  /// Calls `body` as ``withUTF8(ofContent:_:)`` does.
  ///
  /// Complexity: O(1) and the run up to there for content not far behind that of the call before.
  func withUTF8<Result>(
    ofContent range: Range<Int>, from cursor: inout ContentCursor,
    _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    if bytes.count == contentCount || range.isEmpty {
      return withUTF8(ofContent: range, body)
    }
    cursor.run = run(ofContent: range.lowerBound, near: cursor.run)
    let first = rows[cursor.run]
    guard range.upperBound - Int(first.content) <= Int(first.count) else {
      return withUTF8(ofContent: range, body)
    }
    let start = byteOffset(ofContent: range.lowerBound, run: cursor.run)
    let runEnd = cursor.run + 1 < rows.count ? rows[cursor.run + 1].byteStart : bytes.count
    return bytes.withUnsafeBufferPointer { bytes in
      let rest = UnsafeBufferPointer(rebasing: bytes[start..<runEnd])
      let length =
        runEnd - first.byteStart == Int(first.count)
        ? range.count : UTF8Scalars.byteOffset(of: range.count, in: rest)
      return body(UnsafeBufferPointer(rebasing: rest[..<length]))
    }
  }

  private func run(ofContent ordinal: Int, near run: Int) -> Int {
    var run = run
    guard run < rows.count, Int(rows[run].content) <= ordinal else {
      return self.run(ofContent: ordinal)
    }
    for _ in 0..<8 {
      guard run + 1 < rows.count, Int(rows[run + 1].content) <= ordinal else { return run }
      run += 1
    }
    return self.run(ofContent: ordinal)
  }

  /// The scalars that have these ordinals.
  package func text(ofContent range: Range<Int>) -> String {
    withUTF8(ofContent: range) { String(decoding: $0, as: UTF8.self) }
  }

  private func byteOffset(ofContentEnd ordinal: Int) -> Int {
    if ordinal == contentCount { return bytes.count }
    return byteOffset(ofContent: ordinal, run: run(ofContent: ordinal))
  }

  /// The insertion that holds the ordinal: the last run that begins at or before it. Deletions
  /// carry the ordinal of the insertion after them, so that they never come last among equals.
  private func run(ofContent ordinal: Int) -> Int {
    var low = 0
    var high = rows.count
    while low < high {
      let middle = (low + high) / 2
      if Int(rows[middle].content) <= ordinal { low = middle + 1 } else { high = middle }
    }
    return low - 1
  }

  func byteOffset(ofContent ordinal: Int, run: Int) -> Int {
    let start = rows[run].byteStart
    let end = run + 1 < rows.count ? rows[run + 1].byteStart : bytes.count
    let offset = ordinal - Int(rows[run].content)
    if end - start == Int(rows[run].count) { return start + offset }
    return bytes.withUnsafeBufferPointer {
      start
        + UTF8Scalars.byteOffset(
          of: offset, in: UnsafeBufferPointer(rebasing: $0[start..<end]))
    }
  }
}
