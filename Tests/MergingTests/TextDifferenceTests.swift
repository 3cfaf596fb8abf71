import Merging
import TestSupport
import Testing

@Suite("The difference of two texts")
struct TextDifferenceTests {
  private func apply(_ splices: [TextDifference.Splice], to text: String) -> String {
    var scalars = Array(text.unicodeScalars)
    for splice in splices.reversed() {
      scalars.replaceSubrange(
        splice.at..<splice.at + splice.deleting, with: Array(splice.inserting.unicodeScalars))
    }
    var result = ""
    result.unicodeScalars.append(contentsOf: scalars)
    return result
  }

  private func isEqual(_ left: String, _ right: String) -> Bool {
    left.utf8.elementsEqual(right.utf8)
  }

  @Test(
    "is as small as what changed",
    arguments: [
      ("", "", 0), ("same", "same", 0), ("", "new", 1), ("old", "", 1), ("abc", "abXc", 1),
      ("one\ntwo\nthree\n", "one\n2\nthree\n", 1),
      ("one\ntwo\nthree\nfour\n", "zero\none\ntwo\nfour\nfive\n", 3),
      ("the quick brown fox", "the quack brown dog", 3),
    ])
  func small(before: String, after: String, count: Int) {
    let splices = TextDifference.splices(from: before, to: after)
    #expect(isEqual(apply(splices, to: before), after))
    #expect(splices.count <= count, "\(splices)")
  }

  @Test("keeps what both texts share when they are far apart in size")
  func keepsTheShared() {
    let lines = (0..<2_000).map { "line \($0)\n" }
    var changed = lines
    changed[17] = "changed\n"
    changed.insert("inserted\n", at: 900)
    changed.remove(at: 1_500)
    let splices = TextDifference.splices(from: lines.joined(), to: changed.joined())
    #expect(isEqual(apply(splices, to: lines.joined()), changed.joined()))
    #expect(splices.reduce(0) { $0 + $1.deleting + $1.inserting.unicodeScalars.count } < 60)
  }

  @Test("compares scalars, not what looks alike")
  func scalars() {
    let composed = "caf\u{E9}"
    let decomposed = "cafe\u{301}"
    let splices = TextDifference.splices(from: composed, to: decomposed)
    #expect(isEqual(apply(splices, to: composed), decomposed))
    #expect(!splices.isEmpty)
  }

  @Test("always leads to the other text", arguments: 0..<40)
  func random(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let alphabet: [Unicode.Scalar] = ["a", "b", "c", "\n", " ", "é", "\u{1F600}", "\r"]
    func text(_ count: Int) -> String {
      var text = ""
      for _ in 0..<count {
        text.unicodeScalars.append(alphabet[Int.random(in: 0..<alphabet.count, using: &generator)])
      }
      return text
    }
    let before = text(Int.random(in: 0...400, using: &generator))
    var scalars = Array(before.unicodeScalars)
    for _ in 0..<Int.random(in: 0...12, using: &generator) {
      let lower = Int.random(in: 0...scalars.count, using: &generator)
      let upper = min(scalars.count, lower + Int.random(in: 0...20, using: &generator))
      scalars.replaceSubrange(
        lower..<upper,
        with: Array(text(Int.random(in: 0...20, using: &generator)).unicodeScalars))
    }
    var after = ""
    after.unicodeScalars.append(contentsOf: scalars)
    let splices = TextDifference.splices(from: before, to: after)
    #expect(isEqual(apply(splices, to: before), after), "seed \(seed)")
    let far = text(600)
    #expect(isEqual(apply(TextDifference.splices(from: before, to: far), to: before), far))
  }
}
