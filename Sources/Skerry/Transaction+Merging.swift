private import Documents
private import Merging

extension Transaction {
  /// Brings what somebody made of a text that they had read before into what the text is now: the
  /// differences from `base` to `theirs` become edits, as few and small as they can be. Ours, in
  /// the answer, is what is there now; nothing is edited when nothing comes in.
  ///
  /// - Throws: `refused` when there is no such document or no text at the path.
  @discardableResult
  public mutating func mergeText(
    _ theirs: String, base: String, at path: [PathStep], of document: DocumentID,
    choosing choice: MergeChoice = .both
  ) throws(ReplicaError) -> MergedText {
    let merged = ThreeWayMerge.texts(
      base: base, ours: try presentText(document, at: path), theirs: theirs)
    try replaceText(with: merged.text(choice), at: path, of: document)
    return merged
  }

  /// Brings what somebody made of a document that they had read before into what it is now, with
  /// the fewest operations. Strings that are texts in the document are merged as texts.
  ///
  /// - Throws: `refused` when there is no such document, or when something cannot be set, such as
  ///   the root to what is no object.
  @discardableResult
  public mutating func mergeValue(
    _ theirs: JSONValue, base: JSONValue, of document: DocumentID,
    options: ValueMergeOptions = ValueMergeOptions(mergesStrings: true)
  ) throws(ReplicaError) -> MergedValue {
    let ours = try present(document)
    let merged = ThreeWayMerge.values(base: base, ours: ours, theirs: theirs, options: options)
    guard merged.value.objectValue != nil else {
      throw ReplicaError(.refused, "A document is an object, and cannot become anything else.")
    }
    try replace(ours, with: merged.value, at: [], of: document)
    return merged
  }

  /// Turns what is at a path into a value, leaving alone what is the same.
  private mutating func replace(
    _ old: JSONValue, with new: JSONValue, at path: [PathStep], of document: DocumentID
  ) throws(ReplicaError) {
    if old == new { return }
    let kind = try kind(at: path, of: document)
    switch (kind, old, new) {
    case (.map?, .object(let old), .object(let new)):
      for member in old.members where new[member.key] == nil {
        try delete(at: path + [.key(member.key)], of: document)
      }
      for member in new.members {
        let place = path + [.key(member.key)]
        if let before = old[member.key] {
          try replace(before, with: member.value, at: place, of: document)
        } else {
          try set(member.value, at: place, of: document)
        }
      }
    case (.list?, .array(let old), .array(let new)):
      try replace(old, with: new, at: path, of: document)
    case (.tree?, .object, .object):
      guard let old = TreeValue(old, side: "old"), let tree = TreeValue(new, side: "new") else {
        return try set(new, at: path, of: document)
      }
      try replace(old, with: tree, at: path, of: document)
    case (.text?, .string, .string(let text)):
      try replaceText(with: text, at: path, of: document)
    case (.counter?, .integer(let old), .integer(let new)):
      let (step, overflows) = new.subtractingReportingOverflow(old)
      if overflows {
        try set(.integer(new), at: path, of: document)
      } else {
        try increment(by: step, at: path, of: document)
      }
    default:
      try set(new, at: path, of: document)
    }
  }

  /// Elements are edited where they are and moved to where they belong; which is which, what they
  /// hold and a member `id` tell.
  private mutating func replace(
    _ old: [JSONValue], with new: [JSONValue], at path: [PathStep], of document: DocumentID
  ) throws(ReplicaError) {
    let alignment = ArrayAlignment(from: old, to: new)
    for (index, place) in alignment.places.enumerated() {
      guard let place else { continue }
      try replace(old[index], with: new[place], at: path + [.index(index)], of: document)
    }
    // Those that were there are named by their places, new ones by numbers behind those.
    let order = alignment.origins.enumerated().map { $1 ?? old.count + $0 }
    let steps = ListRearrangement(from: Array(old.indices), to: order) { name in
      name < old.count && !alignment.isMoved[name]
    }.steps
    for step in steps {
      switch step {
      case .remove(let index, let count):
        try splice(at: index, deleting: count, inserting: [], in: path, of: document)
      case .insert(let index, let range):
        try splice(at: index, inserting: Array(new[range]), in: path, of: document)
      case .move(_, let from, let to): try move(from: from, to: to, in: path, of: document)
      }
    }
  }

  /// Nodes are known by their `id`, wherever they stand.
  private mutating func replace(
    _ old: TreeValue, with new: TreeValue, at path: [PathStep], of document: DocumentID
  ) throws(ReplicaError) {
    var shown = TreeRearrangement(
      from: TreeOutline { old.children(of: $0) }, at: DocumentPath(path))
    try apply(shown.patches(to: TreeOutline { new.children(of: $0) }), to: document)
    for name in new.order {
      try replace(
        old.nodes[name]?.value ?? [:], with: new.nodes[name]?.value ?? [:],
        at: shown.path(of: name).steps + [.key("value")], of: document)
    }
  }
}
