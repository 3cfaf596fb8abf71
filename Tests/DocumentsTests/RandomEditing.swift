import JSONCoding
import TestSupport

@testable import Documents

/// Does random things to a document, of which some are refused.
struct RandomEditing {
  static let texts = ["a", "bc", "é", "e\u{301}", "🏝️", "\n", "\u{0}", "tide tables", "🇫🇮"]

  static func value(_ random: inout SeededGenerator) -> JSONValue {
    switch Int.random(in: 0..<9, using: &random) {
    case 0: .null
    case 1: .bool(Bool.random(using: &random))
    case 2: .integer(Int64.random(in: -3...3, using: &random))
    case 3: .integer(Int64.random(in: .min ... .max, using: &random))
    case 4: .double(Double(Int.random(in: -9...9, using: &random)) / 4)
    case 5: .array([.integer(1), .string("x")])
    case 6: .object(["k": .integer(Int64.random(in: 0...9, using: &random)), "m": ["n": []]])
    default: .string(texts.randomElement(using: &random) ?? "")
    }
  }

  /// A path that may or may not lead somewhere.
  static func path(_ document: Document, _ random: inout SeededGenerator) -> DocumentPath {
    var steps: [PathStep] = []
    while true {
      let kind = try? document.kind(at: DocumentPath(steps))
      switch kind {
      case .map?:
        let keys = ["a", "b", "c", "t", "l", "n", "k", "m", "e\u{301}", "é"]
        steps.append(.key(keys.randomElement(using: &random) ?? "a"))
      case .list?:
        let count = (try? document.count(at: DocumentPath(steps))) ?? 0
        steps.append(.index(Int.random(in: 0...max(0, count), using: &random)))
      case .tree?:
        let count = (try? document.count(at: DocumentPath(steps))) ?? 0
        let isKey = steps.last.map { if case .index = $0 { true } else { false } } ?? false
        steps.append(
          isKey && Int.random(in: 0..<3, using: &random) == 0
            ? .key("a") : .index(Int.random(in: 0...max(0, count), using: &random)))
      default: return DocumentPath(steps)
      }
      if steps.count >= 4 || Int.random(in: 0..<3, using: &random) == 0 {
        return DocumentPath(steps)
      }
    }
  }

  /// Replicas edit, and now and then one gets what another one has.
  static func work(
    _ replicas: inout [DocumentReplica], steps: Int, _ random: inout SeededGenerator
  ) throws {
    for _ in 0..<steps {
      let mine = Int.random(in: replicas.indices, using: &random)
      if Int.random(in: 0..<4, using: &random) == 0 {
        let other = replicas[Int.random(in: replicas.indices, using: &random)]
        try replicas[mine].receive(replicas[mine].missing(from: other))
      } else {
        try replicas[mine].edit { editor in
          do { try RandomEditing.edit(editor, &random) } catch is EditError {}
        }
      }
    }
  }

  static func edit(_ editor: Editor, _ random: inout SeededGenerator) throws(EditError) {
    let document = editor.document
    let path = path(document, &random)
    let length = (try? document.count(at: path)) ?? 0
    let at = Int.random(in: 0...(length + 1), using: &random)
    let delete = Int.random(in: 0...3, using: &random)
    switch Int.random(in: 0..<22, using: &random) {
    case 0...2: try editor.set(path, to: value(&random))
    case 3: try editor.delete(path)
    case 4, 5: try editor.increment(path, by: Int64.random(in: -5...5, using: &random))
    case 6...9:
      let kinds: [ContainerKind] = [.text, .text, .list, .list, .map, .counter, .tree, .tree]
      try editor.make(path, kinds.randomElement(using: &random) ?? .map)
    case 10 where Int.random(in: 0..<6, using: &random) == 0: try editor.deleteDocument()
    case 11, 12: try editor.move(path, from: at, to: Int.random(in: 0...length, using: &random))
    case 20: try editor.mark(path, at..<at + delete, name: "b", value: .integer(Int64(at)))
    case 21: try editor.unmark(path, 0..<length, name: "b", expand: .none)
    default:
      if (try? document.kind(at: path)) == .text {
        try editor.splice(
          path, at: at, delete: min(delete, max(0, length - at)),
          insert: texts.randomElement(using: &random) ?? "")
      } else if (try? document.kind(at: path)) == .tree {
        if delete == 0 {
          try editor.moveNode(path, from: at, to: self.path(document, &random), at: 0)
        }
        try editor.splice(
          path, at: at, delete: min(delete, max(0, length - at)) / 2,
          insert: (0..<delete).map { ["a": .integer(Int64($0))] })
      } else {
        try editor.splice(
          path, at: at, delete: min(delete, max(0, length - at)),
          insert: (0..<delete).map { _ in value(&random) })
      }
    }
  }
}
