import Documents
import JSONCoding

extension SmallScope {
  /// Three people at one tree.
  package static let treeScripts: [Script] = [
    Script(
      "nodes moved under each other", setUp: [tree("abc")],
      [
        [move("a", under: "b"), move("b", under: "c")],
        [move("b", under: "a"), move("a", under: "c")],
        [move("c", under: "a"), move("b", under: nil)],
      ]),
    Script(
      "one node moved, removed and filled", setUp: [tree("abc")],
      [
        [remove("a"), move("a", under: "c")],
        [move("b", under: "a"), rename("a", to: "A")],
        [make("d", under: "a"), remove("b")],
      ]),
    Script(
      "nodes put and shifted at one place", setUp: [tree("ab")],
      [
        [make("1", under: nil, at: 1), make("2", under: nil, at: 2)],
        [make("x", under: nil, at: 1), move("b", under: nil)],
        [move("b", under: nil), make("z", under: nil, at: 1)],
      ]),
    Script(
      "a tree made by all, and made again",
      [
        [tree("a"), move("a", under: "x")], [tree("x"), move("x", under: "a")],
        [tree("m"), both(Step("delete the tree") { try $0.delete(["tree"]) }, tree("n"))],
      ]),
  ]

  // MARK: Steps

  /// Makes the tree, and at its top a node for each letter.
  private static func tree(_ letters: String) -> Step {
    Step("make a tree of '\(letters)'") { editor in
      try editor.make(["tree"], .tree)
      let count = try editor.document.count(at: ["tree"])
      for (index, letter) in letters.enumerated() {
        try editor.createNode(["tree"], at: count + index, ["name": .string(String(letter))])
      }
    }
  }

  private static func make(_ name: String, under parent: String?, at position: Int = 0) -> Step {
    Step("make \(name) under \(parent ?? "nothing") at \(position)") { editor in
      let path = try path(to: parent, in: editor)
      let count = try editor.document.count(at: path)
      try editor.createNode(path, at: min(position, count), ["name": .string(name)])
    }
  }

  private static func move(_ name: String, under parent: String?) -> Step {
    Step("move \(name) under \(parent ?? "nothing")") { editor in
      let path = try path(to: name, in: editor)
      guard case .index(let from)? = path.steps.last else { return }
      try editor.moveNode(
        DocumentPath(Array(path.steps.dropLast())), from: from,
        to: try self.path(to: parent, in: editor), at: 0)
    }
  }

  private static func remove(_ name: String) -> Step {
    Step("remove \(name)") { try $0.delete(try path(to: name, in: $0)) }
  }

  private static func rename(_ name: String, to new: String) -> Step {
    Step("rename \(name) to \(new)") { editor in
      try editor.set(try path(to: name, in: editor).appending("name"), to: .string(new))
    }
  }

  /// Where the node of that name stands; nil: the top.
  private static func path(
    to name: String?, in editor: Editor
  ) throws(EditError) -> DocumentPath {
    var open: [DocumentPath] = [["tree"]]
    guard let name else { return open[0] }
    while let path = open.popLast() {
      for index in 0..<(try editor.document.count(at: path)) {
        let here = path.appending(.index(index))
        if (try? editor.document.json(at: here.appending("name"))) == .string(name) { return here }
        open.append(here)
      }
    }
    throw EditError(.nothingThere, "there is no node '\(name)'")
  }
}
