package import JSONCoding

// What stands at the keys of maps and the places of lists.

extension Editor {
  /// Sets the key or the list element at `path`. An object or an array becomes a map or a list, and
  /// what it holds is made in it.
  package func set(_ path: DocumentPath, to json: JSONValue) throws(EditError) {
    let target = try target(path)
    let size = try EditLimits.check(json, at: path, depth: target.depth)
    try checkRoom(for: size)
    switch json {
    case .object, .array:
      let handle = make(json.containerKind ?? .map, at: target)
      fill(handle, with: json)
    default: put(.value(Value(json) ?? .null), at: target)
    }
  }

  /// Sets the key or the list element at `path` to a value, also one that JSON has no type for.
  package func set(_ path: DocumentPath, value: Value) throws(EditError) {
    let target = try target(path)
    if case .double(let number) = value, !number.isFinite {
      throw EditError(.invalidValue, at: path, "'\(path)' cannot hold a number that is not finite")
    }
    try checkRoom(for: 1)
    put(.value(value), at: target)
  }

  /// Makes sure that a container of the kind stands at `path`: where there is one already, nothing
  /// is done, else what stands there gives way.
  package func make(_ path: DocumentPath, _ kind: ContainerKind) throws(EditError) {
    let target = try target(path)
    if case .container(let handle)? = target.register?.winner?.content,
      document.kind(of: handle) == kind
    {
      return
    }
    try EditLimits.check(target.depth, at: path)
    try checkRoom(for: 1)
    _ = make(kind, at: target)
  }

  /// Removes the key, the list element or the node of a tree at `path`.
  package func delete(_ path: DocumentPath) throws(EditError) {
    if case .branch(let branch)? = try? document.place(at: path), !branch.isChildren {
      try checkRoom(for: 1)
      return delete(node: branch.node, of: branch.tree)
    }
    let target = try target(path)
    guard let register = target.register else {
      throw EditError(.nothingThere, at: path, "there is nothing at '\(path)' to delete")
    }
    try checkRoom(for: 1)
    switch target.step {
    case .key(let key): record(target.parent, .delete(key, replaces: register.events))
    case .element(let index): removeElements(index..<index + 1, from: target.parent)
    }
  }

  /// Adds to the counter at `path`; where nothing is, a counter is made first.
  package func increment(_ path: DocumentPath, by amount: Int64) throws(EditError) {
    let target = try target(path)
    try checkRoom(for: 2)
    switch target.register?.winner?.content {
    case nil:
      try EditLimits.check(target.depth, at: path)
      record(make(.counter, at: target), .increment(by: amount))
    case .container(let handle) where document.kind(of: handle) == .counter:
      record(handle, .increment(by: amount))
    case .container(let handle):
      throw EditError(
        .wrongKind, at: path, "at '\(path)' is a \(document.kind(of: handle)), not a counter")
    case .value:
      throw EditError(
        .wrongKind, at: path,
        "at '\(path)' is a plain value, not a counter; make a counter there first")
    }
  }

  // MARK: Recording

  func put(_ element: Operation.Element, at target: Target) {
    let replaced = target.register?.events ?? []
    switch (target.step, element) {
    case (.key(let key), .value(let value)):
      record(target.parent, .set(key, value, replaces: replaced))
    case (.key, .container(let kind)): _ = make(kind, at: target)
    // A key has no place among others.
    case (.key, .moved): break
    case (.element(let index), _):
      let name = document.lists[document.slot(of: target.parent)].element(at: index)
      record(target.parent, .setElement(name, element, replaces: replaced))
    }
  }

  /// Makes an empty container. At a key where one of its kind was before it is a new one; else it
  /// is the one that any other replica makes there.
  func make(_ kind: ContainerKind, at target: Target) -> ContainerHandle {
    let event = nextEvent
    let id: ContainerID
    switch target.step {
    case .key(let key):
      let parent = document.containers[target.parent.index].id
      let shared = ContainerID.child(parent: parent, key: key, kind: kind, generation: nil)
      let isAnew = document.handles[shared] != nil
      record(
        target.parent,
        .make(key, kind, isAnew: isAnew, replaces: target.register?.events ?? []))
      id =
        isAnew ? .child(parent: parent, key: key, kind: kind, generation: event) : shared
    case .element:
      put(.container(kind), at: target)
      id = .element(event, kind)
    }
    return document.materialise(id)
  }

  /// Makes what `json`, an object or an array, holds inside a container that is empty.
  func fill(_ handle: ContainerHandle, with json: JSONValue) {
    switch json {
    case .object(let object):
      for member in object.members {
        let target = Target(parent: handle, step: .key(Key(member.key)), register: nil)
        switch member.value {
        case .object: fill(make(.map, at: target), with: member.value)
        case .array: fill(make(.list, at: target), with: member.value)
        default: put(.value(Value(member.value) ?? .null), at: target)
        }
      }
    case .array(let elements): insert(elements, at: 0, into: handle)
    default: break
    }
  }

  // MARK: Targets

  /// A place that can be written: a key of a map, whether or not something is there, or an element
  /// of a list.
  struct Target {
    enum Step {
      case key(Key)
      case element(Int)
    }

    var parent: ContainerHandle
    var step: Step
    var register: Register?
    /// How deep a container nests that is put there.
    var depth = 0
  }

  func target(_ path: DocumentPath) throws(EditError) -> Target {
    guard let last = path.steps.last else {
      throw EditError(.malformed, at: path, "the path is empty; name a key of the document")
    }
    let above = DocumentPath(Array(path.steps.dropLast()))
    let (place, depth) = try document.placeAndDepth(at: above)
    // A value may stand in the deepest container.
    guard depth <= ContainerID.depthMax else {
      throw EditError(
        .limitExceeded, at: path, "'\(above)' is deeper than \(ContainerID.depthMax) containers")
    }
    var (holder, step) = (ContainerHandle.root, last)
    if let branch = document.branch(place) {
      guard case .key(let key, let content) = try document.branchStep(branch, last, at: path)
      else {
        throw EditError(
          .wrongKind, at: path,
          "'\(path)' is a part of a tree; set the keys of its nodes, and splice nodes")
      }
      (holder, step) = (content, .key(key.text))
    } else {
      guard case .container(let parent) = place else {
        throw EditError(
          .wrongKind, at: path, "'\(above)' is a plain value and holds nothing; make a map there")
      }
      holder = parent
    }
    let register = try document.register(in: holder, step, at: path)
    if document.kind(of: holder) == .list {
      let index = try document.index(step, at: path)
      return Target(parent: holder, step: .element(index), register: register, depth: depth + 1)
    }
    let key = try document.key(step, at: path)
    try EditLimits.check(key.text, at: path)
    return Target(parent: holder, step: .key(key), register: register, depth: depth + 1)
  }
}
