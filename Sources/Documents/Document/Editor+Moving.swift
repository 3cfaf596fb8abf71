import Causality

// Elements of lists that go, or stand elsewhere.

extension Editor {
  /// Moves the element number `from` of the list at `path` so that it is number `to` afterwards.
  /// Whatever others do to it meanwhile goes with it; when two move it at once, it exists once.
  /// Under a tree or one of its nodes it is a node that moves.
  package func move(_ path: DocumentPath, from: Int, to: Int) throws(EditError) {
    if document.branch(try document.place(at: path)) != nil {
      return try moveNode(path, from: from, to: path, at: to)
    }
    let handle = try document.handle(at: path, kind: .list)
    let slot = document.slot(of: handle)
    let count = document.lists[slot].count
    for index in [from, to] where index < 0 || index >= count {
      throw EditError(
        .outOfRange, at: path, "there is no element \(index) in '\(path)', the list has \(count)")
    }
    try move(from: from, to: to, in: handle)
  }

  /// Both are numbers of elements that are there.
  func move(from: Int, to: Int, in list: ContainerHandle) throws(EditError) {
    guard from != to else { return }
    let new = document.lists[document.slot(of: list)].place(of: to < from ? to : to + 1)
    try move(from, toPlace: new, of: list)
  }

  func move(
    _ index: Int, toPlace new: Int, of handle: ContainerHandle
  ) throws(EditError) {
    let slot = document.slot(of: handle)
    let element = document.lists[slot].element(at: index)
    let old = document.lists[slot].places(of: index..<index + 1)
    try checkRoom(for: 1 + old.count)
    // The new place comes before the old ones go, so that the element always has one.
    record(handle, .insertElements(at: new, [.moved(element)]))
    remove(places: old.map { $0 < new ? $0 : $0 + 1 }, from: handle)
  }

  /// Lets an element that has several places stand at one of them: it gets a new one there.
  func settle(_ place: EventID, at path: DocumentPath) throws(EditError) {
    let target = try target(path)
    guard case .element(let index) = target.step else { return }
    let slot = document.slot(of: target.parent)
    let new = document.lists[slot].places(of: index..<index + 1).first {
      document.lists[slot].places[$0] == place
    }
    guard let new else {
      throw EditError(.nothingThere, at: path, "the element does not have that place any more")
    }
    try move(index, toPlace: new, of: target.parent)
  }

  /// Puts an element that was deleted from the list at `path` back, as number `index` or, where
  /// there are fewer, as the last, with what was done to it meanwhile. When two put it back at
  /// once, it is there once.
  ///
  /// - Parameter history: that of the document as it is.
  func putBack(
    _ element: EventID, at index: Int, ofListAt path: DocumentPath, from history: DocumentHistory
  ) throws(EditError) {
    let handle = try document.handle(at: path, kind: .list)
    let slot = document.slot(of: handle)
    let list = document.containers[handle.index].id
    guard document.lists[slot].register(of: element) == nil,
      let register = document.register(ofDeleted: element, in: list, history)
    else {
      throw EditError(.nothingThere, at: path, "the element is in '\(path)' or was never there")
    }
    try checkRoom(for: 1)
    let place = document.lists[slot].place(of: max(0, min(index, document.lists[slot].count)))
    document.lists[slot].beginMerge()
    document.lists[slot].bring(element, register)
    record(handle, .insertElements(at: place, [.moved(element)]))
    document.lists[slot].endMerge()
  }

  /// Removes elements by their positions, wherever else they have places too.
  func removeElements(_ range: Range<Int>, from handle: ContainerHandle) {
    remove(
      places: document.lists[document.slot(of: handle)].places(of: range), from: handle)
  }

  /// - Parameter places: ascending.
  func remove(places: [Int], from handle: ContainerHandle) {
    var end = places.count
    while end > 0 {
      var start = end - 1
      while start > 0, places[start - 1] + 1 == places[start] { start -= 1 }
      record(handle, .remove(at: places[start], count: end - start))
      end = start
    }
  }
}
