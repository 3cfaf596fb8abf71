import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Sealing
import TestSupport
import Testing

/// What queries read, against the documents that it is derived from.
@Suite("Projection")
struct ProjectionTests {
  let folder = TemporaryFolder()
  let workspace: TestWorkspace

  init() throws {
    workspace = try TestWorkspace(2, folder: folder)
  }

  private func reader() throws -> ProjectionReader { try ProjectionReader(workspace[0].options) }

  /// Every row of `documents`, by id.
  private func rows(_ reader: ProjectionReader) throws -> [String: String] {
    var found: [String: String] = [:]
    _ = try reader.query("SELECT id, json FROM documents") { _, values in
      if case .text(let id) = values[0], case .text(let json) = values[1] { found[id] = json }
      return true
    }
    return found
  }

  private func shown(_ store: ReplicaStore) throws -> [String: String] {
    var found: [String: String] = [:]
    for item in try store.documents() {
      found[item.id.description] = try #require(try store.document(item.id)).json().text()
    }
    return found
  }

  private func projectAll(_ store: ReplicaStore, step: Int = 2_000) throws {
    while try !store.project(documentsMax: step).isDone {}
  }

  private func ids(_ words: String) throws -> [DocumentID] {
    try reader().search(words, limit: 100).hits.map(\.id)
  }

  @Test("is not there, and costs no table, before somebody asks")
  func lazy() throws {
    try workspace.edit(0) { try $0.createNote("a") }
    #expect(try !workspace[0].hasProjection())
    #expect(try reader().position() == nil)
    #expect(throws: StoreError.self) { try rows(reader()) }
    try projectAll(workspace[0])
    #expect(try workspace[0].hasProjection())
    #expect(try rows(reader()) == shown(workspace[0]))
  }

  @Test("follows edits, deletions and changes of others, at a stated position")
  func follows() throws {
    var notes: [DocumentID] = []
    for number in 0..<8 {
      notes.append(try workspace.edit(0) { try $0.createNote("note \(number)") }.value)
    }
    try projectAll(workspace[0])
    let reader = try reader()
    #expect(try reader.position() == ProjectionPosition(position: 8, isExact: true))
    try workspace.edit(0) { try $0.insert("oak and birch", of: notes[3]) }
    try workspace.edit(0) { try $0.edit(notes[4]).deleteDocument() }
    // Behind, and it says so.
    #expect(try reader.position()?.position == 8)
    #expect(try workspace[0].isProjectionBehind())
    let step = try workspace[0].project()
    #expect(step.projected == 2)
    #expect(try reader.position() == ProjectionPosition(position: 10, isExact: true))
    #expect(try rows(reader) == shown(workspace[0]))
    #expect(try ids("birch") == [notes[3]])
    // Nothing changed: nothing is done.
    #expect(try workspace[0].project().projected == 0)

    try workspace.level()
    try workspace.edit(1) { try $0.edit(notes[3]).set(DocumentPath("title"), to: "maple") }
    try workspace.edit(1) { try $0.createNote("elsewhere") }
    try workspace.level()
    try projectAll(workspace[0])
    #expect(try rows(reader) == shown(workspace[0]))
    #expect(try ids("maple") == [notes[3]])
    #expect(try workspace[0].check() == [])
  }

  @Test("is the same whatever the sizes of its steps, and where it was cut off between them")
  func steps() throws {
    for number in 0..<20 {
      try workspace.edit(0) { try $0.createNote("note \(number)") }
    }
    let first = try workspace[0].project(documentsMax: 3)
    #expect(!first.isDone && first.projected == 3 && first.remaining == 17)
    #expect(!first.reached.isExact)
    // Another process goes on.
    let other = try ReplicaStore.open(workspace[0].options)
    var projected = 0
    while true {
      let step = try other.project(documentsMax: 4)
      projected += step.projected
      if step.isDone { break }
    }
    other.close()
    #expect(try rows(reader()) == shown(workspace[0]))
    #expect(try reader().position() == ProjectionPosition(position: 20, isExact: true))
    _ = try workspace[0].refresh()
    #expect(try workspace[0].project().isDone)
  }

  @Test("writes the words of a step at once, not a document at a time")
  func wordsAtOnce() throws {
    func segments() throws -> Int64? {
      let raw = try SQLiteConnection(workspace[0].options)
      defer { raw.close() }
      return try raw.queryInteger("SELECT count(DISTINCT segid) FROM projection_words_idx")
    }
    try workspace[0].declare(DeclaredIndex(name: "title", path: ["title"]))
    let ids = try (0..<50).map { number in
      try workspace.edit(0) { try $0.createNote("word\(number)") }.value
    }
    try projectAll(workspace[0])
    #expect(try segments() == 1)
    for id in ids { try workspace.edit(0) { try $0.insert("other", of: id) } }
    try workspace.edit(0) { try $0.edit(ids[7]).deleteDocument() }
    try projectAll(workspace[0])
    #expect(try segments() == 2)
    #expect(try rows(reader()) == shown(workspace[0]))
    #expect(try self.ids("other").count == 49)
  }

  @Test("survives a fold of what it has not seen, and a restart")
  func folds() throws {
    let id = try workspace.edit(0) { try $0.createNote("long") }.value
    try projectAll(workspace[0])
    for number in 0..<40 {
      try workspace.edit(0) {
        try $0.insert(String(repeating: "word\(number) ", count: 40), of: id)
      }
    }
    let options = workspace[0].options
    workspace[0].close()
    let again = try ReplicaStore.open(options)
    #expect(try again.project().projected == 1)
    #expect(try rows(reader()) == shown(again))
    #expect(try ids("word39") == [id])
    workspace.replace(0, with: again)
  }

  @Test("is dropped and made anew, with its indexes")
  func drops() throws {
    for number in 0..<5 { try workspace.edit(0) { try $0.createNote("note \(number)") } }
    try workspace[0].declare(DeclaredIndex(name: "title", path: [.key("title")]))
    try projectAll(workspace[0])
    #expect(try workspace[0].dropProjection())
    #expect(try !workspace[0].dropProjection())
    #expect(try reader().position() == nil)
    try projectAll(workspace[0])
    #expect(try rows(reader()) == shown(workspace[0]))
    #expect(try plan("SELECT id FROM documents WHERE title = 'note 3'").contains("declared_title"))
  }

  @Test("is checked against the documents, and made anew where it is wrong")
  func checks() throws {
    for number in 0..<5 { try workspace.edit(0) { try $0.createNote("note \(number)") } }
    try projectAll(workspace[0])
    #expect(try workspace[0].check() == [])
    let raw = try SQLiteConnection(workspace[0].options)
    for damage in [
      "UPDATE projection SET json = '{}' WHERE id = 3", "DELETE FROM projection WHERE id = 2",
      "INSERT INTO projection VALUES (99, 1, '{}')",
      // Bytes that are no text.
      "UPDATE projection SET json = CAST(x'7bff7d' AS TEXT) WHERE id = 4",
    ] {
      try raw.execute(damage)
      let findings = try workspace[0].check()
      #expect(findings.count == 1 && findings.first?.contains("--repair") == true, "\(damage)")
      try workspace[0].dropProjection()
      try projectAll(workspace[0])
      #expect(try workspace[0].check() == [])
    }
    raw.close()
  }

  @Test("is made anew where changes were given new names")
  func renamed() throws {
    let id = try workspace.edit(0) { try $0.createNote("a") }.value
    try workspace.level()
    try workspace.edit(0) { try $0.edit(id).set(DocumentPath("title"), to: "private") }
    try projectAll(workspace[0])
    _ = try workspace[0].claimOrigin(entropy: workspace.entropy)
    _ = try workspace[0].seal(entropy: workspace.entropy)
    #expect(try workspace[0].renamedChanges().count == 1)
    try projectAll(workspace[0])
    #expect(try rows(reader()) == shown(workspace[0]))
    #expect(try ids("private") == [id])
  }

  private func plan(_ statement: String) throws -> String {
    var plan = ""
    _ = try reader().query("EXPLAIN QUERY PLAN " + statement) { _, values in
      plan += "\(values)"
      return true
    }
    return plan
  }

  @Test("declared indexes are used, named once, and can go")
  func indexes() throws {
    for number in 0..<5 { try workspace.edit(0) { try $0.createNote("note \(number)") } }
    try projectAll(workspace[0])
    let reader = try reader()
    let index = try DeclaredIndex(name: "title", path: [.key("title")])
    try workspace[0].declare(index)
    #expect(try plan("SELECT id FROM documents WHERE title = 'note 3'").contains("declared_title"))
    // A reader that was open before sees the column.
    var found = 0
    _ = try reader.query(
      "SELECT id FROM documents WHERE title = ?", [.text("note 3")]
    ) { _, _ in
      found += 1
      return true
    }
    #expect(found == 1)
    #expect(throws: StoreError.self) { try workspace[0].declare(index) }
    for name in ["", "1a", "a b", "json", "a\"b", "ä"] {
      #expect(throws: StoreError.self) { try DeclaredIndex(name: name, path: [.key("title")]) }
    }
    let odd = try DeclaredIndex(name: "odd", path: [.key("it's"), .index(0)])
    try workspace[0].declare(odd)
    #expect(try workspace[0].declaredIndexes() == [odd, index])
    try workspace[0].removeIndex("title")
    #expect(throws: StoreError.self) { try workspace[0].removeIndex("title") }
    #expect(throws: StoreError.self) {
      try reader.query("SELECT title FROM documents") { _, _ in true }
    }
  }

  @Test("random edits, folds, syncs and steps leave it equal to the documents", arguments: 1...6)
  func property(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var ids: [DocumentID] = []
    for _ in 0..<120 {
      let index = Int.random(in: 0..<2, using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0, 1: ids.append(try workspace.edit(index) { try $0.createNote("title") }.value)
      case 2: try workspace.level()
      case 3: _ = try workspace[0].project(documentsMax: Int.random(in: 1...4, using: &random))
      case 4:
        guard let id = ids.randomElement(using: &random) else { continue }
        guard try workspace[index].document(id)?.isDeleted == false else { continue }
        try workspace.edit(index) { try $0.edit(id).deleteDocument() }
      default:
        guard let id = ids.randomElement(using: &random) else { continue }
        guard try workspace[index].document(id)?.isDeleted == false else { continue }
        let word = ["oak ", "birch ", "日本語 ", "O'Neil \"x\" ", "crème\n"].randomElement(
          using: &random)
        try workspace.edit(index) { try $0.insert(word ?? "", of: id) }
      }
    }
    try projectAll(workspace[0])
    let reader = try reader()
    #expect(try rows(reader) == shown(workspace[0]), "seed \(seed)")
    #expect(try reader.position()?.position == workspace[0].position)
    for word in ["oak", "birch", "本", "neil", "creme"] {
      let expected = try workspace[0].documents().filter { item in
        let text = try #require(try workspace[0].document(item.id)).text(at: DocumentPath("body"))
        let plain = word == "creme" ? "crème" : word == "neil" ? "O'Neil" : word
        return text.contains(plain)
      }.map(\.id)
      let found = try reader.search(word, limit: 1_000).hits.map(\.id).sorted()
      #expect(found == expected, "seed \(seed), \(word)")
    }
  }
}
