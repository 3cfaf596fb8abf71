import Foundation
import Merging
import TestSupport
import Testing

/// The same merges by `git merge-file` and `diff3`. Both must be there: they are part of Debian's
/// `git` and `diffutils`, and of every Mac with developer tools.
@Suite("Held against git merge-file and diff3")
struct AgainstGitTests {
  struct Texts {
    var base: String
    var ours: String
    var theirs: String
  }

  /// What each tool made of a case; nil where it found a conflict.
  struct Outcome {
    var git: String?
    var diff3: String?
  }

  struct ToolsMissing: Error, CustomStringConvertible {
    var description: String
  }

  /// One shell does all cases.
  private static func outcomes(of cases: [Texts]) throws -> [Outcome] {
    let folder = TemporaryFolder()
    for (index, texts) in cases.enumerated() {
      for (name, text) in [("base", texts.base), ("ours", texts.ours), ("theirs", texts.theirs)] {
        folder.write(Array(text.utf8), to: "\(index).\(name)")
      }
    }
    let script = """
      cd "$1" || exit 9
      command -v git >/dev/null && command -v diff3 >/dev/null || exit 7
      i=0
      while [ $i -lt "$2" ]; do
        git merge-file -p -q $i.ours $i.base $i.theirs > $i.git 2>/dev/null && : > $i.git.clean
        diff3 -m -E $i.ours $i.base $i.theirs > $i.diff3 2>/dev/null && : > $i.diff3.clean
        i=$((i + 1))
      done
      """
    let shell = Process()
    shell.executableURL = URL(filePath: "/bin/sh")
    shell.arguments = ["-c", script, "sh", folder.path, "\(cases.count)"]
    try shell.run()
    shell.waitUntilExit()
    guard shell.terminationStatus == 0 else {
      throw ToolsMissing(
        description: "git and diff3 are needed to compare with: apt-get install git diffutils")
    }
    let files = Set(folder.files)
    return cases.indices.map { index in
      func result(_ tool: String) -> String? {
        guard files.contains("\(index).\(tool).clean") else { return nil }
        return String(decoding: folder.read("\(index).\(tool)"), as: UTF8.self)
      }
      return Outcome(git: result("git"), diff3: result("diff3"))
    }
  }

  private func isEqual(_ left: String, _ right: String) -> Bool {
    left.utf8.elementsEqual(right.utf8)
  }

  // MARK: Generated

  /// What kind of lines a generated text has.
  enum Lines: CaseIterable {
    /// Nearly all different.
    case distinct
    /// Code: many closing braces and empty lines.
    case code
    /// Sentences of few words, and empty lines.
    case prose
    /// Six different lines only.
    case six
  }

  private struct Writer {
    var random: SeededGenerator
    var lines: Lines

    mutating func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

    mutating func line() -> String {
      switch lines {
      case .distinct: return "line \(below(1_000_000))"
      case .code:
        let known = ["", "", "}", "  }", "{", "  return x", "end"]
        let index = below(known.count + 4)
        return index < known.count ? known[index] : "  call\(below(30))()"
      case .prose:
        let words = ["the", "a", "red", "blue", "cat", "dog", "sat", "ran", "on", "mat"]
        guard below(10) > 2 else { return "" }
        return (0...below(8)).map { _ in words[below(words.count)] }.joined(separator: " ")
      case .six: return ["a", "b", "c", "d", "e", "f"][below(6)]
      }
    }

    mutating func text(_ count: Int) -> [String] { (0..<count).map { _ in line() } }

    mutating func edited(_ text: [String], times: Int) -> [String] {
      var text = text
      for _ in 0..<times {
        let lower = below(text.count + 1)
        let upper = min(text.count, lower + 1 + below(3))
        switch below(5) {
        case 0: text.insert(contentsOf: self.text(1 + below(3)), at: lower)
        case 1: text.removeSubrange(lower..<upper)
        case 2: text.replaceSubrange(lower..<upper, with: self.text(1 + below(3)))
        case 3 where lower < text.count:
          var words = text[lower].split(separator: " ", omittingEmptySubsequences: false)
          words[below(words.count)] = ["x", "y", "zed", ""][below(4)]
          text[lower] = words.joined(separator: " ")
        default:
          let block = Array(text[lower..<upper])
          text.removeSubrange(lower..<upper)
          text.insert(contentsOf: block, at: below(text.count + 1))
        }
      }
      return text
    }

    mutating func joined(_ lines: [String]) -> String {
      lines.joined(separator: "\n") + (lines.isEmpty || below(7) == 0 ? "" : "\n")
    }

    mutating func texts() -> Texts {
      let base = text(below(31))
      // Often both sides share an edit.
      let common = below(10) < 3 ? edited(base, times: 1) : base
      let ours = edited(common, times: 1 + below(3))
      let theirs = edited(common, times: 1 + below(3))
      return Texts(base: joined(base), ours: joined(ours), theirs: joined(theirs))
    }
  }

  /// Of lines that repeat all the time, which are the old ones can be told in several ways that are
  /// equally short. Both tools happen to tell it alike a little more often than we do.
  @Test("no worse than both, with the same text", arguments: Lines.allCases)
  func generated(lines: Lines) throws {
    let seeds: Range<UInt64> = 1..<201
    let cases = seeds.map { seed in
      var writer = Writer(random: SeededGenerator(seed: seed), lines: lines)
      return writer.texts()
    }
    var mergedByTools = 0
    var mergedByUs = 0
    var told = 0
    for ((seed, texts), outcome) in zip(zip(seeds, cases), try Self.outcomes(of: cases)) {
      let merged = ThreeWayMerge.texts(
        base: texts.base, ours: texts.ours, theirs: texts.theirs)
      if merged.conflicts.isEmpty { mergedByUs += 1 }
      guard outcome.git != nil || outcome.diff3 != nil else { continue }
      mergedByTools += 1
      let report: Comment = "seed \(seed) of \(lines): \(texts)"
      #expect(merged.conflicts.isEmpty, report)
      guard let git = outcome.git, let diff3 = outcome.diff3, git == diff3 else { continue }
      let isSame = isEqual(merged.text(), git)
      if lines == .six {
        told += isSame ? 0 : 1
      } else {
        #expect(isSame, report)
      }
    }
    // Both kinds of cases are there, and ours merges more.
    #expect(mergedByTools > 50 && mergedByUs > mergedByTools + 40, "\(mergedByTools) \(mergedByUs)")
    #expect(told <= 2, "of \(mergedByTools)")
  }

  // MARK: Picked by hand

  @Test("what both tools merge by hand-picked example, ours merges alike")
  func picked() throws {
    let ten = (1...10).map { "line \($0)\n" }
    func text(_ change: (inout [String]) -> Void) -> String {
      var lines = ten
      change(&lines)
      return lines.joined()
    }
    let base = ten.joined()
    let cases = [
      Texts(base: base, ours: text { $0[0] = "one\n" }, theirs: text { $0[9] = "ten\n" }),
      Texts(base: base, ours: text { $0.remove(at: 2) }, theirs: text { $0.insert("x\n", at: 8) }),
      Texts(base: base, ours: text { $0[4] = "x\n" }, theirs: text { $0[4] = "x\n" }),
      Texts(
        base: base, ours: text { $0[4] = "x\n" },
        theirs: text {
          $0[4] = "x\n"
          $0[9] = "y\n"
        }),
      Texts(
        base: base, ours: text { $0.removeSubrange(3..<6) },
        theirs: text { $0.removeSubrange(3..<6) }),
      Texts(base: base, ours: text { $0.append("x\n") }, theirs: text { $0.insert("y\n", at: 0) }),
      Texts(base: base, ours: text { $0.swapAt(0, 1) }, theirs: text { $0.swapAt(8, 9) }),
      Texts(base: base, ours: text { $0[9] = "line 10" }, theirs: text { $0[0] = "x\n" }),
      Texts(base: base, ours: base.replacing("\n", with: "\r\n"), theirs: base),
      Texts(base: "", ours: "a\n", theirs: ""), Texts(base: "a\n", ours: "", theirs: "a\n"),
      Texts(base: "{\n}\n\n{\n}\n", ours: "{\n}\n\n{\n}\n\n{\n}\n", theirs: "{\n  x\n}\n\n{\n}\n"),
      Texts(base: "a\n\n\nb\n", ours: "a\n\nb\n", theirs: "A\n\n\nb\n"),
    ]
    for (index, (texts, outcome)) in zip(cases, try Self.outcomes(of: cases)).enumerated() {
      let merged = ThreeWayMerge.texts(base: texts.base, ours: texts.ours, theirs: texts.theirs)
      let git = try #require(outcome.git, "case \(index)")
      #expect(merged.conflicts.isEmpty, "case \(index)")
      #expect(isEqual(merged.text(), git), "case \(index): \(merged.text().debugDescription)")
    }
  }

  /// The list in the documentation of `ThreeWayMerge`, kind by kind.
  @Test(
    "what ours merges and neither of them does",
    arguments: [
      ("neighbouring lines", "a\nb\n", "A\nb\n", "a\nB\n", "A\nB\n"),
      ("words of one line", "one two three\n", "1 two three\n", "one two 3\n", "1 two 3\n"),
      ("put in at one place", "a\nz\n", "a\nx\nz\n", "a\ny\nz\n", "a\nx\ny\nz\n"),
      ("more of the same put in", "a\nz\n", "a\nx\nz\n", "a\nx\ny\nz\n", "a\nx\ny\nz\n"),
      ("the same and more", "a\nb\nz\n", "a\nB\nz\n", "a\nB\nC\nz\n", "a\nB\nC\nz\n"),
      ("deletions that overlap", "a\nb\nc\nd\n", "a\nd\n", "a\nb\n", "a\n"),
      ("deleted beside an edit", "a\nb\nc\n", "a\nc\n", "a\nb\nC\n", "a\nC\n"),
      ("line's ends against words", "a b\nc\n", "a b\r\nc\r\n", "A b\nc\n", "A b\r\nc\r\n"),
      ("white space against words", "if x\n", "  if x\n", "if y\n", "  if y\n"),
      ("the last line's end", "a\nb", "a\nb\n", "a\nB", "a\nB\n"),
    ])
  func beyond(kind: String, base: String, ours: String, theirs: String, result: String) throws {
    let texts = Texts(base: base, ours: ours, theirs: theirs)
    let outcome = try #require(try Self.outcomes(of: [texts]).first)
    #expect(outcome.git == nil && outcome.diff3 == nil, "\(kind) is no longer beyond them")
    let merged = ThreeWayMerge.texts(base: base, ours: ours, theirs: theirs)
    #expect(merged.conflicts.isEmpty)
    #expect(isEqual(merged.text(), result), "\(kind): \(merged.text().debugDescription)")
  }
}
