import JSONCoding
import TestSupport
import Testing

@testable import Merging

@Suite("Merging two JSON values")
struct ValueMergeTests {
  private func merge(
    _ base: String, _ ours: String, _ theirs: String, _ options: ValueMergeOptions = .init()
  ) throws -> MergedValue {
    ThreeWayMerge.values(
      base: try JSONValue(parsing: base), ours: try JSONValue(parsing: ours),
      theirs: try JSONValue(parsing: theirs), options: options)
  }

  @Test(
    "what both did is in the result",
    arguments: [
      // base, ours, theirs, merged
      ("1", "1", "2", "2"), ("1", "2", "1", "2"), ("1", "2", "2", "2"),
      (#"{"a":1,"b":2}"#, #"{"a":5,"b":2}"#, #"{"a":1,"b":6}"#, #"{"a":5,"b":6}"#),
      (#"{"a":1}"#, #"{"a":1,"x":1}"#, #"{"y":2,"a":1}"#, #"{"a":1,"x":1,"y":2}"#),
      (#"{"a":1,"b":2}"#, #"{"b":2}"#, #"{"a":1,"b":3}"#, #"{"b":3}"#),
      (
        #"{"a":{"b":{"c":1,"d":1}}}"#, #"{"a":{"b":{"c":2,"d":1}}}"#, #"{"a":{"b":{"c":1}}}"#,
        #"{"a":{"b":{"c":2}}}"#
      ),
      ("{}", #"{"a":{"x":1}}"#, #"{"a":{"y":2}}"#, #"{"a":{"x":1,"y":2}}"#),
      ("[1,2,3]", "[1,5,3]", "[1,2,3,4]", "[1,5,3,4]"),
      ("[1,2,3]", "[0,1,2,3]", "[1,3]", "[0,1,3]"),
      ("[1,2,3]", "[1,9,2,3]", "[1,8,2,3]", "[1,9,8,2,3]"),
      ("[]", "[1]", "[1,2]", "[1,2]"),
      ("[1,2,3,4]", "[1,4]", "[1,3,4]", "[1,4]"),
      // One moves an element, the other edits it, or deletes it.
      (
        #"[{"id":1,"n":"a"},2,3]"#, #"[2,3,{"id":1,"n":"a"}]"#, #"[{"id":1,"n":"b"},2,3]"#,
        #"[2,3,{"id":1,"n":"b"}]"#
      ),
      ("[1,2,3,4]", "[4,1,2,3]", "[1,2,3]", "[1,2,3]"),
      // Both move it: it is there once, where ours has it.
      ("[1,2,3,4,5]", "[1,2,4,5,3]", "[3,1,2,4,5]", "[1,2,4,5,3]"),
      // Both edit one element, in different fields.
      (#"[{"a":1,"b":1}]"#, #"[{"a":2,"b":1}]"#, #"[{"a":1,"b":2}]"#, #"[{"a":2,"b":2}]"#),
      (
        #"[{"id":1,"a":1,"b":1}]"#, #"[{"id":9},{"id":1,"a":2,"b":1}]"#, #"[{"id":1,"a":1,"b":2}]"#,
        #"[{"id":9},{"id":1,"a":2,"b":2}]"#
      ),
    ])
  func merges(base: String, ours: String, theirs: String, merged: String) throws {
    let result = try merge(base, ours, theirs)
    #expect(result.conflicts.isEmpty, "\(result.conflicts)")
    #expect(result.value.text() == (try JSONValue(parsing: merged)).text())
  }

  /// A tree as its nodes: `a1(b2) c3`.
  private func outline(_ value: JSONValue) -> String {
    (value.objectValue?["children"]?.arrayValue ?? []).map { node in
      let object = node.objectValue ?? [:]
      let inner = outline(node)
      return (object["id"]?.stringValue ?? "_")
        + (object["value"]?.objectValue?["n"]?.text() ?? "") + (inner.isEmpty ? "" : "(\(inner))")
    }.joined(separator: " ")
  }

  private func tree(_ outline: String) throws -> JSONValue {
    var rest = outline[...]
    func nodes() throws -> [JSONValue] {
      var found: [JSONValue] = []
      while let first = rest.first, first != ")" {
        rest.removeFirst()
        guard first != " " else { continue }
        let number = rest.prefix { $0.isNumber }
        rest = rest.dropFirst(number.count)
        var children: [JSONValue] = []
        if rest.first == "(" {
          rest.removeFirst()
          children = try nodes()
          rest = rest.dropFirst()
        }
        var object: JSONObject = [
          "value": ["n": .integer(try #require(Int64(number)))], "children": .array(children),
        ]
        if first != "_" { object["id"] = .string(String(first)) }
        found.append(.object(object))
      }
      return found
    }
    return ["children": .array(try nodes())]
  }

  @Test(
    "nodes of trees are merged wherever they stand",
    arguments: [
      // base, ours, theirs, merged
      ("a1(b2) c3", "a1 c3(b2)", "a1(b5) c3", "a1 c3(b5)"),
      ("a1(b2) c3", "a1(b5) c3", "a1 c3(b2)", "a1 c3(b5)"),
      ("a1(b2) c3", "c3 a1(b2)", "a1(b2) c4", "c4 a1(b2)"),
      ("a1(b2) c3", "a1(b2) c3 _9", "a1(b2 _8) c3", "a1(b2 _8) c3 _9"),
      // Both move it: it stands once, where ours has it.
      ("a1 b2 c3", "a1(b2) c3", "a1 c3(b2)", "a1(b2) c3"),
      // What both moves together would make a cycle of.
      ("a1 b2", "a1(b2)", "a1 b2", "a1(b2)"),
      ("a1(b2) c3", "b2 c3", "a1(b2) c3", "b2 c3"),
      ("a1(b2) c3", "a1 c3(b2)", "c3(b2)", "c3(b2)"),
      ("a1(b2) c3", "c3", "a1(b2) c3 _7", "c3 _7"),
      ("", "a1", "b2", "a1 b2"),
    ])
  func trees(base: String, ours: String, theirs: String, merged: String) throws {
    let result = ThreeWayMerge.values(
      base: try tree(base), ours: try tree(ours), theirs: try tree(theirs))
    #expect(result.conflicts.isEmpty, "\(result.conflicts)")
    #expect(outline(result.value) == merged)
  }

  @Test("a node removed by one and edited by the other is a conflict, as is a cycle")
  func treeConflicts() throws {
    for (choice, merged) in [(ValueMergeOptions.Choice.ours, "c3"), (.theirs, "a1(b5) c3")] {
      let result = ThreeWayMerge.values(
        base: try tree("a1(b2) c3"), ours: try tree("c3"), theirs: try tree("a1(b5) c3"),
        options: ValueMergeOptions(choice: choice))
      #expect(outline(result.value) == merged)
      #expect(result.conflicts.map(\.path) == [[.key("children"), .index(0)]])
      #expect(result.conflicts.first?.ours == nil)
    }
    for (choice, merged) in [(ValueMergeOptions.Choice.ours, "a1(b5) c3"), (.theirs, "c3")] {
      let result = ThreeWayMerge.values(
        base: try tree("a1(b2) c3"), ours: try tree("a1(b5) c3"), theirs: try tree("c3"),
        options: ValueMergeOptions(choice: choice))
      #expect(outline(result.value) == merged)
      #expect(result.conflicts.count == 1)
    }
    let cycle = ThreeWayMerge.values(
      base: try tree("a1 b2"), ours: try tree("a1(b2)"), theirs: try tree("b2(a1)"))
    #expect(outline(cycle.value) == "a1(b2)")
    #expect(cycle.conflicts.count == 1)
  }

  @Test("what one side moved under a node that is gone by the choice stands where the other has it")
  func lifted() throws {
    for (choice, ours, theirs) in [
      (ValueMergeOptions.Choice.ours, "b9", "a1(b2)"), (.theirs, "a1(b2)", "b9"),
    ] {
      let result = ThreeWayMerge.values(
        base: try tree("a1 b2"), ours: try tree(ours), theirs: try tree(theirs),
        options: ValueMergeOptions(choice: choice))
      #expect(outline(result.value) == "b9")
      #expect(result.conflicts.count == 1)
    }
    let deep = ThreeWayMerge.values(
      base: try tree("a1(c3) b2 d4"), ours: try tree("d4(b2)"), theirs: try tree("a1(c3(b2)) d4"),
      options: ValueMergeOptions(choice: .ours))
    #expect(outline(deep.value) == "d4(b2)")
    let new = ThreeWayMerge.values(
      base: try tree("d4(a1)"), ours: try tree("d4"), theirs: try tree("d4(a1(e5))"),
      options: ValueMergeOptions(choice: .ours))
    #expect(outline(new.value) == "d4(e5)")
  }

  private func randomTree(_ random: inout SeededGenerator) -> JSONValue {
    var children: [String: [String]] = [:]
    var placed = [""]
    for name in ["a", "b", "c", "d", "e", "f"].shuffled(using: &random)
    where Int.random(in: 0..<4, using: &random) > 0 {
      children[placed.randomElement(using: &random) ?? "", default: []].append(name)
      placed.append(name)
    }
    let number = Int64.random(in: 0..<2, using: &random)
    func nodes(under parent: String) -> JSONValue {
      .array(
        (children[parent] ?? []).map { name in
          [
            "id": .string(name), "value": ["n": .integer(number)], "children": nodes(under: name),
          ]
        })
    }
    return ["children": nodes(under: "")]
  }

  @Test("a node that both sides have is there once, whatever is chosen", arguments: 0..<300)
  func nothingIsLost(seed: UInt64) throws {
    var random = SeededGenerator(seed: 77_000 + seed)
    let trees = (0..<3).map { _ in randomTree(&random) }
    func names(_ tree: JSONValue) -> [String] {
      (tree.objectValue?["children"]?.arrayValue ?? []).flatMap {
        [$0.objectValue?["id"]?.stringValue ?? "?"] + names($0)
      }
    }
    for choice in ValueMergeOptions.Choice.allCases {
      let result = ThreeWayMerge.values(
        base: trees[0], ours: trees[1], theirs: trees[2],
        options: ValueMergeOptions(choice: choice))
      let found = names(result.value)
      #expect(Set(found).count == found.count, "seed \(seed), \(choice)")
      let (base, ours, theirs) = (names(trees[0]), names(trees[1]), names(trees[2]))
      #expect(Set(found).isSuperset(of: Set(ours).intersection(theirs)), "seed \(seed), \(choice)")
      let new = Set(ours + theirs).subtracting(base)
      #expect(Set(found).isSuperset(of: new), "seed \(seed), \(choice): what is new")
      #expect(Set(found).isSubset(of: ours + theirs), "seed \(seed), \(choice)")
    }
  }

  @Test("a conflict is told with its path, its base and both sides")
  func conflicts() throws {
    let base = #"{"a":{"b":[1,2]},"c":1,"d":1}"#
    let ours = #"{"a":{"b":[1,3]},"d":2}"#
    let theirs = #"{"a":{"b":[1,4]},"c":2,"d":[]}"#
    let result = try merge(base, ours, theirs)
    #expect(
      result.conflicts == [
        ValueConflict(path: [.key("a"), .key("b"), .index(1)], base: 2, ours: 3, theirs: 4),
        ValueConflict(path: [.key("d")], base: 1, ours: 2, theirs: []),
        ValueConflict(path: [.key("c")], base: 1, ours: nil, theirs: 2),
      ])
    #expect(result.value.text() == (try JSONValue(parsing: ours)).text())
    let other = try merge(base, ours, theirs, ValueMergeOptions(choice: .theirs))
    #expect(other.value.text() == #"{"a":{"b":[1,4]},"d":[],"c":2}"#)
    let old = try merge(base, ours, theirs, ValueMergeOptions(choice: .base))
    #expect(old.value.text() == #"{"a":{"b":[1,2]},"d":1,"c":1}"#)
  }

  @Test("a whole number and a double are different values, and a type against another a conflict")
  func types() throws {
    #expect(try merge("1", "1.0", "1").value == .double(1))
    let result = try merge(#"{"a":1}"#, #"{"a":{}}"#, #"{"a":[]}"#)
    #expect(result.conflicts.count == 1)
    // Added by both, differently.
    #expect(try merge("{}", #"{"a":1}"#, #"{"a":2}"#).conflicts.map(\.base) == [nil])
  }

  @Test("strings are one value, or texts when that is asked for")
  func strings() throws {
    let texts = (#""the quick fox""#, #""the slow fox""#, #""the quick dog""#)
    #expect(try merge(texts.0, texts.1, texts.2).conflicts.count == 1)
    let merged = try merge(texts.0, texts.1, texts.2, ValueMergeOptions(mergesStrings: true))
    #expect(merged.conflicts.isEmpty && merged.value == "the slow dog")
  }

  @Test(
    "what only one did is as they did it, and what both did alike is done once",
    arguments: 0..<200 as Range<UInt64>)
  func laws(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let b = Self.value(&random, depth: 3)
    let (x, y) = (Self.edited(b, &random), Self.edited(b, &random))
    for (base, ours, theirs, result) in [(b, b, x, x), (b, x, b, x), (b, x, x, x)] {
      let merged = ThreeWayMerge.values(base: base, ours: ours, theirs: theirs)
      #expect(merged.conflicts.isEmpty && merged.value == result, "seed \(seed)")
    }
    let one = ThreeWayMerge.values(base: b, ours: x, theirs: y)
    let other = ThreeWayMerge.values(base: b, ours: y, theirs: x)
    #expect(one.conflicts.isEmpty == other.conflicts.isEmpty, "seed \(seed)")
  }

  private static func value(_ random: inout SeededGenerator, depth: Int) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 6 : 3), using: &random) {
    case 0: return .integer(Int64.random(in: 0...3, using: &random))
    case 1: return .string(["a", "b", "c"][Int.random(in: 0..<3, using: &random)])
    case 2: return .null
    case 3:
      return .array(
        (0..<Int.random(in: 0...5, using: &random)).map { _ in value(&random, depth: depth - 1) })
    default:
      var object = JSONObject()
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        let key = ["id", "p", "q", "r", "s"][Int.random(in: 0..<5, using: &random)]
        object[key] = value(&random, depth: depth - 1)
      }
      return .object(object)
    }
  }

  private static func edited(_ value: JSONValue, _ random: inout SeededGenerator) -> JSONValue {
    switch value {
    case .array(var elements) where Int.random(in: 0..<4, using: &random) > 0:
      let place = Int.random(in: 0...elements.count, using: &random)
      if place < elements.count, Bool.random(using: &random) {
        elements[place] = edited(elements[place], &random)
      } else if place < elements.count, Bool.random(using: &random) {
        let moved = elements.remove(at: place)
        elements.insert(moved, at: Int.random(in: 0...elements.count, using: &random))
      } else {
        elements.insert(Self.value(&random, depth: 1), at: place)
      }
      return .array(elements)
    case .object(var object) where Int.random(in: 0..<4, using: &random) > 0:
      let key = ["id", "p", "q", "r", "s"][Int.random(in: 0..<5, using: &random)]
      object[key] = object[key].map { edited($0, &random) } ?? Self.value(&random, depth: 1)
      return .object(object)
    default: return Self.value(&random, depth: 2)
    }
  }
}
