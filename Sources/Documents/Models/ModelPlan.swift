import Merging
import RunStructures

/// What has to be done to a document so that it shows a model: the fewest edits that do it.
///
/// It tells what the writer has changed from what they leave alone by the **base**, the model as
/// they had read it; somebody else may have changed the document since. Without a base the document
/// is what they have seen. What the model does not know is never touched.
///
/// - What is the same in model and base stays as it is, whatever the document says by now.
/// - A text is merged three ways, a counter gets the difference, a map is taken member by member, a
///   list element by element, and any other value is as the writer has it. Where somebody else has
///   set it since, what they set is the other side of a conflict.
/// - What the document holds stays of its kind: a string is written into a text as edits of it, and
///   a number into a counter as an increment. The type says what is made where nothing was.
struct ModelPlan {
  let document: Document
  private(set) var edits: [ModelEdit] = []
  private(set) var eventCount = 0

  init(_ document: Document) {
    self.document = document
  }

  mutating func append(_ edit: ModelEdit, eventCount count: Int) {
    edits.append(edit)
    eventCount += count
  }

  /// - Parameter base: nil for what the document shows.
  mutating func write(
    _ new: ModelNode, base: ModelNode?, at target: Editor.Target, _ path: DocumentPath
  ) throws(EditError) {
    if let base, base == new { return }
    let present = target.register?.winner?.content
    switch (new, present) {
    case (.absent, nil), (.absent, .value(.null)): return
    case (.absent, _):
      if case .key = target.step { append(.delete(target), eventCount: 1) }
    case (.value(let value), .value(let old)) where value.reads(like: old): return
    case (.map(let map), .container(let handle)) where takes(map, handle, base):
      try write(map, base: base, to: handle, path)
    case (.list(let list), .container(let handle)) where document.kind(of: handle) == .list:
      try write(list, isOrdered: true, base: base, to: handle, path)
    case (.set(let set), .container(let handle)) where document.kind(of: handle) == .list:
      try write(set, isOrdered: false, base: base, to: handle, path)
    case (_, .container(let handle))
    where document.kind(of: handle) == .text && new.string != nil:
      try write(text: new.string ?? "", base: base, to: handle)
    case (_, .container(let handle))
    where document.kind(of: handle) == .counter && new.integer != nil:
      let old = base?.integer ?? Int64(clamping: document.counters[document.slot(of: handle)])
      let amount = try difference(new.integer ?? 0, old, at: path)
      if amount != 0 { append(.increment(by: amount, handle), eventCount: 1) }
    case (.text(let text), .value(.string(let old))):
      if base == nil, text.utf8.elementsEqual(old.utf8) { return }
      make(.text(merged(text, base: base, present: old)), at: target)
    case (.counter(let count), .value(.integer(let old))):
      let amount = try difference(count, base?.integer ?? old, at: path)
      if amount != 0 {
        let (sum, overflows) = old.addingReportingOverflow(amount)
        make(.counter(overflows ? count : sum), at: target)
      }
    case (.value(let value), _):
      var target = target
      // What the writer has not seen stays beside it: a conflict, for somebody to decide.
      if let base, isOther(base, than: present) { target.register = nil }
      append(.put(value, target), eventCount: 1)
    case (.text, _), (.counter, _), (.list, _), (.set, _), (.map, _): make(new, at: target)
    }
  }

  /// Whether a place that held a plain value or nothing holds something else by now.
  private func isOther(_ base: ModelNode, than present: Register.Content?) -> Bool {
    switch (base, present) {
    case (_, nil), (.absent, .value(.null)): false
    case (.value(let old), .value(let value)): !old.reads(like: value)
    case (.value, .container), (.absent, _): true
    default: false
    }
  }

  private mutating func make(_ node: ModelNode, at target: Editor.Target) {
    append(.make(node, target), eventCount: node.eventCount)
  }

  // MARK: Maps

  /// Whether a map is written into the one that is there, or takes its place as another case of an
  /// enum.
  private func takes(_ map: ModelMap, _ handle: ContainerHandle, _ base: ModelNode?) -> Bool {
    guard document.kind(of: handle) == .map else { return false }
    guard map.kind == .variant else { return true }
    let present = document.maps[document.slot(of: handle)]
    func isSameCase(_ keys: some Collection<Key>) -> Bool {
      keys.count == map.members.count && keys.allSatisfy { map[$0] != nil }
    }
    let isKnown = base.map { isSameCase($0.map?.members.map(\.key) ?? []) } ?? true
    return isKnown && isSameCase(present.keys)
  }

  /// - Parameter base: as above; what is no map had none of the members.
  mutating func write(
    _ map: ModelMap, base: ModelNode?, to handle: ContainerHandle, _ path: DocumentPath
  ) throws(EditError) {
    let slot = document.slot(of: handle)
    func target(_ key: Key) -> Editor.Target {
      Editor.Target(parent: handle, step: .key(key), register: document.maps[slot][key])
    }
    for member in map.members {
      try write(
        member.node, base: base.map { $0.map?[member.key] ?? .absent }, at: target(member.key),
        path.appending(.key(member.key.text)))
    }
    let known: [Key]
    if let base {
      known = base.map?.members.map(\.key) ?? []
    } else {
      known = map.kind == .dictionary ? document.maps[slot].keys.sorted() : []
    }
    for key in known where map[key] == nil && document.maps[slot][key] != nil {
      append(.delete(target(key)), eventCount: 1)
    }
  }

  // MARK: Texts and counters

  private mutating func write(
    text: String, base: ModelNode?, to handle: ContainerHandle
  ) throws(EditError) {
    let present = document.texts[document.slot(of: handle)].string
    let target = merged(text, base: base, present: present)
    // From the last to the first, so that the positions stay true.
    for splice in TextDifference.splices(from: present, to: target).reversed() {
      append(
        .splice(splice, handle),
        eventCount: splice.deleting + UTF8Scalars.count(splice.inserting))
    }
  }

  private func merged(_ text: String, base: ModelNode?, present: String) -> String {
    guard let base, case let old = base.string ?? "", !old.utf8.elementsEqual(present.utf8) else {
      return text
    }
    return ThreeWayMerge.texts(base: old, ours: present, theirs: text).text(.both)
  }

  private func difference(
    _ new: Int64, _ old: Int64, at path: DocumentPath
  ) throws(EditError) -> Int64 {
    let (amount, overflows) = new.subtractingReportingOverflow(old)
    guard !overflows else {
      throw EditError(
        .invalidValue, at: path, "the counter at '\(path)' cannot go from \(old) to \(new) at once")
    }
    return amount
  }
}
