import NotesApp
import TerminalKit
import TestSupport
import Testing

@Suite("Merging a text three ways")
struct TextMergeTests {
  @Test(
    "what both sides did is in the result",
    arguments: [
      // base, mine, theirs, merged
      ("", "", "", ""),
      ("abc", "abc", "abc", "abc"),
      ("abc", "abXc", "abc", "abXc"),
      ("abc", "abc", "aYbc", "aYbc"),
      ("abc", "abXc", "aYbc", "aYbXc"),
      ("one\ntwo\n", "one\ntwo!\n", "zero\none\ntwo\n", "zero\none\ntwo!\n"),
      // Deleted by one, edited by the other: what was inserted stays.
      ("hello world", "hello ", "hello big world", "hello big "),
      ("hello world", "hello ", "hello wonderful world", "hello wonderful "),
      ("a\nb\nc\n", "a\nc\n", "a\nb\nb2\nc\n", "a\nb2\nc\n"),
      ("abcdef", "af", "abcXdef", "aXf"),
      ("abcdef", "abcXdef", "af", "aXf"),
      // Both deleted, one more than the other.
      ("abcdef", "aef", "abf", "af"),
      // Both at one place: theirs comes first.
      ("ab", "aXb", "aYb", "aYXb"),
      ("", "mine", "theirs", "theirsmine"),
      ("é🪗", "é!🪗", "🪗", "!🪗"),
    ])
  func bothSidesStay(base: String, mine: String, theirs: String, merged: String) {
    #expect(TextMerge.merged(base: base, mine: mine, theirs: theirs) == merged)
  }

  @Test("nothing that somebody inserted is lost, whatever the edits", arguments: 0..<200 as Range)
  func insertionsSurvive(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    let base = Self.text(&generator, of: Array("abcdefgh\n"), count: 0...60)
    let mine = Self.edited(base, inserting: Array("MNOP"), &generator)
    let theirs = Self.edited(base, inserting: Array("TUVW"), &generator)
    let merged = TextMerge.merged(base: base, mine: mine, theirs: theirs)
    let report: Comment = "seed \(seed): \(base.debugDescription), \(mine.debugDescription)"
    #expect(merged.filter { "MNOP".contains($0) } == mine.filter { "MNOP".contains($0) }, report)
    #expect(
      merged.filter { "TUVW".contains($0) } == theirs.filter { "TUVW".contains($0) }, report)
    #expect(TextMerge.merged(base: base, mine: base, theirs: theirs) == theirs, report)
    #expect(TextMerge.merged(base: base, mine: mine, theirs: base) == mine, report)
  }

  @Test("splices ascend and stay inside the text", arguments: 0..<100 as Range)
  func splicesFit(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed) + 1_000)
    let base = Self.text(&generator, of: Array("ab\n"), count: 0...40)
    let mine = Self.edited(base, inserting: Array("xy"), &generator)
    let theirs = Self.edited(base, inserting: Array("xz"), &generator)
    var end = 0
    for splice in TextMerge.splices(base: base, mine: mine, theirs: theirs) {
      #expect(splice.offset >= end, "seed \(seed)")
      end = splice.offset + splice.deleted
      #expect(end <= theirs.unicodeScalars.count, "seed \(seed)")
    }
  }

  private static func text(
    _ generator: inout SeededGenerator, of letters: [Character], count: ClosedRange<Int>
  ) -> String {
    String(
      (0..<Int.random(in: count, using: &generator)).compactMap { _ in
        letters.randomElement(using: &generator)
      })
  }

  private static func edited(
    _ base: String, inserting letters: [Character], _ generator: inout SeededGenerator
  ) -> String {
    var text = Array(base)
    for _ in 0..<Int.random(in: 0...4, using: &generator) {
      let start = Int.random(in: 0...text.count, using: &generator)
      let end = min(text.count, start + Int.random(in: 0...8, using: &generator))
      text.replaceSubrange(start..<end, with: self.text(&generator, of: letters, count: 0...3))
    }
    return String(text)
  }
}
