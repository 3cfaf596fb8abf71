import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import TestSupport
import Testing

/// Words in documents.
@Suite("Full-text search")
struct SearchTests {
  let folder = TemporaryFolder()
  let workspace: TestWorkspace

  init() throws {
    workspace = try TestWorkspace(1, folder: folder)
  }

  @discardableResult
  private func add(_ title: String, _ body: String = "") throws -> DocumentID {
    try workspace.edit(0) {
      let id = try $0.createNote(title)
      if !body.isEmpty { try $0.insert(body, of: id) }
      return id
    }.value
  }

  private func hits(_ words: String, limit: Int = 20) throws -> [SearchHit] {
    while try !workspace[0].project().isDone {}
    return try ProjectionReader(workspace[0].options).search(words, limit: limit).hits
  }

  private func titles(_ words: String) throws -> [String] { try hits(words).map(\.title).sorted() }

  @Test("finds words, beginnings, phrases, and leaves out")
  func words() throws {
    try add("a", "The old oak by the river")
    try add("b", "An oak, old and tall")
    try add("c", "Oakwood")
    try add("d", "Birch")
    #expect(try titles("oak") == ["a", "b"])
    #expect(try titles("OAK river") == ["a"])
    #expect(try titles("oak*") == ["a", "b", "c"])
    #expect(try titles("\"old oak\"") == ["a"])
    #expect(try titles("oak -river") == ["b"])
    #expect(try titles("\"old oa\"*") == ["a"])
    #expect(try titles("nothing") == [])
    #expect(try hits("oak", limit: 1).count == 1)
    #expect(try hits("oak", limit: 0) == [])
  }

  @Test(
    "takes whatever is typed",
    arguments: [
      "\"", "a\"b", "AND", "NOT oak", "oak AND", "(oak", "*", "oak**", "- oak", "text:oak", "{x}",
      "\"\"", "^oak", "NEAR(a b)", "'", "oak\u{0}", "\\",
    ])
  func oddities(words: String) throws {
    try add("a", "The oak AND the NOT text NEAR a b")
    do {
      _ = try hits(words)
    } catch StoreError.refused(let reason) {
      #expect(reason.contains("no word"))
    }
  }

  @Test("finds texts in lists, maps and fields, and no keys")
  func places() throws {
    try workspace.edit(0) { transaction in
      let id = transaction.create()
      let editor = try transaction.edit(id)
      try editor.set(DocumentPath("name"), to: .string("first"))
      try editor.make(DocumentPath("tags"), .list)
      try editor.splice(
        DocumentPath("tags"), at: 0, delete: 0, insert: [.string("larch"), .integer(7)])
      try editor.make(DocumentPath("meta"), .map)
      try editor.set(DocumentPath("meta", "author"), to: .string("Ada"))
      try editor.make(DocumentPath("body"), .text)
      try editor.splice(DocumentPath("body"), at: 0, delete: 0, insert: "A hornbeam")
    }
    for word in ["first", "larch", "ada", "hornbeam"] {
      #expect(try titles(word) == ["first"], "\(word)")
    }
    for word in ["author", "tags", "7"] { #expect(try titles(word) == [], "\(word)") }
  }

  @Test("does not mind case and marks on letters; finds Chinese and Japanese anywhere")
  func languages() throws {
    try add("fr", "Crème brûlée à la carte")
    try add("vi", "Tiếng Việt")
    try add("ru", "Быстрая ЁЛКА")
    try add("zh", "我住在东京都的一个小镇")
    try add("ja", "東京タワーへ行きました。oak")
    try add("ko", "서울 도서관")
    #expect(try titles("creme BRULEE") == ["fr"])
    #expect(try titles("viet") == ["vi"])
    #expect(try titles("быстрая") == ["ru"])
    #expect(try titles("ёлка") == ["ru"])
    #expect(try titles("京") == ["ja", "zh"])
    #expect(try titles("东京") == ["zh"])
    #expect(try titles("京东") == [])
    #expect(try titles("タワー") == ["ja"])
    #expect(try titles("行き oak") == ["ja"])
    #expect(try titles("도서*") == ["ko"])
    let hit = try #require(try hits("东京").first)
    #expect(hit.snippet.map(\.text).joined() == "我住在东京都的一个小镇 zh")
    #expect(hit.snippet.filter(\.isMatch).map(\.text) == ["东京"])
  }

  @Test("shows what was found, and what the document is called")
  func snippets() throws {
    let filler = String(repeating: "filler ", count: 100)
    try add("The title", filler + "the needle\nin the haystack " + filler)
    let hit = try #require(try hits("needle").first)
    #expect(hit.title == "The title")
    #expect(hit.snippet.contains(.init(text: "needle", isMatch: true)))
    let text = hit.snippet.map(\.text).joined()
    #expect(text.utf8.count < 200)
    #expect(text.contains("needle in the haystack"))
    try workspace.edit(0) { transaction in
      let id = transaction.create()
      try transaction.edit(id).set(DocumentPath("x"), to: .string("first line\nsecond needle"))
    }
    #expect(try hits("second").map(\.title) == ["first line"])
  }

  @Test("puts the best match first, and of very many those made last")
  func order() throws {
    for number in 0..<300 { try add("n\(number)", "common") }
    let best = try add("rare", "rare rare rare")
    try add("other", "once rare in a long text " + String(repeating: "common ", count: 50))
    #expect(try hits("rare").first?.id == best)
    #expect(try hits("common", limit: 3).map(\.title) == ["other", "n299", "n298"])
  }
}
