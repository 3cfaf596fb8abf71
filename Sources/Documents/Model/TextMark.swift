/// Whether what is typed at the edge of a marked stretch of a text is marked too.
///
/// Bold text goes on where one types at its end (``after``); a link or a comment is on what it was
/// put on and on nothing else (``none``). The raw values are what is written to bytes.
public enum MarkExpansion: UInt8, Hashable, Sendable, CaseIterable {
  case none = 0
  /// It grows at its end.
  case after = 1
  /// It grows at its start.
  case before = 2
  case both = 3

  /// The name of the case.
  public init?(name: String) {
    guard let found = MarkExpansion.allCases.first(where: { "\($0)" == name }) else { return nil }
    self = found
  }

  var isAtEnd: Bool { self == .after || self == .both }
  var isAtStart: Bool { self == .before || self == .both }
}

/// A mark as readers see it: what a character is (`bold` is true), where it leads (`link` is an
/// address), what was said about it.
///
/// A character has one mark of each name. Of two that were put on it at once the one with the
/// higher Lamport time, then the higher origin stays; what must be able to stand beside each other
/// on the same characters, as comments must, needs a name each (`comment:` and an id).
public struct TextMark: Sendable {
  public var name: String
  /// Never null: that takes a mark away.
  public var value: Value

  public init(name: String, value: Value) {
    self.name = name
    self.value = value
  }
}

extension TextMark: Hashable {
  /// Names are equal when their bytes are.
  public static func == (left: TextMark, right: TextMark) -> Bool {
    left.name.utf8.elementsEqual(right.name.utf8) && left.value == right.value
  }

  public func hash(into hasher: inout Hasher) {
    for byte in name.utf8 { hasher.combine(byte) }
    hasher.combine(value)
  }
}

/// A stretch of a text whose characters have the same marks.
public struct TextSpan: Hashable, Sendable {
  public var text: String
  /// In Unicode scalars.
  public var range: Range<Int>
  public var utf16Range: Range<Int>
  /// Ascending by the bytes of their names.
  public var marks: [TextMark]

  public init(text: String, range: Range<Int>, utf16Range: Range<Int>, marks: [TextMark]) {
    self.text = text
    self.range = range
    self.utf16Range = utf16Range
    self.marks = marks
  }

  /// The value of a mark; nil when the stretch has none of that name.
  public subscript(name: String) -> Value? {
    marks.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
  }

  public static func == (left: TextSpan, right: TextSpan) -> Bool {
    left.range == right.range && left.utf16Range == right.utf16Range
      && left.text.utf8.elementsEqual(right.text.utf8) && left.marks == right.marks
  }
}
