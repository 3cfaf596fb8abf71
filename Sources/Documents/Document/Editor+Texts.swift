import Causality
package import JSONCoding
import RunStructures

// Texts and lists.

extension Editor {
  /// Removes `count` scalars of the text at `path` from position `at`, then inserts there.
  package func splice(
    _ path: DocumentPath, at position: Int, delete count: Int, insert text: String
  ) throws(EditError) {
    try splice(
      text: try document.handle(at: path, kind: .text), at: position, delete: count, insert: text,
      path)
  }

  /// Removes `count` elements of the list at `path` from position `at`, then inserts there. Objects
  /// and arrays among the new elements become maps and lists. Under a tree or one of its nodes it
  /// is nodes that go and come.
  package func splice(
    _ path: DocumentPath, at position: Int, delete count: Int, insert elements: [JSONValue]
  ) throws(EditError) {
    let (place, depth) = try document.placeAndDepth(at: path)
    if document.branch(place) != nil {
      return try splice(nodesAt: path, position, delete: count, insert: elements)
    }
    let handle = try document.handle(at: path, kind: .list)
    try checkRange(position, count, within: document.lists[document.slot(of: handle)].count, path)
    var size = count
    for element in elements {
      size += try EditLimits.check(element, at: path, depth: depth + 1)
    }
    try checkRoom(for: size)
    removeElements(position..<position + count, from: handle)
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

  /// Inserts UTF-8, which is checked. Complexity: O(1) for a keystroke where the last edit was.
  package func insertText(
    _ handle: ContainerHandle, at position: Int, utf8: UnsafeBufferPointer<UInt8>
  ) throws(EditError) {
    if utf8.count == 1, document.typing.type(utf8[0], at: position, in: handle.index) { return }
    try insertElsewhere(handle, at: position, utf8)
  }

  @inline(never)
  private func insertElsewhere(
    _ handle: ContainerHandle, at position: Int, _ utf8: UnsafeBufferPointer<UInt8>
  ) throws(EditError) {
    guard let count = UTF8Scalars.validatedCount(utf8) else {
      throw EditError(.invalidValue, "what is to be inserted is not valid UTF-8")
    }
    guard replace(0, at: position, by: utf8, count, in: handle) else {
      throw refusal(0, at: position, by: count, in: handle, nil)
    }
  }

  package func removeText(
    _ handle: ContainerHandle, at position: Int, count: Int
  ) throws(EditError) {
    if count == 1, document.typing.erase(at: position, in: handle.index) { return }
    try removeElsewhere(handle, at: position, count)
  }

  @inline(never)
  private func removeElsewhere(
    _ handle: ContainerHandle, at position: Int, _ count: Int
  ) throws(EditError) {
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
      utf8.count == 1 && count == 0
        && document.typing.type(utf8[0], at: position, in: handle.index)
        || replace(count, at: position, by: utf8, UTF8Scalars.count(utf8), in: handle)
    }
    guard let isDone else {
      var text = text
      text.makeContiguousUTF8()
      return try splice(text: handle, at: position, delete: count, insert: text, path)
    }
    if !isDone { throw refusal(count, at: position, by: UTF8Scalars.count(text), in: handle, path) }
  }

  // MARK: Anywhere

  /// Returns false, and changes nothing, when that cannot be done.
  private func replace(
    _ count: Int, at position: Int, by utf8: UnsafeBufferPointer<UInt8>, _ inserted: Int,
    in handle: ContainerHandle
  ) -> Bool {
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
    breakTypingOff()
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
    let slot = document.slot(of: handle)
    try? document.storedTexts[slot].remove(position..<position + count)
    document.removeMarks(position..<position + count, slot: slot)
    if count == 1, draft.isEmpty,
      document.pending.offer(removingAt: position, from: handle.index)
    {
      return
    }
    document.openEditEndsInDelete = false
    breakTypingOff()
    draft.remove(count, at: position, from: handle.index)
  }

  @inline(__always)
  private func insert(
    _ utf8: UnsafeBufferPointer<UInt8>, count: Int, at position: Int, into handle: ContainerHandle
  ) {
    document.approximateBytes += utf8.count
    // The position was checked, and the length is below what a text can hold: this cannot fail.
    let slot = document.slot(of: handle)
    try? document.storedTexts[slot].insert(validUTF8: utf8, at: position)
    document.insertMarks(count, at: position, slot: slot)
    // One byte is ASCII.
    if utf8.count == 1, draft.isEmpty,
      document.pending.offer(inserting: utf8[0], at: position, into: handle.index)
    {
      return
    }
    document.openEditEndsInDelete = false
    breakTypingOff()
    draft.insert(utf8, count: count, at: position, into: handle.index)
  }

  func insert(_ elements: [JSONValue], at position: Int, into handle: ContainerHandle) {
    guard !elements.isEmpty else { return }
    let first = nextEvent
    record(
      handle,
      .insertElements(
        at: document.lists[document.slot(of: handle)].place(of: position),
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

  func checkRange(
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
}
