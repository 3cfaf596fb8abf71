import Documents
import JSONCoding

extension SmallScope {
  /// Three replicas, two steps each, for every kind of container and every way to collide in one.
  package static let scripts: [Script] =
    [
      Script(
        "typing forward at one place", setUp: [text("()")],
        [
          [type("ab", at: 1), type("c", at: 3)], [type("xy", at: 1), type("z", at: 3)],
          [type("12", at: 1), type("3", at: 3)],
        ]),
      Script(
        "typing backward at one place", setUp: [text("()")],
        [
          [type("b", at: 1), type("a", at: 1)], [type("y", at: 1), type("x", at: 1)],
          [type("2", at: 1), type("1", at: 1)],
        ]),
      Script(
        "typing and erasing across each other", setUp: [text("abcdef")],
        [
          [erase(at: 1, 3), type("X", at: 2)], [erase(at: 2, 3), type("Y", at: 3)],
          [type("Z", at: 3), erase(at: 0, 4)],
        ]),
      Script(
        "a text begun by three at once",
        [
          [text("ab"), type("c", at: 9)], [text("xy"), erase(at: 1, 1)],
          [text("12"), type("3", at: 0)],
        ]),
      Script(
        "a list filled, emptied and overwritten", setUp: [list([0, 1, 2])],
        [
          [insert([10, 11], at: 1), overwrite(0, with: 12)],
          [overwrite(1, with: 20), remove(at: 0, 2)],
          [remove(at: 1, 1), insert([["k": 30]], at: 1)],
        ]),
      Script(
        "containers in list elements", setUp: [list([["n": 0], 1])],
        [
          [set(["l", 0, "n"], 10), make(["l", 1], .text)],
          [remove(at: 0, 1), set(["l", 0], ["m": 20])],
          [make(["l", 0], .counter), increment(["l", 0], by: 3)],
        ]),
      Script(
        "a value set and deleted", setUp: [set(["k"], 0)],
        [
          [set(["k"], 10), delete(["k"])], [set(["k"], 20), set(["k"], 21)],
          [delete(["k"]), set(["k"], 30)],
        ]),
      Script(
        "a counter made and counted", setUp: [],
        [
          [increment(["c"], by: 1), increment(["c"], by: 10)],
          [increment(["c"], by: 100), delete(["c"])],
          [set(["c"], "no counter"), make(["c"], .counter)],
        ]),
      Script(
        "one child made by all",
        [
          [make(["m"], .map), set(["m", "x"], 10)], [make(["m"], .map), set(["m", "x"], 20)],
          [make(["m"], .text), set(["m"], ["y": 30])],
        ]),
      Script(
        "a child deleted and made again", setUp: [set(["m"], ["x": 0])],
        [
          [delete(["m"]), make(["m"], .map)], [set(["m", "x"], 20), delete(["m"])],
          [set(["m"], 30), set(["m"], ["x": 31])],
        ]),
      Script(
        "a document deleted and edited", setUp: [set(["k"], 0)],
        [
          [deleteDocument, set(["k"], 10)], [set(["k"], 20), deleteDocument],
          [deleteDocument, deleteDocument],
        ]),
      Script(
        "several things in one transaction", setUp: [text("ab"), set(["k"], 0)],
        [
          [both(type("X", at: 1), set(["k"], 10)), both(erase(at: 0, 2), delete(["k"]))],
          [both(set(["k"], 20), deleteDocument), both(increment(["c"], by: 1), type("Y", at: 1))],
          [both(erase(at: 1, 1), text("new")), both(make(["k"], .list), set(["t"], nil))],
        ]),
    ] + treeScripts

  // MARK: Steps

  /// Makes the text and fills it.
  private static func text(_ text: String) -> Step {
    Step("make a text '\(text)'") { editor in
      try editor.make(["t"], .text)
      try editor.splice(["t"], at: 0, delete: 0, insert: text)
    }
  }

  /// Positions beyond the end are taken back to it: the steps before are not always done.
  private static func type(_ text: String, at position: Int) -> Step {
    Step("type '\(text)' at \(position)") { editor in
      let length = try editor.document.count(at: ["t"])
      try editor.splice(["t"], at: min(position, length), delete: 0, insert: text)
    }
  }

  private static func erase(at position: Int, _ count: Int) -> Step {
    Step("erase \(count) at \(position)") { editor in
      let length = try editor.document.count(at: ["t"])
      let start = min(position, length)
      try editor.splice(["t"], at: start, delete: min(count, length - start), insert: "")
    }
  }

  private static func list(_ elements: [JSONValue]) -> Step {
    set(["l"], .array(elements))
  }

  private static func insert(_ elements: [JSONValue], at position: Int) -> Step {
    Step("insert \(elements) at \(position)") { editor in
      let length = try editor.document.count(at: ["l"])
      try editor.splice(["l"], at: min(position, length), delete: 0, insert: elements)
    }
  }

  private static func remove(at position: Int, _ count: Int) -> Step {
    Step("remove \(count) at \(position)") { editor in
      let length = try editor.document.count(at: ["l"])
      let start = min(position, length)
      try editor.splice(
        ["l"], at: start, delete: min(count, length - start), insert: [JSONValue]())
    }
  }

  private static func overwrite(_ index: Int, with value: JSONValue) -> Step {
    set(["l", .index(index)], value)
  }

  private static func set(_ path: DocumentPath, _ value: JSONValue) -> Step {
    Step("set \(path) to \(value)") { try $0.set(path, to: value) }
  }

  private static func delete(_ path: DocumentPath) -> Step {
    Step("delete \(path)") { try $0.delete(path) }
  }

  private static func make(_ path: DocumentPath, _ kind: ContainerKind) -> Step {
    Step("make a \(kind) at \(path)") { try $0.make(path, kind) }
  }

  private static func increment(_ path: DocumentPath, by amount: Int64) -> Step {
    Step("add \(amount) at \(path)") { try $0.increment(path, by: amount) }
  }

  private static let deleteDocument = Step("delete the document") { try $0.deleteDocument() }

  /// Does what can be done of both.
  static func both(_ first: Step, _ second: Step) -> Step {
    Step("\(first.name), \(second.name)") { editor in
      do { try first.perform(editor) } catch is EditError {}
      try second.perform(editor)
    }
  }
}
