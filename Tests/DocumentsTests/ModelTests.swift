import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite struct ModelTests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
    (951_782_400_000, "2000-02-29T00:00:00.000Z"), (1_795_375_500_123, "2026-11-22T19:25:00.123Z"),
    (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
    (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
  ])
  func timesAreWrittenAndRead(milliseconds: Int64, text: String) {
    #expect(Timestamp(milliseconds: milliseconds)?.text == text)
    #expect(Timestamp(text: text)?.milliseconds == milliseconds)
  }

  @Test func everyDayOfManyYearsComesBack() {
    for day in stride(from: Int64(-719_528), through: 2_932_896, by: 97) {
      let moment = Timestamp(clampingMilliseconds: day * 86_400_000)
      #expect(Timestamp(text: moment.text) == moment)
    }
  }

  @Test func timesInOtherFormsOfTheStandardAreRead() {
    #expect(Timestamp(text: "1970-01-01t01:00:00+01:00")?.milliseconds == 0)
    #expect(Timestamp(text: "1969-12-31T18:30:00.5-05:30")?.milliseconds == 500)
    #expect(Timestamp(text: "1970-01-01T00:00:00.1239999z")?.milliseconds == 123)
  }

  @Test(arguments: [
    "", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z", "1970-02-30T00:00:00Z",
    "1900-02-29T00:00:00Z", "1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z", "1970-01-01T00:00:60Z",
    "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00Zx", "1970-00-01T00:00:00Z",
    "1970-01-00T00:00:00Z",
    "0000-01-01T00:00:00+00:01", "+970-01-01T00:00:00Z", "1970-01-01T00:00:00+24:00",
  ])
  func textThatIsNoTimeIsRefused(text: String) {
    #expect(Timestamp(text: text) == nil)
  }

  @Test func timesOutsideTheYearsOfTheStandardAreClamped() {
    #expect(Timestamp(milliseconds: .max) == nil)
    #expect(Timestamp(clampingMilliseconds: .max).text == "9999-12-31T23:59:59.999Z")
    #expect(Timestamp(clampingMilliseconds: .min).text == "0000-01-01T00:00:00.000Z")
  }

  @Test func pathsAreWrittenAndRead() throws {
    #expect(DocumentPath(text: "") == [])
    #expect(DocumentPath(text: "a/b~1c/~0/0") == ["a", "b/c", "~", "0"])
    #expect(DocumentPath(text: "/") == ["", ""])
    #expect(DocumentPath(["a/b", 3, "~"]).description == "a~1b/3/~0")
    #expect(try DocumentPath(json: ["a", 1]) == ["a", 1])
    #expect(throws: EditError(.malformed, "")) { try DocumentPath(json: [-1]) }
    #expect(throws: EditError(.malformed, "")) { try DocumentPath(json: "a") }
  }

  @Test func idsComeBackFromTheirText() {
    let id = DocumentID(high: 0x0123_4567_89AB_CDEF, low: 7)
    #expect(DocumentID(hexadecimal: id.description) == id)
    #expect(DocumentID(bytes: id.bytes) == id)
    #expect(DocumentID(hexadecimal: "12") == nil)
    #expect(DocumentID(bytes: [1, 2]) == nil)
  }

  @Test func valuesAreEqualWhenTheirBytesAre() {
    #expect(Value.string("é") != .string("e\u{301}"))
    #expect(Value.double(0) != .double(-0.0))
    #expect(Value.integer(1) != .double(1))
    #expect(Set([Value.string("é"), .string("e\u{301}"), .string("é")]).count == 2)
  }
}
