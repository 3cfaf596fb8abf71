/// A text in pieces that are small enough to be worked on one at a time. A piece ends behind a line
/// feed, or where it would grow beyond `byteCountMax`; so a line is one piece, and only a very long
/// line several. Putting the pieces together gives the text exactly, scalar for scalar.
///
/// Invariant: there is at least one piece; the last one holds no line feed, any other only as its
/// last scalar; a piece that is not the last is not empty.
struct SegmentedText: Equatable, Sendable {
  struct Segment: Equatable, Sendable {
    /// With the line feed that ends it, if one does.
    let text: String
    let scalarCount: Int
    let endsLine: Bool

    init(_ text: String) {
      self.text = text
      scalarCount = text.unicodeScalars.count
      endsLine = text.utf8.last == 0x0A
    }
  }

  static let byteCountMax = 4_096

  private(set) var segments: [Segment]
  private(set) var scalarCount: Int

  init(_ text: String) {
    segments = Self.split(text, isLast: true)
    scalarCount = segments.reduce(0) { $0 + $1.scalarCount }
  }

  var text: String {
    var text = ""
    for segment in segments { text += segment.text }
    return text
  }

  /// The segment that holds the scalar at `offset`, and the offset inside it. The end of the text
  /// is the end of the last segment. Complexity: O(segments).
  func locate(_ offset: Int) -> (segment: Int, local: Int) {
    var local = max(0, offset)
    for (index, segment) in segments.enumerated() {
      if local < segment.scalarCount { return (index, local) }
      local -= segment.scalarCount
    }
    return (segments.count - 1, segments.last?.scalarCount ?? 0)
  }

  /// The offset of a segment's first scalar. Complexity: O(segments).
  func start(of segment: Int) -> Int {
    segments[..<segment].reduce(0) { $0 + $1.scalarCount }
  }

  /// The text between two offsets, both brought inside.
  func text(in range: Range<Int>) -> String {
    let (first, from) = locate(range.lowerBound)
    let (last, to) = locate(range.upperBound)
    if first == last {
      return String(
        String.UnicodeScalarView(
          segments[first].text.unicodeScalars.dropFirst(from).prefix(max(0, to - from))))
    }
    guard first < last else { return "" }
    var scalars = String.UnicodeScalarView(segments[first].text.unicodeScalars.dropFirst(from))
    for segment in segments[first + 1..<last] {
      scalars.append(contentsOf: segment.text.unicodeScalars)
    }
    scalars.append(contentsOf: segments[last].text.unicodeScalars.prefix(to))
    return String(scalars)
  }

  /// Replaces `count` scalars at `offset`, both of which must be inside.
  /// Complexity: O(segments + bytes of the segments touched + inserted).
  mutating func replace(at offset: Int, count: Int, with inserted: String) {
    let (first, from) = locate(offset)
    var (last, to) = locate(offset + count)
    var scalars = String.UnicodeScalarView(segments[first].text.unicodeScalars.prefix(from))
    scalars.append(contentsOf: inserted.unicodeScalars)
    scalars.append(contentsOf: segments[last].text.unicodeScalars.dropFirst(to))
    // A piece of a line that has become small joins the next piece of it.
    while last + 1 < segments.count, scalars.last != "\n",
      String(scalars).utf8.count < Self.byteCountMax / 2
    {
      last += 1
      to = 0
      scalars.append(contentsOf: segments[last].text.unicodeScalars)
    }
    let isLast = last == segments.count - 1
    var pieces = Self.split(String(scalars), isLast: isLast)
    if isLast, first > 0, pieces.count == 1, pieces[0].scalarCount == 0,
      !segments[first - 1].endsLine
    {
      pieces = []
    }
    segments.replaceSubrange(first...last, with: pieces)
    scalarCount += inserted.unicodeScalars.count - count
  }

  private static func split(_ text: String, isLast: Bool) -> [Segment] {
    var text = text
    text.makeContiguousUTF8()
    let utf8 = text.utf8
    var segments: [Segment] = []
    var start = utf8.startIndex
    while start < utf8.endIndex {
      let limit =
        utf8.index(start, offsetBy: byteCountMax, limitedBy: utf8.endIndex) ?? utf8.endIndex
      if let lineFeed = utf8[start..<limit].firstIndex(of: 0x0A) {
        let end = utf8.index(after: lineFeed)
        segments.append(Segment(String(text[start..<end])))
        start = end
      } else {
        let end = limit == utf8.endIndex ? limit : cut(text, from: start, before: limit)
        segments.append(Segment(String(text[start..<end])))
        start = end
      }
    }
    if isLast, segments.last?.endsLine ?? true { segments.append(Segment("")) }
    return segments
  }

  /// Where to end a piece: before the last character that might go on behind `limit`, or, if there
  /// is only that one, between its scalars.
  private static func cut(
    _ text: String, from start: String.Index, before limit: String.Index
  ) -> String.Index {
    var end = limit
    while text.utf8[end] & 0xC0 == 0x80 { end = text.utf8.index(before: end) }
    let piece = text[start..<end]
    let lastCharacter = piece.index(before: piece.endIndex)
    return lastCharacter > start ? lastCharacter : end
  }
}
