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
    /// A node of a tree, or what stands under one.
    case branch(Branch)
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
    try placeAndDepth(at: path).place
  }

  /// The place at `path`, and how many containers stand between the root and it, it included when
  /// it is one; a node of a tree counts as one. Complexity: O(steps), and that of
  /// ``TreeState/children(of:)`` for each in a tree.
  func placeAndDepth(at path: DocumentPath) throws(EditError) -> (place: Place, depth: Int) {
    var place = Place.container(.root)
    var depth = 0
    for (index, step) in path.steps.enumerated() {
      let here = DocumentPath(Array(path.steps[...index]))
      let holder: (handle: ContainerHandle, step: PathStep)
      if let branch = branch(place) {
        switch try branchStep(branch, step, at: here) {
        case .branch(let inner):
          place = .branch(inner)
          if inner.node != branch.node { depth += 1 }
          continue
        case .content(let handle):
          place = .container(handle)
          continue
        case .key(let key, let handle): holder = (handle, .key(key.text))
        }
      } else {
        guard case .container(let handle) = place else {
          throw EditError(
            .nothingThere, at: here, "there is nothing at '\(here)', above it is a value")
        }
        holder = (handle, step)
      }
      guard let winner = try register(in: holder.handle, holder.step, at: here)?.winner else {
        throw EditError(.nothingThere, at: here, "there is nothing at '\(here)'")
      }
      place = Place(winner.content)
      depth += 1
    }
    return (place, depth)
  }

  /// The place as a tree or a part of one; nil for anything else.
  func branch(_ place: Place) -> Branch? {
    switch place {
    case .branch(let branch): branch
    case .container(let handle) where kind(of: handle) == .tree:
      Branch(tree: handle, node: TreeState.top)
    case .container, .value: nil
    }
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

  /// The kind of container at `path`, which for a node of a tree is a tree; nil when a plain value
  /// stands there.
  package func kind(at path: DocumentPath) throws(EditError) -> ContainerKind? {
    switch try place(at: path) {
    case .container(let handle): kind(of: handle)
    case .branch: .tree
    case .value: nil
    }
  }

  /// What stands at `path` as readers see it: of several values of a register the winner, texts as
  /// strings, counters as numbers that stop at the ends of 64 bits. Keys are in the order of their
  /// bytes. Complexity: O(result), and sorting the keys.
  package func json(at path: DocumentPath = DocumentPath()) throws(EditError) -> JSONValue {
    switch try place(at: path) {
    case .container(let handle): json(of: handle, depth: 0)
    case .branch(let branch): json(of: branch, depth: 0, level: 0)
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
    if let position = typing.position(ofUTF16: offset, in: text.index) { return position }
    return try positionElsewhere(ofUTF16: offset, in: text)
  }

  @inline(never)
  private func positionElsewhere(
    ofUTF16 offset: Int, in text: ContainerHandle
  ) throws(EditError) -> Int {
    precondition(kind(of: text) == .text, "a handle of a text is wanted")
    let rope = storedTexts[slot(of: text)]
    do throws(TextRopeError) {
      return try rope.position(ofUTF16: offset)
    } catch {
      throw EditError(
        .outOfRange, "the text has \(rope.utf16Count) UTF-16 units, there is none number \(offset)"
      )
    }
  }

  /// The Unicode scalars of the text, the elements of the list, or the nodes that stand right under
  /// the tree or node, at `path`. Complexity: O(steps).
  package func count(at path: DocumentPath) throws(EditError) -> Int {
    let place = try place(at: path)
    if let branch = branch(place) { return children(of: branch).count }
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
    try register(at: path).entries.map { entry in
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

  /// The map or list that has the register to which a last step leads; nil when none has.
  func holder(
    at above: DocumentPath, _ last: PathStep, at path: DocumentPath
  ) throws(EditError) -> (ContainerHandle, PathStep)? {
    let place = try place(at: above)
    if let branch = branch(place) {
      guard case .key(let key, let handle) = try branchStep(branch, last, at: path) else {
        throw EditError(.wrongKind, at: path, "'\(path)' is a part of a tree and not a register")
      }
      return (handle, .key(key.text))
    }
    guard case .container(let parent) = place else { return nil }
    return (parent, last)
  }

  /// Deeper nesting than an editor makes (``ContainerID/depthMax``) reads as null: only a change
  /// that no editor made can hold it.
  ///
  /// - Parameters:
  ///   - depth: how many containers are around.
  ///   - level: how many nodes of trees are.
  func json(of handle: ContainerHandle, depth: Int, level: Int = 0) -> JSONValue {
    guard depth <= ContainerID.depthMax else { return .null }
    let slot = slot(of: handle)
    switch kind(of: handle) {
    case .map:
      let members = maps[slot].sorted { $0.key < $1.key }.map { key, register in
        JSONObject.Member(
          key: key.text, value: json(of: register.winner, depth: depth, level: level))
      }
      return .object(JSONObject(uniqueMembers: members))
    case .list:
      return .array(
        lists[slot].elements.map { json(of: $0.register.winner, depth: depth, level: level) })
    case .text: return .string(texts[slot].string)
    case .counter: return .integer(Int64(clamping: counters[slot]))
    case .tree:
      return json(of: Branch(tree: handle, node: TreeState.top), depth: depth, level: level)
    }
  }

  private func json(of entry: Register.Entry?, depth: Int, level: Int) -> JSONValue {
    switch entry?.content {
    case .value(let value): value.json
    case .container(let handle): json(of: handle, depth: depth + 1, level: level)
    case nil: .null
    }
  }
}
