import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// What people get who did two things at once that can both stand, or that meet more than once.
@Suite("The catalogue of what merges")
struct MergedCasesTests {
  @Test("two who make the same child at once have one, with what both have put into it")
  func sameChild() throws {
    var (left, right) = try apart { try $0.set(["k"], to: 0) }
    try left.edit { editor in
      try editor.set(["map"], to: ["a": 1])
      try editor.set(["list"], to: ["of Ada"])
      try editor.make(["body"], .text)
      try editor.splice(["body"], at: 0, delete: 0, insert: "Ada")
      try editor.increment(["count"], by: 2)
    }
    try right.edit { editor in
      try editor.set(["map"], to: ["b": 2])
      try editor.set(["list"], to: ["of Ben"])
      try editor.make(["body"], .text)
      try editor.splice(["body"], at: 0, delete: 0, insert: "Ben")
      try editor.increment(["count"], by: 3)
    }
    try meet(&left, &right)
    #expect(
      left.json
        == #"{"body":"AdaBen","count":5,"k":0,"list":["of Ada","of Ben"],"map":{"a":1,"b":2}}"#)
    #expect(try left.conflicts().isEmpty)
  }

  @Test("a note renamed by one and written in by another has both")
  func renameAgainstEdit() throws {
    var (left, right) = try apart { editor in
      try editor.set(["title"], to: "Tides")
      try editor.make(["body"], .text)
      try editor.splice(["body"], at: 0, delete: 0, insert: "low")
    }
    try left.edit { try $0.set(["title"], to: "Tide tables") }
    try right.edit { try $0.splice(["body"], at: 3, delete: 0, insert: " at noon") }
    try meet(&left, &right)
    #expect(left.json == #"{"body":"low at noon","title":"Tide tables"}"#)
    #expect(try left.conflicts().isEmpty)
  }

  @Test("a key renamed by one and written in by another: what was written is listed at the old key")
  func renamedKeyAgainstEdit() throws {
    var (left, right) = try apart { try $0.set(["old"], to: ["n": 1, "m": 1]) }
    try left.edit { editor in
      try editor.set(["new"], to: ["n": 1, "m": 1])
      try editor.delete(["old"])
    }
    try right.edit { try $0.set(["old", "n"], to: 2) }
    try meet(&left, &right)
    #expect(left.json == #"{"new":{"m":1,"n":1}}"#)
    let conflict = try #require(try left.conflicts().first)
    #expect(try left.conflicts().count == 1)
    #expect(conflict.kind == .removal)
    #expect(conflict.path == ["old"])
    #expect(conflict.base == ["m": 1, "n": 1])
    #expect(conflict.sides.map(\.value) == [["m": 1, "n": 2], nil])
  }

  /// Each takes what the other did first, and goes on without what the other does then: of two
  /// versions there are two latest common ones, and none of them is the base.
  @Test("in a criss-cross history the base of each conflict is what both sides had seen")
  func crissCross() throws {
    var (left, right) = try apart { editor in
      try editor.make(["body"], .text)
      try editor.splice(["body"], at: 0, delete: 0, insert: "a quite sea")
      try editor.set(["n"], to: 0)
    }
    try left.edit { try $0.splice(["body"], at: 0, delete: 1, insert: "the") }
    try right.edit { try $0.set(["n"], to: 1) }
    let (first, second) = (left.log, right.log)
    try left.receive(second.filter { !left.vector.contains($0.change) })
    try right.receive(first.filter { !right.vector.contains($0.change) })
    try left.edit { editor in
      try editor.splice(["body"], at: 4, delete: 5, insert: "quiet")
      try editor.set(["n"], to: 2)
    }
    try right.edit { editor in
      try editor.splice(["body"], at: 4, delete: 5, insert: "calm")
      try editor.set(["n"], to: 3)
    }
    try meet(&left, &right)
    let found = try left.conflicts()
    #expect(found.map(\.kind) == [.value, .text] || found.map(\.kind) == [.text, .value])
    let value = try #require(found.first { $0.kind == .value })
    #expect(value.base == 1)
    #expect(Set(value.sides.map(\.value)) == [2, 3])
    let text = try #require(found.first { $0.kind == .text })
    #expect(text.base == "quite")
    #expect(Set(text.sides.map(\.value)) == ["quiet", "calm"])
    #expect(try left.document.text(at: ["body"]).hasPrefix("the "))
    for conflict in [value, text] {
      let now = try #require(try left.conflicts().first { $0.id == conflict.id })
      try left.resolve(now, taking: .base)
    }
    #expect(left.json == #"{"body":"the quite sea","n":1}"#)
    try meet(&left, &right)
    #expect(try right.conflicts().isEmpty)
  }
}
