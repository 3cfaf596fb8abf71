import Causality
import TestSupport

@testable import Documents

let bodyID = ContainerID.child(parent: .root, key: "t", kind: .text, generation: nil)

/// Two replicas that both have a text.
func apart(text: String) throws -> (DocumentReplica, DocumentReplica) {
  try apart { editor in
    try editor.make(["t"], .text)
    try editor.splice(["t"], at: 0, delete: 0, insert: text)
  }
}

extension DocumentReplica {
  mutating func type(_ text: String, at position: Int) throws {
    try edit { try $0.splice(["t"], at: position, delete: 0, insert: text) }
  }

  mutating func delete(_ range: Range<Int>) throws {
    try edit { try $0.splice(["t"], at: range.lowerBound, delete: range.count, insert: "") }
  }

  mutating func mark(
    _ range: Range<Int>, _ name: String, _ value: Value = .bool(true),
    expand: MarkExpansion = .after
  ) throws {
    try edit { try $0.mark(["t"], range, name: name, value: value, expand: expand) }
  }

  mutating func unmark(
    _ range: Range<Int>, _ name: String, expand: MarkExpansion = .after
  ) throws {
    try edit { try $0.unmark(["t"], range, name: name, expand: expand) }
  }

  /// The text with its marks, as in `The [bold+italic:fox] jumped`; a value that is not true stands
  /// after its name.
  var marked: String { Self.marked((try? document.textSpans(at: ["t"])) ?? []) }

  static func marked(_ spans: [TextSpan]) -> String {
    spans.map { span in
      guard !span.marks.isEmpty else { return span.text }
      let names = span.marks.map { mark in
        switch mark.value {
        case .bool(true): mark.name
        case .string(let text): "\(mark.name)=\(text)"
        default: "\(mark.name)=\(mark.value)"
        }
      }
      return "[\(names.joined(separator: "+")):\(span.text)]"
    }.joined()
  }
}

/// Edits one text with marks at random.
enum RandomMarking {
  static let names = ["bold", "link", "color", "e\u{301}"]
  static let values: [Value] = [.bool(true), .string("red"), .integer(7), .null]

  /// One operation as any author, honest or not, could make it on a text of that length.
  static func operation(
    length: Int, beyond: Int = 0, _ random: inout SeededGenerator
  ) -> Operation {
    let end = length + beyond
    let at = Int.random(in: 0...end, using: &random)
    switch Int.random(in: 0..<10, using: &random) {
    case 0...2:
      return Operation(
        bodyID, .insertText(at: at, RandomEditing.texts.randomElement(using: &random) ?? "x"))
    case 3, 4:
      let count = Int.random(in: 1...4, using: &random)
      return Operation(
        bodyID, .remove(at: at, count: beyond > 0 ? count : max(1, min(count, length - at))))
    default:
      let other = Int.random(in: 0...end, using: &random)
      let isWild = beyond > 0 && Bool.random(using: &random)
      return Operation(
        bodyID,
        .mark(
          from: isWild ? at : min(at, other), to: isWild ? other : max(at, other),
          Key(names.randomElement(using: &random) ?? "bold"),
          values.randomElement(using: &random) ?? .null,
          MarkExpansion.allCases.randomElement(using: &random) ?? .none))
    }
  }

  /// Some honest edits; some are refused.
  static func edit(_ editor: Editor, _ random: inout SeededGenerator) throws {
    let length = try editor.document.count(at: ["t"])
    do throws(EditError) {
      switch operation(length: length, &random).action {
      case .insertText(let position, let text):
        try editor.splice(["t"], at: position, delete: 0, insert: text)
      case .remove(let position, let count):
        try editor.splice(["t"], at: position, delete: count, insert: "")
      case .mark(let from, let to, let name, .null, let expansion):
        try editor.unmark(["t"], from..<to, name: name.text, expand: expansion)
      case .mark(let from, let to, let name, let value, let expansion):
        try editor.mark(["t"], from..<to, name: name.text, value: value, expand: expansion)
      default: break
      }
    } catch {}
  }
}
