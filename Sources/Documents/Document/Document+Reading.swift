package import Causality
package import JSONCoding

/// One of the values that a register holds.
package struct RegisterEntry: Hashable, Sendable {
  package var event: EventID
  package var stamp: Stamp
  /// The kind when the entry is a container.
  package var kind: ContainerKind?
  package var json: JSONValue
}

extension Document {
  /// What a path leads to.
  enum Place {
    case container(ContainerHandle)
    case value(Value)

    init(_ content: Register.Content) {
      switch content {
      case .value(let value): self = .value(value)
      case .container(let handle): self = .container(handle)
      }
    }
  }

  /// The place at `path`. Complexity: O(steps).
  ///
  /// - Throws: `nothingThere`, `outOfRange` or `wrongKind`, naming the step that cannot be taken.
  func place(at path: DocumentPath) throws(EditError) -> Place {
    var place = Place.container(.root)
    for (depth, step) in path.steps.enumerated() {
      let here = DocumentPath(Array(path.steps[...depth]))
      guard case .container(let handle) = place else {
        throw EditError(
          .nothingThere, at: here, "there is nothing at '\(here)', above it is a value")
      }
      guard let winner = try register(in: handle, step, at: here)?.winner else {
        throw EditError(.nothingThere, at: here, "there is nothing at '\(here)'")
      }
      place = Place(winner.content)
    }
    return place
  }

  /// The register that a step leads to from a map or list; nil when a map has no such key.
  func register(
    in handle: ContainerHandle, _ step: PathStep, at path: DocumentPath
  ) throws(EditError) -> Register? {
    switch kind(of: handle) {
    case .map: return maps[slot(of: handle)][try key(step, at: path)]
    case .list:
      let index = try index(step, at: path)
      let list = lists[slot(of: handle)]
      guard let register = list[index] else {
        throw EditError(
          .outOfRange, at: path, "there is no element at '\(path)', the list has \(list.count)")
      }
      return register
    case .text, .counter, .tree:
      throw EditError(
        .wrongKind, at: path, "'\(path)' leads into a \(kind(of: handle)), which has no members")
    }
  }

  func key(_ step: PathStep, at path: DocumentPath) throws(EditError) -> Key {
    guard case .key(let text) = step else {
      throw EditError(.wrongKind, at: path, "'\(path)' gives an index where a map wants a key")
    }
    return Key(text)
  }

  func index(_ step: PathStep, at path: DocumentPath) throws(EditError) -> Int {
    switch step {
    case .index(let index): return index
    case .key(let text):
      guard let index = Int(text), index >= 0, String(index) == text else {
        throw EditError(.wrongKind, at: path, "'\(path)' gives a key where a list wants an index")
      }
      return index
    }
  }

  /// The kind of container at `path`; nil when a plain value stands there.
  package func kind(at path: DocumentPath) throws(EditError) -> ContainerKind? {
    switch try place(at: path) {
    case .container(let handle): kind(of: handle)
    case .value: nil
    }
  }

  /// What stands at `path` as readers see it: of several values of a register the winner, texts as
  /// strings, counters as numbers that stop at the ends of 64 bits. Keys are in the order of their
  /// bytes. Complexity: O(result), and sorting the keys.
  package func json(at path: DocumentPath = DocumentPath()) throws(EditError) -> JSONValue {
    switch try place(at: path) {
    case .container(let handle): json(of: handle, depth: 0)
    case .value(let value): value.json
    }
  }

  /// The text at `path`.
  package func text(at path: DocumentPath) throws(EditError) -> String {
    texts[slot(of: try handle(at: path, kind: .text))].string
  }

  /// The scalar of a text that holds the UTF-16 unit number `offset`. Complexity: O(log n).
  package func position(
    ofUTF16 offset: Int, in text: ContainerHandle
  ) throws(EditError) -> Int {
    precondition(kind(of: text) == .text, "a handle of a text is wanted")
    do throws(TextRopeError) {
      return try storedTexts[slot(of: text)].position(ofUTF16: offset)
    } catch {
      throw refusal(ofUTF16: offset, in: text)
    }
  }

  @inline(never)
  private func refusal(ofUTF16 offset: Int, in text: ContainerHandle) -> EditError {
    let length = storedTexts[slot(of: text)].utf16Count
    return EditError(
      .outOfRange, "the text has \(length) UTF-16 units, there is none number \(offset)")
  }

  /// The Unicode scalars of the text, or the elements of the list, at `path`. Complexity: O(steps).
  package func count(at path: DocumentPath) throws(EditError) -> Int {
    let place = try place(at: path)
    if case .container(let handle) = place {
      switch kind(of: handle) {
      case .text: return storedTexts[slot(of: handle)].count
      case .list: return lists[slot(of: handle)].count
      case .map: return maps[slot(of: handle)].count
      case .counter, .tree: break
      }
    }
    throw EditError(.wrongKind, at: path, "what is at '\(path)' has no length")
  }

  /// The container of that kind at `path`.
  package func handle(
    at path: DocumentPath, kind wanted: ContainerKind
  ) throws(EditError) -> ContainerHandle {
    guard case .container(let handle) = try place(at: path), kind(of: handle) == wanted else {
      let found = try kind(at: path).map { "a \($0)" } ?? "a plain value"
      throw EditError(.wrongKind, at: path, "at '\(path)' is \(found), not a \(wanted)")
    }
    return handle
  }

  /// Every value that the register at `path` holds, by ascending stamp: the last one is what a
  /// plain read returns.
  package func entries(at path: DocumentPath) throws(EditError) -> [RegisterEntry] {
    guard let last = path.steps.last else {
      throw EditError(.wrongKind, at: path, "the document itself is not a register")
    }
    let above = DocumentPath(Array(path.steps.dropLast()))
    guard case .container(let parent) = try place(at: above),
      let register = try register(in: parent, last, at: path)
    else { throw EditError(.nothingThere, at: path, "there is nothing at '\(path)'") }
    return register.entries.map { entry in
      switch entry.content {
      case .value(let value):
        RegisterEntry(event: entry.event, stamp: entry.stamp, kind: nil, json: value.json)
      case .container(let handle):
        RegisterEntry(
          event: entry.event, stamp: entry.stamp, kind: kind(of: handle),
          json: json(of: handle, depth: 0))
      }
    }
  }

  /// Deeper nesting than an editor makes (``ContainerID/depthMax``) reads as null: only a change
  /// that no editor made can hold it.
  func json(of handle: ContainerHandle, depth: Int) -> JSONValue {
    guard depth <= ContainerID.depthMax else { return .null }
    let slot = slot(of: handle)
    switch kind(of: handle) {
    case .map:
      let members = maps[slot].sorted { $0.key < $1.key }.map { key, register in
        JSONObject.Member(key: key.text, value: json(of: register.winner, depth: depth))
      }
      return .object(JSONObject(uniqueMembers: members))
    case .list:
      return .array(
        lists[slot].elements.map { json(of: $0.register.winner, depth: depth) })
    case .text: return .string(texts[slot].string)
    case .counter: return .integer(Int64(clamping: counters[slot]))
    case .tree: return .null
    }
  }

  private func json(of entry: Register.Entry?, depth: Int) -> JSONValue {
    switch entry?.content {
    case .value(let value): value.json
    case .container(let handle): json(of: handle, depth: depth + 1)
    case nil: .null
    }
  }
}
