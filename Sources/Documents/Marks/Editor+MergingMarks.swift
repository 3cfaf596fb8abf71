import Merging

/// Characters whose mark two sides have changed to different ones.
package struct MarkCollision: Equatable, Sendable {
  /// Where the text is.
  package let path: DocumentPath
  /// In Unicode scalars of the text as it is.
  package let range: Range<Int>
  package let name: String
  /// What it is not marked with, as the other side's stays; nil took the mark away.
  package let refused: Value?
}

extension Editor {
  /// Does to the marks of texts what somebody did to them who had the document as it was before:
  /// what they changed changes here too, on the characters that are left, and what they wrote has
  /// the marks that they gave it. The texts themselves have been merged already. Where a mark was
  /// changed on both sides, that of the document stays.
  ///
  /// - Parameters:
  ///   - theirs: what they made of `base`.
  ///   - base: the same document as it was before; it and `theirs` know its containers by the names
  ///     that they have here.
  /// - Returns: where both sides had changed a mark, not alike.
  /// - Complexity: O(document), and for each text that has marks that of
  ///   ``Merging/TextDifference/splices(from:to:)``.
  package func mergeMarks(
    of theirs: Document, since base: Document
  ) throws(EditError) -> [MarkCollision] {
    var collisions: [MarkCollision] = []
    breakTypingOff()
    // What was made while they were away has another name here.
    for (text, path) in theirs.textsShown() {
      let id = theirs.containers[text.index].id
      guard document.handles[id] == nil, let marks = theirs.marks[theirs.slot(of: text)],
        case .container(let copy)? = try? document.place(at: path),
        document.kind(of: copy) == .text,
        document.string(of: copy).utf8.elementsEqual(theirs.string(of: text).utf8)
      else { continue }
      try apply(MarkChanges.between(currentMarks(of: copy), marks), to: copy)
    }
    for (text, path) in document.textsShown() {
      let id = document.containers[text.index].id
      guard let their = theirs.handles[id], theirs.kind(of: their) == .text else { continue }
      let merge = MarkMerge(
        base: base.handles[id].map { (base.string(of: $0), base.marks[base.slot(of: $0)]) },
        theirs: (theirs.string(of: their), theirs.marks[theirs.slot(of: their)]),
        now: (document.string(of: text), currentMarks(of: text)))
      guard let (changes, found) = merge?.run() else { continue }
      try apply(changes, to: text)
      collisions += found.map {
        MarkCollision(path: path, range: $0.range, name: $0.name.text, refused: $0.value)
      }
    }
    return collisions
  }
}

extension Document {
  fileprivate func string(of text: ContainerHandle) -> String { texts[slot(of: text)].string }

  /// The texts that readers see, and where. Complexity: O(document).
  fileprivate func textsShown() -> [(text: ContainerHandle, path: DocumentPath)] {
    var found: [(ContainerHandle, DocumentPath)] = []
    var open: [(ContainerHandle, DocumentPath)] = [(.root, DocumentPath())]
    while let (handle, path) = open.popLast() {
      var inner: [(Register.Content?, DocumentPath)] = []
      switch kind(of: handle) {
      case .text: found.append((handle, path))
      case .counter: break
      case .map:
        for (key, register) in maps[slot(of: handle)].sorted(by: { $0.key < $1.key }) {
          inner.append((register.winner?.content, path.appending(.key(key.text))))
        }
      case .list:
        for (index, element) in lists[slot(of: handle)].elements.enumerated() {
          inner.append((element.register.winner?.content, path.appending(.index(index))))
        }
      case .tree:
        let outline = TreeOutline(trees[slot(of: handle)])
        let places = TreeRearrangement(from: outline, at: path)
        for (node, _) in outline.nodes {
          guard let value = handles[ContainerID.element(node, .map)] else { continue }
          let place = places.path(of: node).appending(.key(Document.valueMember))
          inner.append((.container(value), place))
        }
      }
      for (content, path) in inner.reversed() {
        if case .container(let handle)? = content { open.append((handle, path)) }
      }
    }
    return found
  }
}

/// The marks of one text as they were, as somebody made them and as they are, three-way.
private struct MarkMerge {
  typealias Collision = (range: Range<Int>, name: Key, value: Value?)

  /// Each for the characters of `theirs`.
  private let base: [[MarkEntry]]
  private let theirs: [[MarkEntry]]
  /// For its own.
  private let now: [[MarkEntry]]
  /// Where each character of `theirs` is now; nil where it is gone.
  private let places: [Int?]

  /// Nil when nothing was done to the marks.
  init?(
    base: (text: String, marks: TextMarks?)?, theirs: (text: String, marks: TextMarks?),
    now: (text: String, marks: TextMarks)
  ) {
    let count = theirs.text.unicodeScalars.count
    let plain = TextMarks(count: count)
    var before = plain
    if let base, let marks = base.marks {
      var shift = 0
      before = marks.without(
        TextDifference.splices(from: base.text, to: theirs.text).map { splice in
          defer { shift += splice.inserting.unicodeScalars.count - splice.deleting }
          return TextPatch(
            position: splice.at + shift, removed: splice.deleting, inserted: splice.inserting)
        })
    }
    let marks = theirs.marks ?? plain
    guard !MarkChanges.between(before, marks, countsExpansion: false).isEmpty else { return nil }
    self.base = before.byCharacter
    self.theirs = marks.byCharacter
    self.now = now.marks.byCharacter
    var places: [Int?] = []
    var shift = 0
    for splice in TextDifference.splices(from: theirs.text, to: now.text) {
      places += (places.count..<splice.at).map { $0 + shift }
      places += repeatElement(nil, count: splice.deleting)
      shift += splice.inserting.unicodeScalars.count - splice.deleting
    }
    places += (places.count..<max(places.count, count)).map { $0 + shift }
    self.places = places
  }

  func run() -> (changes: [MarkChange], collisions: [Collision]) {
    var changes = MarkChanges(countsExpansion: false)
    var collisions: [Collision] = []
    for (index, place) in places.enumerated() {
      guard let place, index < base.count, index < theirs.count, place < now.count else { continue }
      let range = place..<place + 1
      var target = now[place]
      for name in Set((base[index] + theirs[index]).map(\.name)).sorted() {
        let (before, their) = (base[index].shown(name), theirs[index].shown(name))
        let present = now[place].shown(name)
        if before?.value == their?.value || present?.value == their?.value { continue }
        if present?.value == before?.value {
          target.removeAll { $0.name == name }
          if let their { target.append(their) }
        } else if let last = collisions.lastIndex(where: { $0.name == name }),
          collisions[last].range.upperBound == place, collisions[last].value == their?.value
        {
          collisions[last].range = collisions[last].range.lowerBound..<range.upperBound
        } else {
          collisions.append((range, name, their?.value))
        }
      }
      changes.add(range, from: now[place], to: target)
    }
    return (changes.sorted, collisions)
  }
}

extension TextMarks {
  fileprivate var byCharacter: [[MarkEntry]] {
    runs.flatMap { run in
      repeatElement(sets[run.set].map { table[$0] }, count: run.count)
    }
  }
}

extension [MarkEntry] {
  fileprivate func shown(_ name: Key) -> MarkEntry? {
    first { $0.name == name && $0.value != .null }
  }
}
