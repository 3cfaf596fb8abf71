import DocumentModel
import Documents
import JSONCoding
import Testing

@Suite("Where two documents differ first")
struct DifferenceTests {
  private func path(_ expected: JSONValue?, _ found: JSONValue?) -> String? {
    Difference.first(in: DocumentID(high: 0, low: 1), expected: expected, found: found)
      .map { "\($0.path)" }
  }

  @Test("the same is the same")
  func same() {
    let json: JSONValue = ["a": [1, ["b": "é"], nil], "c": .double(0.5)]
    #expect(path(json, json) == nil)
    #expect(path(nil, nil) == nil)
  }

  @Test("the path leads to what differs")
  func paths() {
    #expect(path(["a": [1, 2]], ["a": [1, 3]]) == "a/1")
    #expect(path(["a": [1, 2]], ["a": [1]]) == "a/1")
    #expect(path(["a": 1], ["a": 1, "b": 2]) == "b")
    #expect(path(["a": 1, "b": 2], ["b": 2]) == "a")
    #expect(path(["a": 1, "b": 2], ["b": 2, "a": 1]) == "a")
    #expect(path(["a": [:]], ["a": []]) == "a")
    #expect(path([:], nil) == "")
  }

  @Test("spelling and sign count")
  func bytes() {
    #expect(path(["a": "é"], ["a": "e\u{301}"]) == "a")
    #expect(path(["é": 1], ["e\u{301}": 1]) == "é")
    #expect(path(["é": 1, "e\u{301}": 2], ["é": 1, "e\u{301}": 3]) == "e\u{301}")
    #expect(path(.double(0), .double(-0.0)) == "")
    #expect(path(.integer(1), .double(1)) == "")
  }

  @Test("a difference says where, what was expected and what was found")
  func description() {
    let document = DocumentID(high: 0, low: 1)
    let difference = Difference.first(in: document, expected: ["a": 1], found: ["b": 1])
    #expect(difference?.description == "document \(document) at 'a': expected 1, found nothing")
  }
}
