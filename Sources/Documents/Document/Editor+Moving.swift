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
    guard from != to else { return }
    let list = document.lists[slot]
    let old = list.places(of: from..<from + 1)
    try checkRoom(for: 1 + old.count)
    let new = list.place(of: to < from ? to : to + 1)
    // The new place comes before the old ones go, so that the element always has one.
    record(handle, .insertElements(at: new, [.moved(list.element(at: from))]))
    remove(old.map { $0 < new ? $0 : $0 + 1 }, from: handle)
  }

  /// Lets an element that has several places stand at one of them: it gets a new one there.
  func settle(_ place: EventID, at path: DocumentPath) throws(EditError) {
    let target = try target(path)
    guard case .element(let index) = target.step else { return }
    let list = document.lists[document.slot(of: target.parent)]
    let old = list.places(of: index..<index + 1)
    guard let new = old.first(where: { list.places[$0] == place }) else {
      throw EditError(.nothingThere, at: path, "the element does not have that place any more")
    }
    try checkRoom(for: 1 + old.count)
    record(target.parent, .insertElements(at: new, [.moved(list.element(at: index))]))
    remove(old.map { $0 < new ? $0 : $0 + 1 }, from: target.parent)
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
