import ByteCompression
import Causality
import ChangeCoding
import DocumentModel
package import Documents
import JSONCoding

/// One small random history of a text and a list: a few people write at once and meet now and then.
/// Everywhere and always the document has to be what the ``Model``, which replays nothing, makes of
/// the same changes.
///
/// A history is small so that there can be millions of them: whoever wants to know more of one runs
/// its seed again.
package struct TextHistory {
  private struct Person {
    let origin: Origin
    var document: Document
    /// What the person has, in the order in which it came.
    var changes: [Change] = []
    var seen = VersionVector()
    var lamport: UInt64 = 0
  }

  private struct Moment {
    var version: VersionVector
    var text: String
    var state: JSONValue
  }

  private struct Failure: Error {
    var sentence: String
  }

  private static let id = DocumentID(high: 0x7E, low: 0x47)
  private static let text: DocumentPath = ["text"]
  private static let list: DocumentPath = ["list"]
  private static let words = [
    "a", "b", "sea ", "é", "e\u{301}", "\r\n", "\u{0}", "👩‍👩‍👧", "🇫🇮", "tide tables",
  ]

  private var random: RandomStream
  private var people: [Person]
  private var moments: [Moment] = []
  private var model = Model()

  private init(seed: UInt64) {
    random = RandomStream(seed: seed, "text history")
    let count = random.integer(in: 2...4)
    people = (0..<count).map {
      Person(origin: Origin(high: 0, low: UInt64($0 + 1)), document: Document(id: Self.id))
    }
  }

  /// What is wrong with the history of a seed; nil: nothing.
  ///
  /// - Parameter tamper: what becomes of the changes that a replica takes over, to see that the
  ///   check can fail.
  package static func failure(
    seed: UInt64, tamper: (IncomingEdit) -> IncomingEdit = { $0 }
  ) -> String? {
    var history = TextHistory(seed: seed)
    do {
      try history.run(tamper)
      return nil
    } catch let failure as Failure {
      return failure.sentence
    } catch {
      return "\(error)"
    }
  }

  private mutating func run(_ tamper: (IncomingEdit) -> IncomingEdit) throws {
    try edit(0) { editor, _ in
      try editor.make(Self.text, .text)
      try editor.make(Self.list, .list)
    }
    for index in 1..<people.count { try give(people[0].changes[...], to: index, tamper) }
    for _ in 0..<random.integer(in: 6...36) {
      let index = random.integer(in: 0...people.count - 1)
      switch random.integer(in: 0...9) {
      case 0...1:
        let missing = missing(at: index, from: random.integer(in: 0...people.count - 1))
        try give(missing.prefix(random.integer(in: 0...missing.count)), to: index, tamper)
        try check(index)
      case 2: try reopen(index)
      default: try edit(index, Self.write)
      }
    }
    try finish(tamper)
  }

  // MARK: What people do

  private mutating func edit(
    _ index: Int, _ body: (Editor, inout RandomStream) throws -> Void
  ) throws {
    let person = people[index]
    let id = ChangeID(origin: person.origin, sequence: person.seen[person.origin] + 1)
    let editor = person.document.beginEdit(id, lamport: person.lamport + 1)
    try body(editor, &random)
    guard let edit = try editor.finish() else { return }
    take(
      Change(id: id, lamport: person.lamport + 1, time: .epoch, edits: [edit]), index, isNew: true)
    let document = people[index].document
    moments.append(
      Moment(
        version: people[index].seen, text: try document.text(at: Self.text),
        state: document.canonicalJSON()))
  }

  private static func write(_ editor: Editor, _ random: inout RandomStream) throws {
    for _ in 0..<random.integer(in: 1...2) {
      let path = random.chance(millionths: 700_000) ? Self.text : Self.list
      let length = try editor.document.count(at: path)
      let at = random.integer(in: 0...length)
      let removed = random.chance(millionths: 350_000) ? random.integer(in: 0...length - at) : 0
      if path == Self.text {
        let word = random.element(of: Self.words) ?? ""
        try editor.splice(path, at: at, delete: min(removed, 6), insert: word)
      } else if length > 0, random.chance(millionths: 200_000) {
        try editor.move(
          path, from: random.integer(in: 0...length - 1), to: random.integer(in: 0...length - 1))
      } else {
        let value = Int64(random.integer(in: 0...99))
        try editor.splice(path, at: at, delete: min(removed, 3), insert: [.integer(value)])
      }
    }
  }

  private mutating func take(_ change: Change, _ index: Int, isNew: Bool) {
    people[index].changes.append(change)
    people[index].seen.advance(to: change.id)
    people[index].lamport = max(people[index].lamport, change.lamport)
    if isNew { model.add(change) }
  }

  private func missing(at index: Int, from other: Int) -> ArraySlice<Change> {
    people[other].changes.filter { !people[index].seen.contains($0.id) }[...]
  }

  /// Changes arrive, some at once, some one by one.
  private mutating func give(
    _ changes: ArraySlice<Change>, to index: Int, _ tamper: (IncomingEdit) -> IncomingEdit
  ) throws {
    var rest = changes
    while !rest.isEmpty {
      let batch = rest.prefix(random.integer(in: 1...rest.count))
      rest = rest.dropFirst(batch.count)
      let known = people[index].changes
      _ = try people[index].document.merge(batch.flatMap(Self.edits).map(tamper)) {
        try Self.history(of: known)
      }
      for change in batch { take(change, index, isNew: false) }
    }
  }

  private mutating func reopen(_ index: Int) throws {
    people[index].document = try Document(
      id: Self.id, state: people[index].document.encodeState())
  }

  private static func edits(_ change: Change) -> [IncomingEdit] {
    change.edits.map {
      IncomingEdit(change: change.id, lamport: change.lamport, time: change.time, edit: $0)
    }
  }

  private static func history(of changes: [Change]) throws -> DocumentHistory {
    var history = DocumentHistory(document: id)
    try history.append(contentsOf: changes.flatMap(edits))
    return history
  }

  // MARK: What has to hold

  private func check(_ index: Int) throws {
    let person = people[index]
    if let difference = model.difference(from: person.document, seeing: person.seen) {
      throw Failure(sentence: "person \(index) with \(person.seen): \(difference)")
    }
  }

  /// All have everything in the end, and any of them can look back.
  private mutating func finish(_ tamper: (IncomingEdit) -> IncomingEdit) throws {
    for index in people.indices {
      for other in people.indices where other != index {
        try give(missing(at: index, from: other), to: index, tamper)
      }
      try check(index)
    }
    let first = people[0]
    let state = first.document.encodeState()
    for person in people where person.document.encodeState() != state {
      throw Failure(sentence: "people with the same changes have other bytes")
    }
    let history = try Self.history(of: first.changes)
    // Whoever keeps the history knows the second time what was deleted.
    let keeper = first.document.copy()
    keeper.keep(history)
    for _ in 0..<3 {
      guard let moment = random.element(of: moments) else { break }
      let text = try first.document.text(at: Self.text, version: moment.version, in: history)
      guard text == moment.text else {
        throw Failure(sentence: "at \(moment.version) the text was '\(moment.text)', not '\(text)'")
      }
      let past = try keeper.document(at: moment.version, of: history)
      guard past.canonicalJSON() == moment.state else {
        throw Failure(sentence: "at \(moment.version) the document was another one")
      }
    }
    var packed = DocumentHistory(document: Self.id)
    let edits = first.changes.flatMap(Self.edits)
    try HistoryChunk.append(HistoryChunk.encode(edits, of: Self.id, .thorough), to: &packed)
    guard try Document(history: packed).encodeState() == state else {
      throw Failure(sentence: "the packed history leads to another document")
    }
  }
}
