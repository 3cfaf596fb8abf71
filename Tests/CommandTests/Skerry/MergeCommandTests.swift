import Foundation
import JSONCoding
import Testing

/// `skerry merge` and `skerry edit`, as processes of their own.
@Suite("Merging a file, and an editor's work, into a text", .serialized)
struct MergeCommandTests {
  private let scratch: Scratch
  private let skerry = Tool.skerry
  private let document: String

  init() async throws {
    scratch = try Scratch()
    let store = scratch.path("a.skerry")
    try await skerry.succeed("init", store)
    let made = try await skerry.succeed(
      "apply", store,
      input: #"{"doc":null,"ops":[{"op":"make","path":["body"],"type":"text"},"#
        + #"{"op":"splice","path":["body"],"at":0,"delete":0,"insert":"one two\nthree\n"},"#
        + #"{"op":"set","path":["path"],"value":"deep/plan.txt"}]}"#
    ).json()
    document = try #require(made["docs"]?.arrayValue?.first?.stringValue)
  }

  private var store: String { scratch.path("a.skerry") }

  private func file(_ name: String, _ text: String) throws -> String {
    try text.write(toFile: scratch.path(name), atomically: true, encoding: .utf8)
    return scratch.path(name)
  }

  private func body() async throws -> String {
    try await skerry.succeed("get", store, document, "body").json().stringValue ?? ""
  }

  private func changeCount() async throws -> JSONValue? {
    try await skerry.succeed("info", store, "--json").json()["changes"]
  }

  private func splice(_ position: Int, _ count: Int, _ text: String) async throws {
    try await skerry.succeed(
      "apply", store,
      input: #"{"doc":"\#(document)","ops":[{"op":"splice","path":["body"],"at":\#(position),"#
        + #""delete":\#(count),"insert":"\#(text)"}]}"#)
  }

  private func merge(_ theirs: String, _ options: String...) async throws -> Tool.Outcome {
    let base = try file("base", "one two\nthree\n")
    let arguments = [
      "merge", store, document, "body", "--base", base, "--theirs", try file("theirs", theirs),
    ]
    return try await skerry.start(arguments + options).end(within: 60)
  }

  // MARK: merge

  @Test("what was changed in the file comes to what was changed in the store, as few edits")
  func merges() async throws {
    try await splice(0, 3, "ONE")
    let merged = try await merge("one TWO\nthree\nfour\n", "--json")
    #expect(merged.status == 0, "\(merged.errors)")
    let json = try merged.json()
    #expect(json["conflicts"] == [])
    #expect(json["version"]?.stringValue?.hasPrefix("v1:") == true)
    #expect(try await body() == "ONE TWO\nthree\nfour\n")
    // Only what the file changed is a new edit.
    let blame = try await skerry.succeed("blame", store, document, "body", "--json").jsonLines()
    let sequence = json["change"]?.stringValue?.split(separator: ":").last.flatMap { Int64($0) }
    let written = blame.filter { $0["sequence"]?.integerValue == sequence }
    #expect(written.map { $0["text"] } == ["TWO", "four\n"])
    let again = try await merge("one TWO\nthree\nfour\n")
    #expect(again.status == 0)
    #expect(again.output == "nothing was changed.\n")
  }

  @Test("a conflict is told, and both sides are in the text; other choices take one, mark, refuse")
  func conflicts() async throws {
    try await splice(4, 3, "deux")
    let refused = try await merge("one zwei\nthree\nfour\n", "--conflicts", "refuse")
    #expect(refused.status == 1)
    #expect(refused.errors.contains("line 1"))
    #expect(try await body() == "one deux\nthree\n")
    let both = try await merge("one zwei\nthree\nfour\n", "--json")
    #expect(both.status == 1)
    #expect(both.errors.split(separator: "\n").count == 1)
    let conflict = try #require(both.json()["conflicts"]?.arrayValue?.first)
    #expect(conflict["base"] == "two" && conflict["ours"] == "deux" && conflict["theirs"] == "zwei")
    #expect(conflict["at"] == 4 && conflict["count"] == 9 && conflict["line"] == 1)
    #expect(try await body() == "one deux zwei\nthree\nfour\n")
  }

  @Test(
    "a side that is asked for is no failure; markers are",
    arguments: [
      ("ours", 0, "one deux\nthree\n"), ("theirs", 0, "one zwei\nthree\n"),
      (
        "markers", 1,
        "<<<<<<< ours\none deux\n||||||| base\none two\n=======\none zwei\n>>>>>>> theirs\nthree\n"
      ),
    ])
  func choices(choice: String, status: Int32, text: String) async throws {
    try await splice(4, 3, "deux")
    #expect(try await merge("one zwei\nthree\n", "--conflicts", choice).status == status)
    #expect(try await body() == text)
  }

  @Test("a file that is missing or no text, a place that is no text: told, and nothing is written")
  func failures() async throws {
    let before = try await changeCount()
    let base = try file("base", "one two\nthree\n")
    let missing = try await skerry.run(
      "merge", store, document, "body", "--base", base, "--theirs", scratch.path("nowhere"))
    #expect(missing.status == 1 && missing.errors.contains("nowhere"))
    try Data([0xFF, 0xFE]).write(to: URL(filePath: scratch.path("binary")))
    let binary = try await skerry.run(
      "merge", store, document, "body", "--base", base, "--theirs", scratch.path("binary"))
    #expect(binary.status == 1 && binary.errors.contains("UTF-8"))
    let noText = try await skerry.run(
      "merge", store, document, "path", "--base", base, "--theirs", base)
    #expect(noText.status == 1 && noText.errors.hasPrefix("skerry: "))
    for wrong in [["--base", base], ["--base", "-", "--theirs", "-"]] {
      let outcome = try await skerry.start(["merge", store, document, "body"] + wrong).end()
      #expect(outcome.status == 2)
    }
    #expect(try await changeCount() == before)
    // Standard input is a file too.
    let piped = try await skerry.run(
      "merge", store, document, "body", "--base", base, "--theirs", "-", input: "one two\n3\n")
    #expect(piped.status == 0)
    #expect(try await body() == "one two\n3\n")
  }

  // MARK: edit

  /// Runs `skerry edit` with a shell script as the editor; `$1` is the file.
  private func edit(_ script: String, _ options: String...) async throws -> Tool.Outcome {
    let editor = try file("editor.sh", "#!/bin/sh\n\(script)\n")
    let drafts = scratch.path("it's drafts")
    try FileManager.default.createDirectory(atPath: drafts, withIntermediateDirectories: true)
    let program = Tool.folder.appending(path: "skerry")
    let shell = try RunningTool(
      program: URL(filePath: "/usr/bin/env"),
      arguments: [
        "TMPDIR=\(drafts)", "VISUAL=sh '\(editor)'", program.path, "edit", store, document,
      ]
        + ["body"] + options, input: nil, environment: [:])
    return try await shell.end(within: 60)
  }

  /// What `skerry edit` left behind.
  private var drafts: [String] {
    let found = FileManager.default.enumerator(atPath: scratch.path("it's drafts"))
    return (found?.allObjects ?? []).compactMap { $0 as? String }.filter { $0.contains("/") }
  }

  @Test("what was saved is merged with what happened meanwhile")
  func editing() async throws {
    let program = Tool.folder.appending(path: "skerry").path
    let line =
      #"{"doc":"\#(document)","ops":[{"op":"splice","path":["body"],"at":0,"delete":3,"#
      + #""insert":"ONE"}]}"#
    let edited = try await edit(
      """
      case "$1" in *.txt) ;; *) exit 8 ;; esac
      echo '\(line)' | '\(program)' apply '\(store)' > /dev/null || exit 9
      printf 'one two!\\nthree\\nfour\\n' > "$1"
      """, "--json")
    #expect(edited.status == 0, "\(edited.errors)")
    #expect(try edited.json()["conflicts"] == [])
    #expect(try await body() == "ONE two!\nthree\nfour\n")
    #expect(drafts.isEmpty)
  }

  @Test("where both changed the same, both are kept and it is told")
  func editingInConflict() async throws {
    let program = Tool.folder.appending(path: "skerry").path
    let line =
      #"{"doc":"\#(document)","ops":[{"op":"splice","path":["body"],"at":0,"delete":3,"#
      + #""insert":"eins"}]}"#
    let edited = try await edit(
      """
      echo '\(line)' | '\(program)' apply '\(store)' > /dev/null || exit 9
      printf 'un two\\nthree\\n' > "$1"
      """)
    #expect(edited.status == 1)
    #expect(edited.errors.contains("line 1"))
    #expect(edited.output == "saved.\n")
    #expect(try await body() == "eins un two\nthree\n")
  }

  @Test("nothing changed: nothing is written, and that is said")
  func editingNothing() async throws {
    let before = try await changeCount()
    let outcome = try await edit("true")
    #expect(outcome.status == 0)
    #expect(outcome.output == "nothing was changed.\n")
    #expect(try await changeCount() == before)
    #expect(drafts.isEmpty)
  }

  @Test("an editor that fails: nothing is written, and its file is kept if anything was saved")
  func editorFails() async throws {
    let before = try await changeCount()
    let untouched = try await edit("exit 3")
    #expect(untouched.status == 1)
    #expect(untouched.errors.contains("EDITOR"))
    #expect(drafts.isEmpty)
    let saved = try await edit("echo precious > \"$1\"; exit 3")
    #expect(saved.status == 1)
    let kept = try #require(drafts.first)
    #expect(saved.errors.contains(kept))
    let text = try String(
      contentsOfFile: scratch.path("it's drafts/\(kept)"), encoding: .utf8)
    #expect(text == "precious\n")
    #expect(try await changeCount() == before)
    #expect(try await body() == "one two\nthree\n")
  }

  @Test("help tells of both")
  func help() async throws {
    for command in ["merge", "edit"] {
      let help = try await skerry.succeed(command, "--help")
      #expect(help.output.contains("skerry \(command)") && help.output.contains("EXAMPLE"))
    }
  }
}
