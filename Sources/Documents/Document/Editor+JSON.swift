package import JSONCoding

extension Editor {
  /// Does one operation as the command line spells it:
  /// `{"op": "set", "path": ["title"], "value": "Tides"}`.
  ///
  /// `set` (`value`), `delete`, `increment` (`by`), `make` (`type`), `splice` (`at`, `delete`,
  /// `insert`), `move` (`from`, `to` and, for a node of a tree that is to stand under another one,
  /// `toPath`), `mark` (`from`, `to`, `name`, `value`, `expand`), `unmark` (the same without
  /// `value`) and `deleteDocument`; members that an operation does not know are passed over.
  package func apply(operation json: JSONValue) throws(EditError) {
    guard let object = json.objectValue, let name = object["op"]?.stringValue else {
      throw EditError(.malformed, "an operation is an object with a member 'op'")
    }
    if name == "deleteDocument" { return try deleteDocument() }
    let names = ["set", "delete", "increment", "make", "splice", "move", "mark", "unmark"]
    guard names.contains(name) else {
      throw EditError(
        .malformed,
        "'\(name)' is no operation; there are \(names.joined(separator: ", ")) and deleteDocument")
    }
    guard let steps = object["path"] else {
      throw EditError(.malformed, "the operation '\(name)' needs a 'path'")
    }
    let path = try DocumentPath(json: steps)
    switch name {
    case "set":
      guard let value = object["value"] else {
        throw EditError(.malformed, at: path, "'set' needs a 'value'; to remove a key use 'delete'")
      }
      try set(path, to: value)
    case "delete": try delete(path)
    case "increment":
      guard let amount = object["by"]?.integerValue else {
        throw EditError(.malformed, at: path, "'increment' needs 'by', a whole number")
      }
      try increment(path, by: amount)
    case "make":
      guard let kind = object["type"]?.stringValue.flatMap(ContainerKind.init(name:)) else {
        throw EditError(
          .malformed, at: path, "'make' needs a 'type': map, list, text, counter or tree")
      }
      try make(path, kind)
    case "move":
      guard let from = object["from"]?.integerValue, let to = object["to"]?.integerValue else {
        throw EditError(.malformed, at: path, "'move' needs 'from' and 'to', whole numbers")
      }
      guard let destination = object["toPath"] else {
        return try move(path, from: Int(from), to: Int(to))
      }
      try moveNode(
        path, from: Int(from), to: try DocumentPath(json: destination), at: Int(to))
    case "mark":
      guard let value = object["value"].flatMap(Value.init), value != .null else {
        throw EditError(
          .malformed, at: path, "'mark' needs a 'value', a plain one; 'unmark' takes one away")
      }
      let (range, mark, expansion) = try markedRange(path, object)
      try self.mark(path, range, name: mark, value: value, expand: expansion)
    case "unmark":
      let (range, mark, expansion) = try markedRange(path, object)
      try unmark(path, range, name: mark, expand: expansion)
    default: try splice(path, object)
    }
  }

  private func markedRange(
    _ path: DocumentPath, _ object: JSONObject
  ) throws(EditError) -> (Range<Int>, name: String, MarkExpansion) {
    guard let from = object["from"]?.integerValue, let to = object["to"]?.integerValue,
      from <= to
    else {
      throw EditError(
        .malformed, at: path, "a mark needs 'from' and 'to', whole numbers in this order")
    }
    guard let name = object["name"]?.stringValue else {
      throw EditError(.malformed, at: path, "a mark needs a 'name'")
    }
    guard
      let expansion = (object["expand"] ?? "after").stringValue.flatMap(MarkExpansion.init(name:))
    else {
      throw EditError(
        .malformed, at: path, "'expand' of a mark is none, after, before or both")
    }
    return (Int(from)..<Int(to), name, expansion)
  }

  private func splice(_ path: DocumentPath, _ object: JSONObject) throws(EditError) {
    guard let position = object["at"]?.integerValue.map({ Int($0) }) else {
      throw EditError(.malformed, at: path, "'splice' needs 'at', a whole number")
    }
    guard let count = (object["delete"] ?? .integer(0)).integerValue.map({ Int($0) }) else {
      throw EditError(.malformed, at: path, "'delete' of 'splice' is a whole number")
    }
    switch (try document.kind(at: path), object["insert"]) {
    case (.text, nil): try splice(path, at: position, delete: count, insert: "")
    case (.text, .string(let text)): try splice(path, at: position, delete: count, insert: text)
    case (.list, nil): try splice(path, at: position, delete: count, insert: [JSONValue]())
    case (.tree, nil): try splice(path, at: position, delete: count, insert: [JSONValue]())
    case (.list, .array(let elements)), (.tree, .array(let elements)):
      try splice(path, at: position, delete: count, insert: elements)
    case (.text, _):
      throw EditError(.malformed, at: path, "'insert' into a text is a string")
    case (.list, _):
      throw EditError(.malformed, at: path, "'insert' into a list is an array")
    case (.tree, _):
      throw EditError(.malformed, at: path, "'insert' into a tree is an array of nodes")
    case (let kind, _):
      let found = kind.map { "a \($0)" } ?? "a plain value"
      throw EditError(
        .wrongKind, at: path, "at '\(path)' is \(found); 'splice' edits texts, lists and trees")
    }
  }
}
