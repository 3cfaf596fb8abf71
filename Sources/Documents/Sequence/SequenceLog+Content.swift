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
    if isASCII {
      return bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range])) }
    }
    let start = byteOffset(ofContent: range.lowerBound, run: run(ofContent: range.lowerBound))
    let end = byteOffset(ofContentEnd: range.upperBound)
    return bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[start..<end])) }
  }

  /// Whether all that was ever inserted is ASCII: ordinals are places of bytes then.
  var isASCII: Bool { bytes.count == contentCount }

  /// Reads content here and there, mostly not far behind where it was read before.
  struct ContentReader {
    fileprivate let log: SequenceLog
    fileprivate let bytes: UnsafeBufferPointer<UInt8>
    let isASCII: Bool
    private var run = 0

    fileprivate init(_ log: SequenceLog, _ bytes: UnsafeBufferPointer<UInt8>) {
      self.log = log
      self.bytes = bytes
      isASCII = log.isASCII
    }

    /// The UTF-8 of the scalars that have these ordinals, which must have been inserted.
    ///
    /// Complexity: O(1) and the run up to there for content not far behind that of the call before.
    @inline(__always)
    mutating func utf8(ofContent range: Range<Int>) -> UnsafeBufferPointer<UInt8> {
      isASCII ? UnsafeBufferPointer(rebasing: bytes[range]) : wideUTF8(ofContent: range)
    }

    private mutating func wideUTF8(ofContent range: Range<Int>) -> UnsafeBufferPointer<UInt8> {
      precondition(range.upperBound <= log.contentCount, "content never inserted")
      guard !range.isEmpty else { return UnsafeBufferPointer(rebasing: bytes[..<0]) }
      run = log.run(ofContent: range.lowerBound, near: run)
      let first = log.rows[run]
      let start = log.byteOffset(ofContent: range.lowerBound, run: run)
      guard range.upperBound - Int(first.content) <= Int(first.count) else {
        return UnsafeBufferPointer(
          rebasing: bytes[start..<log.byteOffset(ofContentEnd: range.upperBound)])
      }
      let runEnd = run + 1 < log.rows.count ? log.rows[run + 1].byteStart : bytes.count
      let rest = UnsafeBufferPointer(rebasing: bytes[start..<runEnd])
      let length =
        runEnd - first.byteStart == Int(first.count)
        ? range.count : UTF8Scalars.byteOffset(of: range.count, in: rest)
      return UnsafeBufferPointer(rebasing: rest[..<length])
    }
  }

  /// Hands out a reader of the content of a text; do not keep it.
  func withContent<Result, Failure: Error>(
    _ body: (inout ContentReader) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try bytes.withUnsafeBufferPointer { (bytes) throws(Failure) in
      var reader = ContentReader(self, bytes)
      return try body(&reader)
    }
  }

  fileprivate func run(ofContent ordinal: Int, near run: Int) -> Int {
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

  fileprivate func byteOffset(ofContentEnd ordinal: Int) -> Int {
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
