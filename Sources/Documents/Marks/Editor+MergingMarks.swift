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

/// A mark that somebody changed on characters of a text for which there is no place any more, or of
/// which it cannot be told which of several alike it is.
package struct HomelessMark: Equatable, Sendable {
  /// Where the text stood for whoever marked it.
  package let path: DocumentPath
  package let characters: String
  package let name: String
  /// Nil where they took the mark away.
  package let value: Value?
}

/// What could not be done to the marks of texts as somebody else did it.
package struct MarkLeftovers: Equatable, Sendable {
  /// Where both sides had changed a mark, not alike.
  package var collisions: [MarkCollision] = []
  package var homeless: [HomelessMark] = []
}

extension Editor {
  /// Does to the marks of texts what somebody did to them who had the document as it was before:
  /// what they changed changes here too, on the characters that are left, and what they wrote has
  /// the marks that they gave it. The texts themselves have been merged already; one that is a
  /// plain string since is made a text again where it was marked. Where a mark was changed on both
  /// sides, that of the document stays.
  ///
  /// - Parameters:
  ///   - theirs: what they made of `base`.
  ///   - base: the same document as it was before; it and `theirs` know its containers by the names
  ///     that they have here.
  /// - Returns: what was not done.
  /// - Complexity: O(document), and for each text that has marks that of
  ///   ``Merging/TextDifference/splices(from:to:)``.
  package func mergeMarks(
    of theirs: Document, since base: Document
  ) throws(EditError) -> MarkLeftovers {
    var leftovers = MarkLeftovers()
    breakTypingOff()
    let named = document.textsShown()
    let known = Set(named.map { document.containers[$0.text.index].id })
    // What was made while they were away has another name here.
    var alike: AlikePlaces?
    for (text, path) in theirs.textsShown() {
      let id = theirs.containers[text.index].id
      guard !known.contains(id), let marking = Marking(of: text, in: theirs, since: base) else {
        continue
      }
      let places = alike ?? AlikePlaces(of: theirs, in: document)
      alike = places
      if let here = try self.text(for: marking.text, from: path, places) {
        try merge(marking, into: here.text, at: here.path, &leftovers)
      } else {
        leftovers.homeless += marking.homeless(at: path)
      }
    }
    for (text, path) in named {
      let id = document.containers[text.index].id
      guard let their = theirs.handles[id], theirs.kind(of: their) == .text,
        let marking = Marking(of: their, in: theirs, since: base)
      else { continue }
      try merge(marking, into: text, at: path, &leftovers)
    }
    return leftovers
  }

  private func merge(
    _ marking: Marking, into text: ContainerHandle, at path: DocumentPath,
    _ leftovers: inout MarkLeftovers
  ) throws(EditError) {
    let merge = MarkMerge(marking, now: (document.string(of: text), currentMarks(of: text)))
    let (changes, found) = merge.run()
    try apply(changes, to: text)
    leftovers.collisions += found.map {
      MarkCollision(path: path, range: $0.range, name: $0.name.text, refused: $0.value)
    }
  }

  /// The text that has here what somebody wrote under a name of its own, made where it is a string.
  private func text(
    for string: String, from path: DocumentPath, _ places: AlikePlaces
  ) throws(EditError) -> (text: ContainerHandle, path: DocumentPath)? {
    if let found = places.place(of: string, from: path) {
      if found.text == nil {
        try make(found.path, .text)
        try splice(found.path, at: 0, delete: 0, insert: string)
      }
      return document.textShown(at: found.path).map { ($0, found.path) }
    }
    // With what others have written at the same key it may be one text, which reads differently.
    let isFixed = path.steps.allSatisfy { if case .key = $0 { true } else { false } }
    guard isFixed, let text = document.textShown(at: path), !places.isTheirs(text) else {
      return nil
    }
    return (text, path)
  }
}

/// What somebody did to the marks of one text.
private struct Marking {
  /// As they have it.
  let text: String
  /// Of its characters.
  let before: TextMarks
  let after: TextMarks
  private let changes: [MarkChange]

  /// Nil when nothing was done to the marks.
  init?(of handle: ContainerHandle, in theirs: Document, since base: Document) {
    text = theirs.string(of: handle)
    let plain = TextMarks(count: text.unicodeScalars.count)
    var before = plain
    if let old = base.handles[theirs.containers[handle.index].id],
      let marks = base.marks[base.slot(of: old)]
    {
      var shift = 0
      before = marks.without(
        TextDifference.splices(from: base.string(of: old), to: text).map { splice in
          defer { shift += splice.inserting.unicodeScalars.count - splice.deleting }
          return TextPatch(
            position: splice.at + shift, removed: splice.deleting, inserted: splice.inserting)
        })
    }
    self.before = before
    after = theirs.marks[theirs.slot(of: handle)] ?? plain
    changes = MarkChanges.between(before, after, countsExpansion: false)
    if changes.isEmpty { return nil }
  }

  func homeless(at path: DocumentPath) -> [HomelessMark] {
    changes.map { change in
      let characters = text.unicodeScalars.dropFirst(change.range.lowerBound)
        .prefix(change.range.count)
      return HomelessMark(
        path: path, characters: String(characters), name: change.name.text,
        value: change.value == .null ? nil : change.value)
    }
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

  init(_ marking: Marking, now: (text: String, marks: TextMarks)) {
    base = marking.before.byCharacter
    theirs = marking.after.byCharacter
    self.now = now.marks.byCharacter
    let count = marking.text.unicodeScalars.count
    var places: [Int?] = []
    var shift = 0
    for splice in TextDifference.splices(from: marking.text, to: now.text) {
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
