/// Two texts, merged. Positions count Unicode scalars.
public struct MergedText: Sendable {
  let base: MergeSide
  let ours: MergeSide
  let theirs: MergeSide
  /// From the start to the end of all three.
  let stretches: [MergeStretch]
  /// False when the last line's end is to be taken off the result.
  let endsLine: Bool

  /// In the order of the text.
  public let conflicts: [TextConflict]

  init(base: String, ours: String, theirs: String) {
    let texts = [base, ours, theirs].map { Array($0.utf8) }
    var sides = texts.map { MergeSide($0, endingLike: nil) }
    var merger = TextMerger(base: sides[0], ours: sides[1], theirs: sides[2])
    if merger.mergeIfApart() {
      endsLine = true
    } else {
      sides = texts.map { MergeSide($0, endingLike: texts[0]) }
      endsLine =
        sides[1].endsLine == sides[0].endsLine ? sides[2].endsLine : sides[1].endsLine
      merger = TextMerger(base: sides[0], ours: sides[1], theirs: sides[2])
      merger.merge()
    }
    (self.base, self.ours, self.theirs) = (sides[0], sides[1], sides[2])
    stretches = merger.stretches
    conflicts = MergedText.conflicts(stretches, sides[0], sides[1], sides[2])
  }

  /// The merged text, with what was chosen where there are conflicts. Complexity: O(n).
  public func text(_ choice: MergeChoice = .both) -> String {
    String(decoding: rendered(choice).bytes, as: UTF8.self)
  }

  /// Where in ``text(_:)`` each of the ``conflicts`` is, in their order. Conflicts on one line
  /// share their markers, and their place then. Complexity: O(n).
  public func places(_ choice: MergeChoice = .both) -> [Range<Int>] {
    let (bytes, places) = rendered(choice)
    var counter = ScalarCounter(bytes)
    return places.map { place in
      // Only shared places are not in ascending order.
      let lower = counter.scalars(before: place.lowerBound)
      return lower..<counter.scalars(before: place.upperBound)
    }
  }

  private static func conflicts(
    _ stretches: [MergeStretch], _ base: MergeSide, _ ours: MergeSide, _ theirs: MergeSide
  ) -> [TextConflict] {
    var counter = ScalarCounter(base.bytes)
    return stretches.filter { $0.outcome == .conflict }.map { stretch in
      let place = base.withoutAddedEnd(stretch.base)
      let lower = counter.scalars(before: place.lowerBound)
      return TextConflict(
        baseRange: lower..<counter.scalars(before: place.upperBound),
        base: base.string(stretch.base), ours: ours.string(stretch.ours),
        theirs: theirs.string(stretch.theirs))
    }
  }
}

/// One of the three texts. Where it matters, a last line without an end is given one, so that it
/// compares with lines that have one; whether the result ends its last line is merged by itself.
struct MergeSide: Sendable {
  let bytes: [UInt8]
  /// How many bytes were added.
  let addedCount: Int

  var endsLine: Bool { addedCount == 0 }

  /// Ends the last line if it does not: as the text ends others, or else as `example` does; nil
  /// leaves it as it is.
  init(_ text: [UInt8], endingLike example: [UInt8]?) {
    let last = text.last ?? UInt8(ascii: "\n")
    guard let example, last != UInt8(ascii: "\n"), last != UInt8(ascii: "\r") else {
      bytes = text
      addedCount = 0
      return
    }
    let hasReturn =
      MergeSide.endsLinesWithReturn(text) ?? MergeSide.endsLinesWithReturn(example) ?? false
    addedCount = hasReturn ? 2 : 1
    bytes = text + (hasReturn ? [0x0D, 0x0A] : [0x0A])
  }

  /// Nil when there is no line's end.
  static func endsLinesWithReturn(_ text: [UInt8]) -> Bool? {
    guard let end = text.lastIndex(of: UInt8(ascii: "\n")) else { return nil }
    return end > 0 && text[end - 1] == UInt8(ascii: "\r")
  }

  func withoutAddedEnd(_ range: Range<Int>) -> Range<Int> {
    range.clamped(to: 0..<bytes.count - addedCount)
  }

  func string(_ range: Range<Int>) -> String {
    String(decoding: bytes[withoutAddedEnd(range)], as: UTF8.self)
  }
}

/// A stretch of all three texts, in bytes, and what became of it.
struct MergeStretch: Equatable, Sendable {
  enum Outcome: Sendable {
    /// The same in all three, or alike in ours and theirs, or changed by us only.
    case ours
    case theirs
    /// Ours and then theirs, each put in where the base has nothing.
    case oursThenTheirs
    case nothing
    case conflict
  }

  var base: Range<Int>
  var ours: Range<Int>
  var theirs: Range<Int>
  var outcome: Outcome
}

/// Counts Unicode scalars of UTF-8 up to places that ascend.
struct ScalarCounter {
  private let bytes: [UInt8]
  private var position = 0
  private var count = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  mutating func scalars(before place: Int) -> Int {
    if place < position {
      position = 0
      count = 0
    }
    while position < place {
      if bytes[position] & 0xC0 != 0x80 { count += 1 }
      position += 1
    }
    return count
  }
}
