import Foundation
import JSONCoding
import Testing

@Suite("notes, as a process")
struct NotesCommandTests {
  private let scratch: Scratch
  private let notes = Tool(name: "notes")
  private var store: String { scratch.path("notes.skerry") }

  init() throws {
    scratch = try Scratch()
  }

  private func run(
    _ arguments: String..., input: String? = nil
  ) async throws -> Tool.Outcome {
    try await notes.start(["--store", store] + arguments, input: input).end(within: 60)
  }

  private func new(_ title: String, _ body: String) async throws -> String {
    let outcome = try await run("new", title, "--body", body)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome.output.trimmingCharacters(in: .newlines)
  }

  @Test("a note is made, listed, shown, edited, searched, deleted and restored")
  func lifeOfANote() async throws {
    let id = try await new("Harbour party", "Bring: bread.")
    #expect(id.count == 32)
    let prefix = String(id.prefix(8))
    #expect(try await run("append", prefix, " Music: ?").status == 0)
    #expect(try await run("show", prefix).output == "Bring: bread. Music: ?\n")
    #expect(try await run("edit", prefix, "--title", "Party").status == 0)
    #expect(try await run("tag", prefix, "summer").status == 0)
    #expect(try await run("move", prefix, "Box").status == 0)
    let listed = try await run("list", "--json").jsonLines()
    #expect(listed.count == 1)
    let note = try #require(listed.first)
    #expect(note["id"] == .string(id))
    #expect(note["title"] == "Party")
    #expect(note["notebook"] == "Box")
    #expect(note["tags"] == ["summer"])
    #expect(note["preview"] == "Bring: bread. Music: ?")
    #expect(note["conflicts"] == 0)
    #expect(note["modified"]?.stringValue?.hasSuffix("Z") == true)
    #expect(try await run("search", "BREAD", "party").lines.count == 1)
    #expect(try await run("search", "absent").output == "")
    #expect(try await run("delete", prefix).output == id + "\n")
    #expect(try await run("list").output == "")
    #expect(try await run("restore", id).status == 0)
    #expect(try await run("list").lines.count == 1)
    #expect(try await run("log", id).lines.count >= 6)
    #expect(try await run("doctor").status == 0)
    let status = try await run("status", "--json").json()
    #expect(status["notes"] == 1)
  }

  @Test("what the list shows of each note names it in other commands")
  func listedNames() async throws {
    for title in ["One", "Two", "Three"] { _ = try await new(title, "text of \(title)") }
    let lines = try await run("list").lines
    #expect(lines.count == 3)
    for line in lines {
      let parts = line.components(separatedBy: "  ")
      #expect(parts.count == 2 && parts[0].count >= 8)
      #expect(try await run("show", parts[0]).output == "text of \(parts[1])\n")
    }
    let several = try await run("show", "00000000")
    #expect(several.status == 1 && several.errors.contains("begins or ends with"))
  }

  @Test("the text comes from standard input, and options may stand before the command")
  func standardInput() async throws {
    let outcome = try await run("--json", "new", "Long", "--body", "-", input: "a\nb 🪗\n")
    #expect(outcome.status == 0)
    let id = try #require(outcome.json()["id"]?.stringValue)
    #expect(try await run("show", id).output == "a\nb 🪗\n")
    let shown = try await run("show", id, "--json").json()
    #expect(shown["body"] == "a\nb 🪗\n")
    #expect(shown["title"] == "Long")
  }

  @Test("$EDITOR edits the text, and what happened meanwhile is merged")
  func externalEditor() async throws {
    let id = try await new("Plan", "one\ntwo\nthree\n")
    let editor = scratch.path("editor.sh")
    let program = Tool.folder.appending(path: "notes").path
    try """
    #!/bin/sh
    '\(program)' --store '\(store)' append \(id) 'from elsewhere' >/dev/null || exit 9
    sed -i.bak 's/two/two!/' "$1" && rm "$1.bak"
    """.write(toFile: editor, atomically: true, encoding: .utf8)
    let shell = Process()
    shell.executableURL = URL(filePath: "/bin/sh")
    shell.arguments = ["-c", "VISUAL='sh \(editor)' '\(program)' --store '\(store)' edit \(id)"]
    let output = Pipe()
    shell.standardOutput = output
    try shell.run()
    _ = try output.fileHandleForReading.readToEnd()
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 0)
    #expect(try await run("show", id).output == "one\ntwo!\nthree\nfrom elsewhere\n")
  }

  @Test("two libraries meet: invite, join, edit on both, sync")
  func sharing() async throws {
    let id = try await new("Party", "Bring: bread.\n")
    let code = try await run("invite").output.trimmingCharacters(in: .newlines)
    let other = scratch.path("ben.skerry")
    try await notes.succeed("--store", other, "join", code, "--from", store)
    try await notes.succeed("--store", other, "append", id, "Ben: olives.\n")
    #expect(try await run("append", id, "Ada: boat.\n").status == 0)
    try await notes.succeed("--store", other, "sync", store)
    let mine = try await run("show", id).output
    let theirs = try await notes.succeed("--store", other, "show", id).output
    #expect(mine == theirs)
    #expect(mine.contains("Ben: olives.") && mine.contains("Ada: boat."))
    // A code works once.
    let again = try await notes.run(
      "--store", scratch.path("eve.skerry"), "join", code, "--from", store)
    #expect(again.status == 4, "\(again.errors)")
    #expect(!scratch.exists("eve.skerry"))
  }

  @Test("serve listens, takes syncs, and ends in good order")
  func serving() async throws {
    let id = try await new("Party", "text")
    let code = try await run("invite").output.trimmingCharacters(in: .newlines)
    let server = try notes.start(["--store", store, "serve", "--listen", "127.0.0.1:0"])
    let place = try await server.line(after: "listening on ")
    let other = scratch.path("ben.skerry")
    try await notes.succeed("--store", other, "join", code, "--from", "tcp://\(place)")
    #expect(try await notes.succeed("--store", other, "show", id).output == "text\n")
    // Another process may write meanwhile.
    #expect(try await run("append", id, " more").status == 0)
    try await notes.succeed("--store", other, "sync", "tcp://\(place)")
    #expect(try await notes.succeed("--store", other, "show", id).output == "text more\n")
    server.signal(SIGTERM)
    #expect(try await server.end().status == 0)
  }

  @Test("a folder of Markdown files becomes notes, and notes become files")
  func folders() async throws {
    let folder = scratch.url.appending(path: "in/deep")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try "# Plan\n\nbread\n".write(
      to: folder.appending(path: "plan.md"), atomically: true, encoding: .utf8)
    try Data([0xFF, 0xFE, 0x00]).write(to: folder.appending(path: "broken.md"))
    let imported = try await run("import", scratch.path("in"))
    #expect(imported.status == 1)
    #expect(imported.errors.contains("broken.md"))
    #expect(try await run("search", "bread").lines.count == 1)
    let listed = try await run("list", "--json").jsonLines()
    #expect(listed.map { $0["title"] } == ["Plan"])
    #expect(try await run("export", scratch.path("out")).status == 0)
    #expect(scratch.exists("out/deep/plan.md"))
  }

  @Test("an exported folder comes back merged with what happened to the notes meanwhile")
  func exportedFolder() async throws {
    let id = try await new("Plan", "bread\nfish\n")
    #expect(try await run("export", scratch.path("out")).status == 0)
    #expect(try await run("append", id, "olives\n").status == 0)
    let file = scratch.path("out/Plan.md")
    try "rye bread\nfish\n".write(toFile: file, atomically: true, encoding: .utf8)
    let early = try await run("export", scratch.path("out"))
    #expect(early.status == 1 && early.errors.contains("import"))
    let imported = try await run("import", scratch.path("out"), "--json")
    #expect(imported.status == 0, "\(imported.errors)")
    #expect(try imported.json()["updated"] == 1)
    #expect(try await run("show", id).output == "rye bread\nfish\nolives\n")
    #expect(try await run("append", id, "tea\n").status == 0)
    try FileManager.default.removeItem(atPath: file)
    let removed = try await run("import", scratch.path("out"))
    #expect(removed.status == 1 && removed.errors.contains("kept"))
  }

  @Test("batch answers every line, also those that are wrong")
  func batch() async throws {
    let outcome = try await run(
      "batch",
      input: """
        {"id":1,"cmd":"new","title":"A","body":"one"}
        nonsense

        {"id":3,"cmd":"fly"}
        {"id":4,"cmd":"list"}
        {"id":5,"cmd":"status"}
        """)
    #expect(outcome.status == 0)
    let answers = try outcome.jsonLines()
    #expect(answers.map { $0["ok"] } == [true, false, false, true, true])
    #expect(answers.map { $0["id"] } == [1, .null, 3, 4, 5])
    #expect(answers[3]["notes"]?.arrayValue?.count == 1)
    #expect(try await run("list").lines.count == 1)
  }

  @Test("the demonstration plays to its end and leaves nothing behind")
  func demo() async throws {
    let outcome = try await notes.run("demo", "--fast")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("byte for byte"))
    #expect(outcome.errors == "")
  }

  @Test(
    "a wrong command line: status 2, usage, and nothing is made",
    arguments: [
      ["fly"], ["new"], ["show"], ["list", "--limit", "-1"], ["list", "--limit", "x"],
      ["tag", "abc"], ["serve"], ["serve", "--listen", "nowhere"], ["sync"],
      ["restore", "abc"], ["invite", "--expires", "soon"], ["show", "abc", "--at", "v9:zz"],
      ["join", "no code"], ["--unknown"], [],
    ])
  func wrongCommandLines(arguments: [String]) async throws {
    let outcome = try await notes.start(["--store", store] + arguments).end(within: 60)
    #expect(outcome.status == 2, "\(outcome.errors)")
    #expect(!outcome.errors.isEmpty)
    #expect(outcome.output == "")
    #expect(scratch.names.isEmpty)
  }

  @Test("what cannot be done: a sentence, and a status that says which kind of failure it is")
  func failures() async throws {
    let missing = try await run("list")
    #expect(missing.status == 1)
    #expect(missing.errors.contains("notes.skerry"))
    #expect(scratch.names.isEmpty, "reading makes nothing")
    _ = try await new("A", "one")
    for arguments in [["show", "zz"], ["append", "zz", "x"], ["delete", "zz"], ["log", "zz"]] {
      let outcome = try await notes.start(["--store", store] + arguments).end(within: 60)
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("There is no note 'zz'"), "\(outcome.errors)")
    }
    #expect(try await run("sync", scratch.path("nobody.skerry")).status == 1)
    try Data("this is no store, just a longer text".utf8).write(
      to: URL(filePath: scratch.path("text")))
    let noStore = try await notes.run("--store", scratch.path("text"), "list")
    #expect(noStore.status == 3, "\(noStore.errors)")
    #expect(noStore.errors.split(separator: "\n").count == 1)
    let body = try await run("new", "B", "--body", "-", input: "\u{0}ok")
    #expect(body.status == 0)
  }

  @Test("--help and --version answer on standard output")
  func helpAndVersion() async throws {
    #expect(try await notes.run("--version").output.hasPrefix("notes "))
    for command in ["new", "list", "show", "edit", "batch", "demo", "serve", "sync", "join"] {
      let help = try await notes.run(command, "--help")
      #expect(help.status == 0)
      #expect(help.output.contains("USAGE: notes \(command)"))
    }
  }
}
