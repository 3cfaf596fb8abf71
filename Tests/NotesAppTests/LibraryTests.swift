import NotesApp
import Skerry
import Synchronization
import Testing

@Suite("The library")
struct LibraryTests {
  let scratch: Scratch
  let library: NoteLibrary

  init() async throws {
    scratch = try Scratch()
    library = try await scratch.library("ada")
  }

  private func make(_ title: String, _ body: String = "") async throws -> DocumentID {
    try await library.perform(.create(title: title, body: body, notebook: nil, tags: []))
  }

  @Test("a note comes back as it was written")
  func roundTrip() async throws {
    let id = try await library.perform(
      .create(title: "Plan", body: "a\nb 🪗", notebook: "Work", tags: ["x", "a"]))
    let note = try await library.note(id)
    #expect(note.body == "a\nb 🪗")
    #expect(note.summary.title == "Plan")
    #expect(note.summary.notebook == "Work")
    #expect(note.summary.tags == ["a", "x"])
    #expect(note.summary.modified == Scratch.time)
    #expect(note.summary.preview == "a b 🪗")
    #expect(note.summary.conflicts == 0)
    await library.replica.close()
  }

  @Test("the list begins with what was changed last, and may be cut")
  func order() async throws {
    let first = try await make("First")
    _ = try await make("Second")
    try await library.perform(.append(first, "more"))
    #expect(try await library.list().map(\.title) == ["First", "Second"])
    #expect(try await library.list(limit: 1).map(\.title) == ["First"])
    await library.replica.close()
  }

  @Test("every kind of edit does what it says")
  func edits() async throws {
    let id = try await make("T", "one")
    try await library.perform(.change(id, title: "U", body: nil))
    try await library.perform(.change(id, title: nil, body: "two"))
    try await library.perform(.append(id, " three"))
    try await library.perform(.move(id, notebook: "Box"))
    try await library.perform(.tag(id, add: ["a", "b"], remove: []))
    try await library.perform(.tag(id, add: ["c"], remove: ["a", "never there"]))
    let note = try await library.note(id)
    #expect(note.summary.title == "U")
    #expect(note.body == "two three")
    #expect(note.summary.notebook == "Box")
    #expect(note.summary.tags == ["b", "c"])
    try await library.perform(.move(id, notebook: nil))
    #expect(try await library.note(id).summary.notebook == nil)
    await library.replica.close()
  }

  @Test("a deleted note is gone, cannot be edited, and comes back whole")
  func deletion() async throws {
    let id = try await make("T", "text")
    await #expect(throws: NoteError.notDeleted(id.description)) {
      try await library.perform(.restore(id))
    }
    try await library.perform(.delete(id))
    #expect(try await library.list().isEmpty)
    let missing = NoteError.noSuchNote(id.description)
    await #expect(throws: missing) { try await library.note(id) }
    await #expect(throws: missing) { try await library.perform(.append(id, "x")) }
    await #expect(throws: missing) { try await library.perform(.delete(id)) }
    try await library.perform(.restore(id))
    #expect(try await library.note(id).body == "text")
    let never = DocumentID(high: 1, low: 2)
    await #expect(throws: NoteError.noSuchNote(never.description)) {
      try await library.perform(.restore(never))
    }
    await library.replica.close()
  }

  @Test("edits that share a write fail one by one")
  func group() async throws {
    let id = try await make("T", "a")
    let never = DocumentID(high: 1, low: 2)
    let results = try await library.perform([
      .append(id, "b"), .append(never, "x"), .append(id, "c"),
    ])
    #expect(results.map { (try? $0.get()) != nil } == [true, false, true])
    #expect(try await library.note(id).body == "abc")
    await library.replica.close()
  }

  @Test("the beginning or end of an id names a note when it names one only")
  func partsOfIDs() async throws {
    let id = try await make("T")
    #expect(try await library.id(matching: String(id.description.prefix(8))) == id)
    #expect(try await library.id(matching: id.description.uppercased()) == id)
    await #expect(throws: NoteError.noSuchNote("")) { try await library.id(matching: "") }
    await #expect(throws: NoteError.noSuchNote("zz")) { try await library.id(matching: "zz") }
    // Seventeen ids: two of them end alike, and all begin alike.
    for _ in 0..<16 { _ = try await make("More") }
    let ids = try await library.list().map(\.id.description)
    for digit in ids.map({ String($0.suffix(1)) }) + ["0", String(id.description.prefix(8))] {
      let matches = ids.filter { $0.hasPrefix(digit) || $0.hasSuffix(digit) }
      guard matches.count > 1 else { continue }
      await #expect(throws: NoteError.severalNotes(digit, matches.count)) {
        try await library.id(matching: digit)
      }
    }
    await #expect(throws: NoteError.severalNotes("0000", 17)) {
      try await library.id(matching: "0000")
    }
    let names = try await library.shortNames()
    for note in try await library.list() {
      #expect(names[note.id].count < 32)
      #expect(try await library.id(matching: names[note.id]) == note.id)
    }
    await library.replica.close()
  }

  @Test("a short name is the shortest end of an id that no other has or begins with")
  func shortNames() {
    let alike = DocumentID(high: 1, low: 0x1111_2222_3333_4444)
    let twin = DocumentID(high: 2, low: 0x1111_2222_3333_4444)
    let near = DocumentID(high: 1, low: 0x1111_2222_7333_4444)
    // It begins with what the next one ends with.
    let beginning = DocumentID(high: 0xABCD_EF01_0000_0000, low: 0x5555_5555_5555_5555)
    let ending = DocumentID(high: 1, low: 0x6666_6666_ABCD_EF01)
    let names = ShortNames([alike, twin, near, beginning, ending])
    #expect(names[alike] == "1" + "1111222233334444")
    #expect(names[twin] == "2" + "1111222233334444")
    #expect(names[near] == "73334444")
    #expect(names[beginning] == "55555555")
    #expect(names[ending] == "6abcdef01")
    let never = DocumentID(high: 7, low: 7)
    #expect(names[never] == never.description)
    #expect(ShortNames([never])[never] == "00000007")
  }

  @Test("search finds every word anywhere in a note, whatever the case")
  func search() async throws {
    _ = try await library.perform(
      .create(title: "Ärger", body: "Brot und KÄSE", notebook: "Haus", tags: ["markt"]))
    _ = try await make("Other", "Brot")
    #expect(try await library.search(["brot"]).count == 2)
    #expect(try await library.search(["käse", "ärger"]).map(\.title) == ["Ärger"])
    #expect(try await library.search(["brot markt haus"]).map(\.title) == ["Ärger"])
    #expect(try await library.search(["nothing"]).isEmpty)
    await library.replica.close()
  }

  @Test("an old version of a body can be read, and nonsense is refused")
  func oldVersion() async throws {
    let id = try await make("T", "old")
    let version = try await library.replica.version()
    try await library.perform(.change(id, title: nil, body: "new"))
    #expect(try await library.body(id, at: version.text) == "old")
    await #expect(throws: NoteError.badVersion("v1:%%")) {
      try await library.body(id, at: "v1:%%")
    }
    await library.replica.close()
  }

  @Test("a text that was edited outside merges with what happened meanwhile")
  func merging() async throws {
    let id = try await make("T", "one\ntwo\nthree\n")
    try await library.perform(.change(id, title: nil, body: "zero\none\ntwo\nthree\n"))
    let merged = try await library.merge(
      id, base: "one\ntwo\nthree\n", text: "one\ntwo\nthree!\n")
    #expect(merged == "zero\none\ntwo\nthree!\n")
    #expect(try await library.note(id).body == merged)
    await library.replica.close()
  }

  @Test("an edit of a note that was deleted meanwhile brings it back with the edit")
  func mergingIntoDeleted() async throws {
    let id = try await make("T", "one")
    try await library.perform(.delete(id))
    #expect(try await library.merge(id, base: "one", text: "one two") == "one two")
    #expect(try await library.note(id).body == "one two")
    await library.replica.close()
  }

  @Test("two people who are apart edit one note; when they meet both have all of it")
  func twoReplicas() async throws {
    let code = try await library.replica.invite()
    let other = try await Replica.join(at: scratch.path("ben"), code: code, name: "ben")
    let ben = try await NoteLibrary(other, now: { Scratch.time })
    let id = try await make("Party", "Bring: bread.\nMusic: ?\n")
    #expect(await library.replica.sync(with: other).failure == nil)
    try await library.perform(.change(id, title: "Party at noon", body: nil))
    try await library.perform(.append(id, "Ada brings a boat.\n"))
    try await ben.perform(.change(id, title: "Party at eight", body: nil))
    _ = try await ben.merge(
      id, base: "Bring: bread.\nMusic: ?\n", text: "Bring: bread, olives.\nMusic: ?\n")
    try await ben.perform(.tag(id, add: ["boat"], remove: []))
    #expect(await library.replica.sync(with: other).failure == nil)
    let (one, two) = (try await library.note(id), try await ben.note(id))
    #expect(one.body == two.body)
    #expect(one.body == "Bring: bread, olives.\nMusic: ?\nAda brings a boat.\n")
    #expect(one.summary.title == two.summary.title)
    #expect(one.summary.conflicts == 1)
    #expect(two.summary.conflicts == 1)
    #expect(one.summary.tags == ["boat"])
    #expect(
      try await library.replica.info().stateDigest == other.info().stateDigest)
    await library.replica.close()
    await other.close()
  }

  @Test("notes as older builds have written them are read and edited as before")
  func olderNotes() async throws {
    let id = try await library.replica.transaction { transaction in
      let id = transaction.createDocument()
      try transaction.set("Plan", at: ["title"], of: id)
      try transaction.make(.text, at: ["body"], of: id)
      try transaction.make(.map, at: ["tags"], of: id)
      try transaction.splice(at: 0, inserting: "one two", in: ["body"], of: id)
      try transaction.set(.null, at: ["notebook"], of: id)
      try transaction.set(true, at: ["tags", "sea"], of: id)
      try transaction.set(["0123456789abcdef": 1000], at: ["modified"], of: id)
      try transaction.set(["x": 1], at: ["pinned by a later build"], of: id)
      return id
    }.value
    let note = try await library.note(id)
    #expect(note.summary.title == "Plan")
    #expect(note.body == "one two")
    #expect(note.summary.notebook == nil)
    #expect(note.summary.tags == ["sea"])
    #expect(note.summary.modified == Timestamp(milliseconds: 1000))
    try await library.perform(.tag(id, add: ["boat"], remove: ["sea"]))
    try await library.perform(.change(id, title: nil, body: "one and two"))
    let key = try await String(library.replica.identity().origin.description.prefix(16))
    let time = Scratch.time.milliseconds
    let times = JSONObject(
      uniqueMembers: [(key, time), ("0123456789abcdef", 1000)].sorted { $0.0 < $1.0 }
        .map { JSONObject.Member(key: $0.0, value: .integer($0.1)) })
    #expect(
      try await library.replica.json(id) == [
        "body": "one and two", "modified": .object(times), "notebook": .null,
        "pinned by a later build": ["x": 1], "tags": ["boat": true], "title": "Plan",
      ])
    await library.replica.close()
  }

  @Test("a document that holds odd things is shown as far as it is a note, and keeps them")
  func oddNotes() async throws {
    let id = try await library.replica.transaction { transaction in
      let id = transaction.createDocument()
      try transaction.set(5, at: ["title"], of: id)
      try transaction.set("plain", at: ["body"], of: id)
      try transaction.set("none", at: ["tags"], of: id)
      try transaction.set(["a": "yesterday"], at: ["modified"], of: id)
      return id
    }.value
    let other = try await library.replica.transaction { transaction in
      let id = transaction.createDocument()
      try transaction.set(["x"], at: ["items"], of: id)
      return id
    }.value
    let note = try await library.note(id)
    #expect(note.summary.title == "")
    #expect(note.body == "plain")
    #expect(note.summary.tags == [])
    #expect(note.summary.modified == nil)
    await #expect(throws: NoteError.notANote(other.description)) { try await library.note(other) }
    #expect(try await library.list().map(\.id) == [id])
    // A body that was no text becomes one with the first edit.
    #expect(try await library.merge(id, base: "plain", text: "plain text") == "plain text")
    #expect(try await library.replica.text(id, path: ["body"]) == "plain text")
    #expect(try await library.replica.json(id, path: ["title"]) == 5)
    #expect(try await library.replica.json(id, path: ["modified", "a"]) == "yesterday")
    await library.replica.close()
  }

  @Test("an edit of a note writes what was changed, and nothing twice")
  func fewestOperations() async throws {
    let lines = (1...400).map { "\($0 * 7_919 % 10_007) \($0 * 104_729 % 99_991)\n" }
    let body = lines.joined()
    let id = try await make("T", body)
    func bytes(of edit: NoteLibrary.Edit) async throws -> Int {
      try await library.perform(edit)
      let last = LastSize()
      try await library.replica.log(document: id, limit: 1) { line in
        last.byteCount.withLock { $0 = line.byteCount }
        return false
      }
      return last.byteCount.withLock { $0 }
    }
    #expect(try await bytes(of: .change(id, title: "U", body: body)) < 200)
    #expect(try await bytes(of: .change(id, title: nil, body: "First.\n" + body)) < 200)
    #expect(try await bytes(of: .tag(id, add: ["a"], remove: [])) < 200)
    await library.replica.close()
  }
}

private final class LastSize: Sendable {
  let byteCount = Mutex(0)
}
