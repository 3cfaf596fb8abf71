import Causality

// Elements of lists that go, or stand elsewhere.

extension Editor {
  /// Moves the element number `from` of the list at `path` so that it is number `to` afterwards.
  /// Whatever others do to it meanwhile goes with it; when two move it at once, it exists once.
  package func move(_ path: DocumentPath, from: Int, to: Int) throws(EditError) {
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

  private func move(
    _ index: Int, toPlace new: Int, of handle: ContainerHandle
  ) throws(EditError) {
    let slot = document.slot(of: handle)
    let element = document.lists[slot].element(at: index)
    let old = document.lists[slot].places(of: index..<index + 1)
    try checkRoom(for: 1 + old.count)
    // The new place comes before the old ones go, so that the element always has one.
    record(handle, .insertElements(at: new, [.moved(element)]))
    remove(old.map { $0 < new ? $0 : $0 + 1 }, from: handle)
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

  /// Removes elements by their positions, wherever else they have places too.
  func removeElements(_ range: Range<Int>, from handle: ContainerHandle) {
    remove(document.lists[document.slot(of: handle)].places(of: range), from: handle)
  }

  /// - Parameter places: ascending.
  private func remove(_ places: [Int], from handle: ContainerHandle) {
    var end = places.count
    while end > 0 {
      var start = end - 1
      while start > 0, places[start - 1] + 1 == places[start] { start -= 1 }
      record(handle, .remove(at: places[start], count: end - start))
      end = start
    }
  }
}
