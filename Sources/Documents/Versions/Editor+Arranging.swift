import Causality

// Lists that are brought into an order that they had.
extension Editor {
  /// Lets a list show exactly these elements in this order. Those that are not there any more come
  /// back under their names, with what they hold by now.
  ///
  /// - Parameters:
  ///   - elements: each at most once, all put into this list at some time.
  ///   - isFixed: see ``ListRearrangement``.
  /// - Returns: which event, by its number in the change, has put which element elsewhere or back.
  @discardableResult
  func arrange(
    _ handle: ContainerHandle, _ elements: [EventID], in history: DocumentHistory,
    isFixed: (EventID) -> Bool = { _ in false }
  ) throws(EditError) -> [(UInt32, EventID)] {
    let slot = document.slot(of: handle)
    var moved: [(UInt32, EventID)] = []
    let steps = ListRearrangement(
      from: document.lists[slot].shownElements, to: elements, isFixed: isFixed
    ).steps
    let gone = document.registers(
      of: Set(elements.filter { document.lists[slot].register(of: $0) == nil }),
      in: document.containers[handle.index].id, history, before: history.mark)
    for step in steps {
      switch step {
      case .remove(let position, let count):
        // An element may have several places.
        let places = document.lists[slot].places(of: position..<position + count)
        try checkRoom(for: places.count)
        remove(places: places, from: handle)
      case .insert(let position, let range):
        try checkRoom(for: range.count)
        for (offset, element) in elements[range].enumerated() {
          moved.append((nextEvent.index + UInt32(clamping: offset), element))
        }
        bringBack(Array(elements[range]), gone, at: position, in: handle)
      case .move(let element, let from, let to):
        moved.append((nextEvent.index, element))
        try move(
          from, toPlace: document.lists[slot].place(of: to < from ? to : to + 1), of: handle)
      }
    }
    return moved
  }

  private func bringBack(
    _ elements: [EventID], _ registers: [EventID: Register], at position: Int,
    in handle: ContainerHandle
  ) {
    let slot = document.slot(of: handle)
    document.lists[slot].beginMerge()
    for element in elements {
      if let register = registers[element] { document.lists[slot].bring(element, register) }
    }
    record(
      handle,
      .insertElements(
        at: document.lists[slot].place(of: position), elements.map { .moved($0) }))
    document.lists[slot].endMerge()
  }

  // MARK: Counters and texts

  /// Adds to a counter, in as many steps as 64 bits need.
  func increment(_ handle: ContainerHandle, by amount: Int128) throws(EditError) {
    var rest = amount
    while rest != 0 {
      let step = Int64(clamping: rest)
      try checkRoom(for: 1)
      record(handle, .increment(by: step))
      rest -= Int128(step)
    }
  }

  func apply(_ patches: [TextPatch], to handle: ContainerHandle) throws(EditError) {
    for patch in patches {
      if patch.removed > 0 {
        try removeText(handle, at: patch.position, count: patch.removed)
      }
      if !patch.inserted.isEmpty {
        try insertText(handle, at: patch.position, patch.inserted)
      }
    }
    breakTypingOff()
  }

  /// Makes a key of a map hold a container that it held before: the same one, where its name is
  /// that of any container of its kind there, else a copy of what `origin` shows in it.
  ///
  /// - Returns: whether it is the same one.
  func put(
    back container: ContainerID, showing source: ContainerHandle, of origin: Document,
    at key: Key, of map: ContainerHandle, replacing replaced: [EventID]
  ) throws(EditError) -> Bool {
    if case .child(document.containers[map.index].id, key, let kind, nil) = container {
      try checkRoom(for: 1)
      record(map, .make(key, kind, isAnew: false, replaces: replaced))
      return true
    }
    let register = document.maps[document.slot(of: map)][key]
    try copy(
      source, of: origin,
      to: Target(parent: map, step: .key(key), register: register?.only(replaced)))
    return false
  }
}

extension Register {
  /// The register without the entries that are not named.
  func only(_ events: [EventID]) -> Register {
    Register(ascending: entries.filter { events.contains($0.event) })
  }
}
