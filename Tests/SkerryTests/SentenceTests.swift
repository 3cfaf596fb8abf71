import Testing

@testable import Skerry

@Suite("Sentences")
struct SentenceTests {
  @Test(
    "begin with a capital letter, unless a place comes first, and end with one full stop",
    arguments: [
      ("the disk is full", "The disk is full."), ("Split it up.", "Split it up."),
      ("tcp 127.0.0.1:7000 says: no", "tcp 127.0.0.1:7000 says: no."),
      ("wss relay.example:443/ is gone", "wss relay.example:443/ is gone."),
      ("tcp://127.0.0.1:1: nobody is there", "tcp://127.0.0.1:1: nobody is there."),
    ])
  func ends(text: String, sentence: String) {
    #expect(Sentence.of(text) == sentence)
  }

  @Test("why a file was left out may be whole sentences")
  func leftOut() {
    let long = FolderProblem(file: "a.md", reason: "It is too large. Split it up.")
    #expect(long.description == "'a.md' was left out: It is too large. Split it up.")
    let deep = FolderProblem(file: "b", reason: "it is too deep inside")
    #expect(deep.description == "'b' was left out: it is too deep inside.")
  }
}
