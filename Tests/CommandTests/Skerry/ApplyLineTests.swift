import JSONCoding
import Skerry
import Testing

@testable import SkerryCommand

@Suite("A line of apply")
struct ApplyLineTests {
  private func parse(_ text: String) throws -> ApplyLine {
    try ApplyLine(parsing: Array(text.utf8))
  }

  private func refusal(_ text: String) -> RefusedLine? {
    do {
      _ = try parse(text)
      return nil
    } catch {
      return error as? RefusedLine
    }
  }

  @Test("names one document or makes one")
  func oneDocument() throws {
    let made = try parse(#"{"id":7,"doc":null,"ops":[{"op":"set"}],"return":true}"#)
    #expect(made.id == 7)
    #expect(made.parts.count == 1)
    #expect(made.parts[0].document == nil)
    #expect(made.parts[0].operations.count == 1)
    #expect(made.returnsValue)
    let named = try parse(#"{"doc":"000102030405060708090A0B0C0D0E0F","ops":[]}"#)
    #expect(named.parts[0].document?.description == "000102030405060708090a0b0c0d0e0f")
    #expect(named.id == .null)
    #expect(!named.returnsValue)
  }

  @Test("may touch several documents")
  func severalDocuments() throws {
    let line = try parse(#"{"id":{"a":[1]},"docs":[{"doc":null,"ops":[]},{"doc":null,"ops":[]}]}"#)
    #expect(line.isMany)
    #expect(line.parts.count == 2)
    #expect(line.id == ["a": [1]])
  }

  @Test(
    "is refused with a reason and its own id when it is malformed",
    arguments: [
      (#"{"id":1,"doc":null}"#, "'ops'"),
      (#"{"id":1,"ops":[]}"#, "'doc' is missing"),
      (#"{"id":1,"doc":"xyz","ops":[]}"#, "hexadecimal"),
      (#"{"id":1,"doc":3,"ops":[]}"#, "'doc' must be"),
      (#"{"id":1,"doc":null,"ops":{}}"#, "'ops' must be"),
      (#"{"id":1,"doc":null,"ops":[],"docs":[]}"#, "not both"),
      (#"{"id":1,"docs":{}}"#, "'docs' must be"),
      (#"{"id":1,"docs":[3]}"#, "'docs' must be"),
      (#"{"id":1,"doc":null,"ops":[],"retrun":true}"#, "'retrun' is not a field"),
      (#"{"id":1,"doc":null,"ops":[],"return":"yes"}"#, "'return' must be"),
    ])
  func malformed(text: String, reason: String) throws {
    let refused = try #require(refusal(text))
    #expect(refused.id == 1)
    #expect(refused.reason.contains(reason), "\(refused.reason)")
    #expect(refused.answer["ok"] == false)
  }

  @Test(
    "is refused without an id when it is no JSON object", arguments: ["", "{", "[]", "3", "{]"])
  func noObject(text: String) throws {
    let refused = try #require(refusal(text))
    #expect(refused.id == .null)
    #expect(refused.answer["id"] == .null)
  }
}
