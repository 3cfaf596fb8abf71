package import JSONCoding
package import Merging

// What somebody made of a document that they had read before, brought into what it is now.
extension Editor {
  /// Merges a value three-way into the document, with the fewest operations. Strings that are texts
  /// in the document are merged as texts. What is merged into a deleted document brings it back.
  ///
  /// - Parameters:
  ///   - theirs: what was made of `base`.
  ///   - options: what stands where both sides have changed the same place; ours is what the
  ///     document holds.
  ///   - kinds: which container is to be made where theirs has something new; nil for what the
  ///     value says.
  /// - Complexity: O(values + document); texts as ``Merging/ThreeWayMerge`` says.
  /// - Throws: when the root would become what is no object.
  package func mergeValue(
    _ theirs: JSONValue, base: JSONValue,
    options: ValueMergeOptions = ValueMergeOptions(mergesStrings: true),
    kinds: (DocumentPath) -> ContainerKind? = { _ in nil }
  ) throws(EditError) -> MergedValue {
    let ours = try document.json(at: DocumentPath([]))
    let merged = ThreeWayMerge.values(base: base, ours: ours, theirs: theirs, options: options)
    guard merged.value.objectValue != nil else {
      throw EditError(
        .wrongKind, "a document is an object, and cannot become anything else")
    }
    try replace(ours, with: merged.value, at: DocumentPath([]), kinds)
    return merged
  }

  /// Turns a text into another one with few and small splices.
  package func replaceText(
    _ present: String, with text: String, at path: DocumentPath
  ) throws(EditError) {
    for splice in TextDifference.splices(from: present, to: text).reversed() {
      try self.splice(path, at: splice.at, delete: splice.deleting, insert: splice.inserting)
    }
  }

  /// Turns what is at a path into a value, leaving alone what is the same.
  private func replace(
    _ old: JSONValue, with new: JSONValue, at path: DocumentPath,
    _ kinds: (DocumentPath) -> ContainerKind? = { _ in nil }
  ) throws(EditError) {
    if old == new { return }
    let kind = path.steps.isEmpty ? .map : try document.kind(at: path)
    switch (kind, old, new) {
    case (.map?, .object(let old), .object(let new)):
      for member in old.members where new[member.key] == nil {
        try delete(path.appending(.key(member.key)))
      }
      for member in new.members {
        let place = path.appending(.key(member.key))
        if let before = old[member.key] {
          try replace(before, with: member.value, at: place, kinds)
        } else {
          try create(member.value, at: place, kinds)
        }
      }
    case (.list?, .array(let old), .array(let new)): try replace(old, with: new, at: path)
    case (.tree?, .object, .object):
      guard let old = TreeValue(old, side: "old"), let tree = TreeValue(new, side: "new") else {
        return try set(path, to: new)
      }
      try replace(old, with: tree, at: path)
    case (.text?, .string(let present), .string(let text)):
      try replaceText(present, with: text, at: path)
    case (.counter?, .integer(let old), .integer(let new)):
      let (step, overflows) = new.subtractingReportingOverflow(old)
      if overflows { try set(path, to: .integer(new)) } else { try increment(path, by: step) }
    default: try set(path, to: new)
    }
  }

  private func create(
    _ value: JSONValue, at path: DocumentPath, _ kinds: (DocumentPath) -> ContainerKind?
  ) throws(EditError) {
    switch (kinds(path), value) {
    case (.text?, .string(let text)):
      try make(path, .text)
      if !text.isEmpty { try splice(path, at: 0, delete: 0, insert: text) }
    case (.counter?, .integer(let count)):
      try make(path, .counter)
      if count != 0 { try increment(path, by: count) }
    case (.map?, .object(let object)):
      try make(path, .map)
      for member in object.members {
        try create(member.value, at: path.appending(.key(member.key)), kinds)
      }
    default: try set(path, to: value)
    }
  }

  /// Elements are edited where they are and moved to where they belong; which is which, what they
  /// hold and a member `id` tell.
  private func replace(
    _ old: [JSONValue], with new: [JSONValue], at path: DocumentPath
  ) throws(EditError) {
    let alignment = ArrayAlignment(from: old, to: new)
    for (index, place) in alignment.places.enumerated() {
      guard let place else { continue }
      try replace(old[index], with: new[place], at: path.appending(.index(index)))
    }
    // Those that were there are named by their places, new ones by numbers behind those.
    let order = alignment.origins.enumerated().map { $1 ?? old.count + $0 }
    let steps = ListRearrangement(from: Array(old.indices), to: order) { name in
      name < old.count && !alignment.isMoved[name]
    }.steps
    for step in steps {
      switch step {
      case .remove(let index, let count): try splice(path, at: index, delete: count, insert: [])
      case .insert(let index, let range):
        try splice(path, at: index, delete: 0, insert: Array(new[range]))
      case .move(_, let from, let to): try move(path, from: from, to: to)
      }
    }
  }

  /// Nodes are known by their `id`, wherever they stand.
  private func replace(
    _ old: TreeValue, with new: TreeValue, at path: DocumentPath
  ) throws(EditError) {
    var shown = TreeRearrangement(from: TreeOutline { old.children(of: $0) }, at: path)
    try apply(shown.patches(to: TreeOutline { new.children(of: $0) }))
    for name in new.order {
      try replace(
        old.nodes[name]?.value ?? [:], with: new.nodes[name]?.value ?? [:],
        at: shown.path(of: name).appending(.key("value")))
    }
  }
}
