package import Causality
package import JSONCoding
import RunStructures

/// Edits one document within one transaction; what it does shows in the document at once.
///
/// Every operation is checked whole before it changes anything and throws an ``EditError``. When
/// one fails, the ones before it have been done: to undo the transaction, discard the document and
/// open it again. Neighbouring insertions and removals become one operation.
///
/// A transaction ends with ``finish()``, which hands out what it did, or with ``commit()``, which
/// only records it in the history that the document keeps; ``begin(_:lamport:time:)`` starts the
/// next one.
package final class Editor {
  package let document: Document
  @exclusivity(unchecked) package private(set) var change: ChangeID
  @exclusivity(unchecked) package private(set) var lamport: UInt64
  /// The wall clock, which is shown to people.
  @exclusivity(unchecked) private var time: Timestamp
  /// What was done so far, operation by operation.
  @exclusivity(unchecked) private var draft = EditDraft()

  init(document: Document, change: ChangeID, lamport: UInt64, time: Timestamp) {
    self.document = document
    self.change = change
    self.lamport = lamport
    self.time = time
  }

  /// Starts the next transaction, after the one before was finished or committed.
  package func begin(_ change: ChangeID, lamport: UInt64, time: Timestamp) {
    precondition(isEmpty, "the transaction before has not ended")
    document.typing.begin(change, lamport: lamport)
    self.change = change
    self.lamport = lamport
    self.time = time
  }

  /// Ends the edit and hands out what it did; nil when it did nothing.
  package func finish() throws(MergeError) -> DocumentEdit? {
    document.openEditEndsInDelete = nil
    breakTypingOff()
    guard !draft.isEmpty else { return nil }
    let edit = DocumentEdit(
      document: document.id, parents: document.parents, operations: document.operations(of: draft))
    if document.hasHistory {
      try document.record(draft, of: change, lamport: lamport, time: time)
    }
    document.advanceFrontier(to: change, endsInDelete: draft.endsInDelete)
    draft.removeAll()
    return edit
  }

  /// Ends the edit and records it in the history that the document keeps. Complexity: O(1) for a
  /// keystroke that goes on where the last one ended.
  ///
  /// - Returns: whether something was done.
  package func commit() throws(MergeError) -> Bool {
    if document.typing.hasOffer {
      document.typing.acceptOffer(time: time)
      return true
    }
    precondition(document.hasHistory, "a document without history has nowhere to record an edit")
    document.openEditEndsInDelete = nil
    guard !draft.isEmpty else { return false }
    try document.record(draft, of: change, lamport: lamport, time: time)
    document.advanceFrontier(to: change, endsInDelete: draft.endsInDelete)
    document.typing.follow(draft, change: change, lamport: lamport)
    document.openGapForTyping()
    draft.removeAll()
    return true
  }

  /// Whether nothing was done.
  package var isEmpty: Bool { draft.isEmpty && !document.typing.hasOffer }

  /// Before the draft takes anything: the transaction is more than a keystroke that goes on, and
  /// takes one back that was thought to be all of it.
  private func breakTypingOff() {
    document.typing.breakOff(into: &draft)
  }

  // MARK: Values

  /// Sets the key or the list element at `path`. An object or an array becomes a map or a list, and
  /// what it holds is made in it.
  package func set(_ path: DocumentPath, to json: JSONValue) throws(EditError) {
    let target = try target(path)
    let size = try EditLimits.check(json, at: path, depth: path.steps.count)
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
    guard kind != .tree else {
      throw EditError(.notSupported, at: path, "trees are not supported yet; use maps and lists")
    }
    let target = try target(path)
    if case .container(let handle)? = target.register?.winner?.content,
      document.kind(of: handle) == kind
    {
      return
    }
    try EditLimits.check(path.steps.count, at: path)
    try checkRoom(for: 1)
    _ = make(kind, at: target)
  }

  /// Removes the key or the list element at `path`.
  package func delete(_ path: DocumentPath) throws(EditError) {
    let target = try target(path)
    guard let register = target.register else {
      throw EditError(.nothingThere, at: path, "there is nothing at '\(path)' to delete")
    }
    try checkRoom(for: 1)
    switch target.step {
    case .key(let key): record(target.parent, .delete(key, replaces: register.events))
    case .element(let index): record(target.parent, .remove(at: index, count: 1))
    }
  }

  /// Adds to the counter at `path`; where nothing is, a counter is made first.
  package func increment(_ path: DocumentPath, by amount: Int64) throws(EditError) {
    let target = try target(path)
    try checkRoom(for: 2)
    switch target.register?.winner?.content {
    case nil:
      try EditLimits.check(path.steps.count, at: path)
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

  /// Marks the document as deleted. An edit after it, or one made elsewhere at the same time,
  /// brings the document back.
  package func deleteDocument() throws(EditError) {
    guard !document.isDeleted else { return }
    try checkRoom(for: 1)
    record(.root, .deleteDocument)
  }

  /// Adds an operation as a later release would write it. This one keeps it, hands it on and counts
  /// its events; it has no effect here.
  ///
  /// - Precondition: `eventCount` is at least 1.
  package func write(
    unknown code: UInt64, eventCount: Int, bytes: [UInt8]
  ) throws(EditError) {
    try checkRoom(for: eventCount)
    record(.root, .unknown(code: code, eventCount: eventCount, bytes: bytes))
  }

  // MARK: Texts and lists

  /// Removes `count` scalars of the text at `path` from position `at`, then inserts there.
  package func splice(
    _ path: DocumentPath, at position: Int, delete count: Int, insert text: String
  ) throws(EditError) {
    try splice(
      text: try document.handle(at: path, kind: .text), at: position, delete: count, insert: text,
      path)
  }

  /// Removes `count` elements of the list at `path` from position `at`, then inserts there. Objects
  /// and arrays among the new elements become maps and lists.
  package func splice(
    _ path: DocumentPath, at position: Int, delete count: Int, insert elements: [JSONValue]
  ) throws(EditError) {
    let handle = try document.handle(at: path, kind: .list)
    try checkRange(position, count, within: document.lists[document.slot(of: handle)].count, path)
    var size = count
    for element in elements {
      size += try EditLimits.check(element, at: path, depth: path.steps.count + 1)
    }
    try checkRoom(for: size)
    if count > 0 { record(handle, .remove(at: position, count: count)) }
    insert(elements, at: position, into: handle)
  }

  /// The text at `path`, to be edited without looking up the path each time; good until the
  /// document is closed.
  package func text(at path: DocumentPath) throws(EditError) -> ContainerHandle {
    try document.handle(at: path, kind: .text)
  }

  package func insertText(
    _ handle: ContainerHandle, at position: Int, _ text: String
  ) throws(EditError) {
    try splice(text: handle, at: position, delete: 0, insert: text, nil)
  }

  package func removeText(
    _ handle: ContainerHandle, at position: Int, count: Int
  ) throws(EditError) {
    if count == 1, document.typing.erase(at: position, in: handle.index) { return }
    guard canReplace(count, at: position, by: 0, in: handle) else {
      throw refusal(count, at: position, by: 0, in: handle, nil)
    }
    if count > 0 { remove(count, at: position, from: handle) }
  }

  private func splice(
    text handle: ContainerHandle, at position: Int, delete count: Int, insert text: String,
    _ path: DocumentPath?
  ) throws(EditError) {
    let isDone = text.utf8.withContiguousStorageIfAvailable { utf8 in
      // One byte is ASCII.
      utf8.count == 1 && count == 0 && document.typing.type(utf8[0], at: position, in: handle.index)
        || replace(count, at: position, by: utf8, in: handle)
    }
    guard let isDone else {
      var text = text
      text.makeContiguousUTF8()
      return try splice(text: handle, at: position, delete: count, insert: text, path)
    }
    if !isDone { throw refusal(count, at: position, by: UTF8Scalars.count(text), in: handle, path) }
  }

  /// Returns false, and changes nothing, when that cannot be done.
  @inline(__always)
  private func replace(
    _ count: Int, at position: Int, by utf8: UnsafeBufferPointer<UInt8>, in handle: ContainerHandle
  ) -> Bool {
    let inserted = utf8.count == 1 ? 1 : UTF8Scalars.count(utf8)
    guard canReplace(count, at: position, by: inserted, in: handle) else { return false }
    if count > 0 { remove(count, at: position, from: handle) }
    if inserted > 0 { insert(utf8, count: inserted, at: position, into: handle) }
    return true
  }

  @inline(__always)
  private func canReplace(
    _ count: Int, at position: Int, by inserted: Int, in handle: ContainerHandle
  ) -> Bool {
    precondition(document.kind(of: handle) == .text, "a handle of a text is wanted")
    let length = document.storedTexts[document.slot(of: handle)].count
    return position >= 0 && position <= length && count >= 0 && count <= length - position
      && count + inserted <= Operation.eventCountMax - draft.eventCount
      && length - count + inserted <= Operation.positionMax
  }

  @inline(never)
  private func refusal(
    _ count: Int, at position: Int, by inserted: Int, in handle: ContainerHandle,
    _ path: DocumentPath?
  ) -> EditError {
    do throws(EditError) {
      let length = document.storedTexts[document.slot(of: handle)].count
      try checkRange(position, count, within: length, path)
      try checkRoom(for: count + inserted)
      return EditError(
        .limitExceeded, at: path, "a text has at most \(Operation.positionMax) scalars")
    } catch {
      return error
    }
  }

  // MARK: Recording

  @inline(__always)
  private func remove(_ count: Int, at position: Int, from handle: ContainerHandle) {
    // The range was checked, so that this cannot fail.
    try? document.texts[document.slot(of: handle)].remove(position..<position + count)
    document.openEditEndsInDelete = false
    if count == 1, document.typing.offer(removingAt: position, from: handle.index) {
      return document.openGapForTyping()
    }
    breakTypingOff()
    draft.remove(count, at: position, from: handle.index)
  }

  @inline(__always)
  private func insert(
    _ utf8: UnsafeBufferPointer<UInt8>, count: Int, at position: Int, into handle: ContainerHandle
  ) {
    document.approximateBytes += utf8.count
    // The position was checked, and the length is below what a text can hold: this cannot fail.
    try? document.texts[document.slot(of: handle)].insert(validUTF8: utf8, at: position)
    document.openEditEndsInDelete = false
    if count == 1, document.typing.offer(inserting: utf8, at: position, into: handle.index) {
      return document.openGapForTyping()
    }
    breakTypingOff()
    draft.insert(utf8, count: count, at: position, into: handle.index)
  }

  /// With no keystroke on offer.
  private var nextEvent: EventID {
    EventID(change: change, index: UInt32(clamping: draft.eventCount))
  }

  private func record(_ handle: ContainerHandle, _ action: Operation.Action) {
    breakTypingOff()
    let operation = Operation(document.containers[handle.index].id, action)
    let count = document.perform(operation, at: nextEvent, lamport: lamport)
    draft.append(operation, eventCount: count)
    document.openEditEndsInDelete = action == .deleteDocument
  }

  private func put(_ element: Operation.Element, at target: Target) {
    let replaced = target.register?.events ?? []
    switch (target.step, element) {
    case (.key(let key), .value(let value)):
      record(target.parent, .set(key, value, replaces: replaced))
    case (.key, .container(let kind)): _ = make(kind, at: target)
    case (.element(let index), _):
      let name = document.lists[document.slot(of: target.parent)].order[index]
      record(target.parent, .setElement(name, element, replaces: replaced))
    }
  }

  /// Makes an empty container. At a key where one of its kind was before it is a new one; else it
  /// is the one that any other replica makes there.
  private func make(_ kind: ContainerKind, at target: Target) -> ContainerHandle {
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
  private func fill(_ handle: ContainerHandle, with json: JSONValue) {
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

  private func insert(_ elements: [JSONValue], at position: Int, into handle: ContainerHandle) {
    guard !elements.isEmpty else { return }
    let first = nextEvent
    record(
      handle,
      .insertElements(
        at: position,
        elements.map { element in
          element.containerKind.map { .container($0) } ?? .value(Value(element) ?? .null)
        }))
    for (offset, element) in elements.enumerated() {
      guard let kind = element.containerKind else { continue }
      let event = EventID(change: change, index: first.index + UInt32(clamping: offset))
      fill(document.materialise(.element(event, kind)), with: element)
    }
  }

  // MARK: Checking

  /// A place that can be written: a key of a map, whether or not something is there, or an element
  /// of a list.
  private struct Target {
    enum Step {
      case key(Key)
      case element(Int)
    }

    var parent: ContainerHandle
    var step: Step
    var register: Register?
  }

  private func target(_ path: DocumentPath) throws(EditError) -> Target {
    guard let last = path.steps.last else {
      throw EditError(.malformed, at: path, "the path is empty; name a key of the document")
    }
    // A value may stand in the deepest container.
    guard path.steps.count <= ContainerID.depthMax + 1 else {
      throw EditError(
        .limitExceeded, at: path, "a path has at most \(ContainerID.depthMax + 1) steps")
    }
    let above = DocumentPath(Array(path.steps.dropLast()))
    guard case .container(let parent) = try document.place(at: above) else {
      throw EditError(
        .wrongKind, at: path, "'\(above)' is a plain value and holds nothing; make a map there")
    }
    let register = try document.register(in: parent, last, at: path)
    if document.kind(of: parent) == .list {
      let index = try document.index(last, at: path)
      return Target(parent: parent, step: .element(index), register: register)
    }
    let key = try document.key(last, at: path)
    try EditLimits.check(key.text, at: path)
    return Target(parent: parent, step: .key(key), register: register)
  }

  private func checkRange(
    _ position: Int, _ count: Int, within length: Int, _ path: DocumentPath?
  ) throws(EditError) {
    guard position >= 0, position <= length else {
      throw EditError(
        .outOfRange, at: path, "position \(position) is beyond the end, the length is \(length)")
    }
    guard count >= 0, count <= length - position else {
      throw EditError(
        .outOfRange, at: path,
        "\(count) cannot be removed from position \(position), the length is \(length)")
    }
  }

  private func checkRoom(for count: Int) throws(EditError) {
    guard count <= Operation.eventCountMax - draft.eventCount else {
      throw EditError(
        .limitExceeded,
        "a transaction edits at most \(Operation.eventCountMax) places; commit more often"
      )
    }
  }
}

extension Document {
  /// Begins the edit of one transaction. One editor at a time.
  ///
  /// - Parameters:
  ///   - change: the change that the transaction will become.
  ///   - lamport: above that of every change applied.
  ///   - time: the wall clock, which decides nothing.
  package func beginEdit(
    _ change: ChangeID, lamport: UInt64, time: Timestamp = .epoch
  ) -> Editor {
    Editor(document: self, change: change, lamport: lamport, time: time)
  }
}
