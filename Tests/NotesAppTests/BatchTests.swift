import JSONCoding
import NotesApp
import Skerry
import Testing

@Suite("The batch form")
struct BatchTests {
  let scratch: Scratch
  let library: NoteLibrary
  let batch: Batch

  init() async throws {
    scratch = try Scratch()
    library = try await scratch.library("ada")
    batch = Batch(library)
  }

  private func answer(_ lines: String...) async -> [JSONObject] {
    await batch.answer(lines.map { Array($0.utf8) }).compactMap(\.objectValue)
  }

  @Test("lines are answered in their order, each with its id")
  func order() async throws {
    let answers = await answer(
      #"{"id":1,"cmd":"new","title":"A","body":"one"}"#,
      #"{"id":"two","cmd":"list"}"#,
      #"{"id":null,"cmd":"new","title":"B"}"#,
      #"{"id":[4],"cmd":"status"}"#)
    #expect(answers.map { $0["id"] } == [1, "two", .null, [4]])
    #expect(answers.allSatisfy { $0["ok"] == true })
    let listed = answers[1]["notes"]?.arrayValue ?? []
    #expect(listed.map { $0.objectValue?["title"] } == ["A"])
    #expect(answers[3]["status"]?.objectValue?["notes"] == 2)
    await library.replica.close()
  }

  @Test("a note can be edited, appended to, shown and deleted, by the beginning of its id")
  func edits() async throws {
    let id = try await library.perform(
      .create(title: "T", body: "one", notebook: nil, tags: []))
    let prefix = id.description.prefix(8)
    let answers = await answer(
      #"{"id":1,"cmd":"append","note":"\#(id)","text":" two"}"#,
      #"{"id":2,"cmd":"edit","note":"\#(prefix)","title":"U"}"#,
      #"{"id":3,"cmd":"show","note":"\#(prefix)"}"#,
      #"{"id":4,"cmd":"export"}"#,
      #"{"id":5,"cmd":"delete","note":"\#(prefix)"}"#,
      #"{"id":6,"cmd":"show","note":"\#(id)"}"#)
    #expect(answers.map { $0["ok"] } == [true, true, true, true, true, false])
    #expect(answers[0]["note"] == .string(id.description))
    #expect(answers[2]["body"] == "one two")
    #expect(answers[2]["note"]?.objectValue?["title"] == "U")
    #expect((answers[3]["lines"]?.arrayValue ?? []).isEmpty == false)
    await library.replica.close()
  }

  @Test(
    "a line that is wrong is answered with a sentence, and the next one is read",
    arguments: [
      "", "{", "nonsense", "[]", "7", "null", "{}", #"{"id":7}"#, #"{"id":7,"cmd":5}"#,
      #"{"id":7,"cmd":"fly"}"#, #"{"id":7,"cmd":"new"}"#, #"{"id":7,"cmd":"new","title":5}"#,
      #"{"id":7,"cmd":"new","title":"T","tags":"x"}"#,
      #"{"id":7,"cmd":"new","title":"T","tags":[1]}"#,
      #"{"id":7,"cmd":"edit","note":"ab"}"#, #"{"id":7,"cmd":"edit","title":"x"}"#,
      #"{"id":7,"cmd":"append","note":"ffffffffffffffffffffffffffffffff","text":"x"}"#,
      #"{"id":7,"cmd":"show","note":""}"#, #"{"id":7,"cmd":"show","note":"zz"}"#,
      #"{"id":7,"cmd":"sync"}"#, #"{"id":7,"cmd":"sync","addresses":[""]}"#,
      #"{"id":7,"cmd":"new","title":"\ud800"}"#,
    ])
  func wrongLines(line: String) async throws {
    let answers = await answer(line, #"{"id":8,"cmd":"list"}"#)
    #expect(answers.count == 2)
    #expect(answers[0]["ok"] == false)
    #expect(answers[0]["error"]?.stringValue?.isEmpty == false)
    if line.contains(#""id":7"#), !line.contains("ud800") { #expect(answers[0]["id"] == 7) }
    #expect(answers[1]["notes"] == [])
    await library.replica.close()
  }

  @Test("bytes that are no text, and a line too long to be read")
  func uglyLines() async throws {
    let answers = await batch.answer([[0xFF, 0xFE, 0x00], nil, Array(#"{"cmd":"list"}"#.utf8)])
    #expect(answers.map { $0.objectValue?["ok"] } == [false, false, true])
    await library.replica.close()
  }
}
