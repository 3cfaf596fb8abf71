import Causality

extension ConflictFinder {
  /// The elements that several people moved to different places, none of which knew of the other.
  func positionConflicts(of handle: ContainerHandle, _ path: DocumentPath) -> [Draft] {
    let list = document.lists[document.slot(of: handle)]
    guard list.moves.hidden.count > list.moves.orphans.count else { return [] }
    var places: [EventID: [(place: EventID, before: Int)]] = [:]
    var shown: [EventID] = []
    for place in list.places.elements(in: 0..<list.places.count)
    where !list.moves.orphans.contains(place) {
      let element = list.moves.element(at: place) ?? place
      places[element, default: []].append((place, shown.count))
      if !list.moves.hidden.contains(place) { shown.append(element) }
    }
    return shown.enumerated().compactMap { index, element in
      guard let all = places[element], all.count > 1,
        all.contains(where: { $0.before < index || $0.before > index + 1 })
      else { return nil }
      let content = list.register(of: element)?.winner.map { self.content(of: $0) }
      let sides = all.sorted { left, right in list.moves.isLower(left.place, than: right.place) }
        .compactMap { place -> Draft.Side? in
          history.version(of: place.place).map {
            // Without the element where it is shown now.
            let before = place.before - (place.before > index ? 1 : 0)
            return Draft.Side(
              version: $0, events: [place.place], content: content, index: before)
          }
        }
      return Draft(kind: .position, path: path.appending(.index(index)), sides: sides)
    }
  }
}
