import Foundation
import JSONCoding
import Testing

/// `skerry` on one store, as a process of its own.
@Suite("skerry on one store", .serialized)
struct StoreCommandTests {
  private let scratch: Scratch
  private let skerry = Tool.skerry

  init() throws {
    scratch = try Scratch()
  }

  private var store: String { scratch.path("a.skerry") }

  private func apply(_ lines: String...) async throws -> [JSONValue] {
    try await skerry.succeed("apply", store, input: lines.joined(separator: "\n")).jsonLines()
  }

  @Test("--help and --version work everywhere")
  func help() async throws {
    let version = try await skerry.succeed("--version")
    #expect(version.output.hasPrefix("skerry "))
    for command in [
      "init", "invite", "join", "info", "docs", "get", "apply", "log", "diff", "blame", "sync",
      "serve", "status", "export", "import", "doctor", "draft", "query", "search", "index", "feed",
      "backup", "recovery-key", "compact",
    ] {
      let help = try await skerry.succeed(command, "--help")
      #expect(help.output.contains("skerry \(command)"))
      #expect(help.output.contains("EXAMPLE"))
      #expect(help.errors.isEmpty)
    }
    #expect(try await skerry.succeed("info", "--version").output.hasPrefix("skerry "))
  }

  @Test("init makes a private file, and refuses a path that is taken")
  func makesAStore() async throws {
    try await skerry.succeed("init", store, "--name", "Ada")
    let mode = try FileManager.default.attributesOfItem(atPath: store)[.posixPermissions]
    #expect(mode as? Int == 0o600)
    let before = try Data(contentsOf: URL(filePath: store))
    let again = try await skerry.run("init", store)
    #expect(again.status == 1)
    #expect(again.errors.hasPrefix("skerry: "))
    #expect(again.errors.split(separator: "\n").count == 1)
    #expect(try Data(contentsOf: URL(filePath: store)) == before)
    let info = try await skerry.succeed("info", store, "--json").json()
    #expect(info["name"] == "Ada")
    #expect(info["documents"] == 0)
    #expect(info["version"]?.stringValue?.hasPrefix("v1:") == true)
    for field in ["workspace", "origin", "changes", "floor", "sizes", "stateDigest"] {
      #expect(info[field] != nil, "\(field)")
    }
  }

  @Test("diff goes from any version of a text to any other, and blame tells who wrote what")
  func versions() async throws {
    try await skerry.succeed("init", store)
    let made = try await apply(
      #"{"doc":null,"ops":[{"op":"make","path":["t"],"type":"text"},"#
        + #"{"op":"set","path":["title"],"value":"Plan"},"#
        + #"{"op":"splice","path":["t"],"at":0,"delete":0,"insert":"Bring bread."}]}"#)
    let document = try #require(made[0]["docs"]?.arrayValue?.first?.stringValue)
    let old = try #require(made[0]["version"]?.stringValue)
    let edited = try await apply(
      #"{"doc":"\#(document)","ops":[{"op":"splice","path":["t"],"at":6,"#
        + #""delete":5,"insert":"fish"},{"op":"set","path":["title"],"value":"Party"}]}"#
    )
    let new = try #require(edited[0]["version"]?.stringValue)
    let there = try await skerry.succeed("diff", store, document, old, new).lines
    #expect(there.count == 3)
    #expect(there[0].hasPrefix(#"t: at 6 delete 5 insert "fish" by "#))
    #expect(there[1...] == [#"title: - "Plan""#, #"title: + "Party""#])
    let back = try await skerry.succeed("diff", store, document, new, old, "--path", "t", "--json")
    let step = try back.json()
    #expect(step["at"] == 6 && step["delete"] == 4 && step["insert"] == "bread")
    #expect(step["path"] == ["t"] && step["sequence"] == 1)
    #expect(try await skerry.succeed("diff", store, document, new, new).output == "")
    #expect(try await skerry.run("diff", store, document, old, new, "--path", "no").status == 1)
    let parts = try await skerry.succeed("blame", store, document, "t", "--json").jsonLines()
    #expect(parts.map { $0["text"] } == ["Bring ", "fish", "."])
    #expect(parts.map { $0["sequence"] } == [1, 2, 1])
    #expect(try await skerry.run("blame", store, document, "no").status == 1)
  }

  @Test("marks are shown where they are asked for, and compared")
  func marks() async throws {
    try await skerry.succeed("init", store)
    let made = try await apply(
      #"{"doc":null,"ops":[{"op":"make","path":["t"],"type":"text"},"#
        + #"{"op":"splice","path":["t"],"at":0,"delete":0,"insert":"low tide"}]}"#)
    let document = try #require(made[0]["docs"]?.arrayValue?.first?.stringValue)
    let old = try #require(made[0]["version"]?.stringValue)
    let marked = try await apply(
      #"{"doc":"\#(document)","ops":[{"op":"mark","path":["t"],"from":0,"to":3,"#
        + #""name":"bold","value":true}]}"#)
    let new = try #require(marked[0]["version"]?.stringValue)
    let spans = try await skerry.succeed("get", store, document, "t", "--marks").jsonLines()
    #expect(spans.map { $0["text"] } == ["low", " tide"])
    #expect(spans.map { $0["marks"] } == [["bold": true], [:]])
    let then = try await skerry.succeed("get", store, document, "t", "--marks", "--at", old)
    #expect(try then.jsonLines().map { $0["text"] } == ["low tide"])
    #expect(
      try await skerry.succeed("diff", store, document, old, new).lines
        == ["t: mark 0 to 3 bold true"])
    #expect(
      try await skerry.succeed("diff", store, document, new, old).lines
        == ["t: unmark 0 to 3 bold"])
  }

  @Test("a version that is not here is told from a document that is not")
  func unknownVersions() async throws {
    try await skerry.succeed("init", store)
    let empty = try #require(
      try await skerry.succeed("info", store, "--json").json()["version"]?.stringValue)
    let made = try await apply(#"{"doc":null,"ops":[{"op":"set","path":["a"],"value":1}]}"#)
    let document = try #require(made[0]["docs"]?.arrayValue?.first?.stringValue)
    let early = try await skerry.run("get", store, document, "--at", empty)
    #expect(early.status == 1)
    #expect(early.errors.contains("was not there yet"))
    let other = scratch.path("other.skerry")
    try await skerry.succeed("init", other)
    let elsewhere = try await skerry.succeed(
      "apply", other, input: #"{"doc":null,"ops":[{"op":"set","path":["a"],"value":1}]}"#)
    let foreign = try #require(try elsewhere.jsonLines()[0]["version"]?.stringValue)
    let unknown = try await skerry.run("get", store, document, "--at", foreign)
    #expect(unknown.status == 1)
    #expect(unknown.errors.contains("has changes that are not here"))
  }

  @Test("a draft is edited apart by its id, then merged or discarded")
  func drafts() async throws {
    try await skerry.succeed("init", store)
    let made = try await apply(#"{"doc":null,"ops":[{"op":"set","path":["a"],"value":1}]}"#)
    let document = try #require(made[0]["docs"]?.arrayValue?.first?.stringValue)
    let draft = String(
      try #require(try await skerry.succeed("draft", "make", store, document, "Other").lines.first))
    let edited = try await apply(
      #"{"doc":"\#(draft)","ops":[{"op":"set","path":["b"],"value":2}],"return":true}"#)
    #expect(edited[0]["ok"] == true, "\(edited[0])")
    #expect(edited[0]["value"] == ["a": 1, "b": 2])
    #expect(try await skerry.succeed("get", store, document).output == "{\"a\":1}\n")
    let listed = try await skerry.succeed("draft", "list", store, "--json").jsonLines()
    #expect(listed.map { $0["name"] } == ["Other"])
    #expect(listed.map { $0["draft"] } == [.string(draft)])
    let merged = try await skerry.succeed("draft", "merge", store, draft, "--json").json()
    #expect(merged["docs"] == [.string(document)])
    #expect(merged["conflicts"] == [])
    #expect(try await skerry.succeed("get", store, document).output == "{\"a\":1,\"b\":2}\n")
    #expect(try await skerry.run("draft", "discard", store, draft).status == 1)
    #expect(try await skerry.succeed("draft", "list", store).output == "")
  }

  @Test("apply answers each line, and a refused one changes nothing")
  func appliesLines() async throws {
    try await skerry.succeed("init", store)
    let answers = try await apply(
      #"{"id":1,"doc":null,"ops":[{"op":"set","path":["title"],"value":"Plan"}],"return":true}"#,
      "not json",
      #"{"id":2,"doc":"00000000000000000000000000000001","ops":[{"op":"delete","path":["a"]}]}"#,
      #"{"id":3,"doc":null,"ops":[{"op":"make","path":["t"],"type":"text"},"#
        + #"{"op":"splice","path":["t"],"at":9,"delete":0,"insert":"x"}]}"#,
      #"{"id":4,"doc":null,"ops":[{"op":"make","path":["t"],"type":"text"},"#
        + #"{"op":"splice","path":["t"],"at":0,"delete":0,"insert":"h\u00e9 \ud83d\ude00"}]}"#)
    #expect(answers.map { $0["ok"] } == [true, false, false, false, true])
    #expect(answers.map { $0["id"] } == [1, .null, 2, 3, 4])
    #expect(answers[0]["value"] == ["title": "Plan"])
    #expect(answers[0]["version"]?.stringValue?.hasPrefix("v1:") == true)
    for refused in answers[1...3] { #expect(refused["error"]?.stringValue?.isEmpty == false) }
    let documents = try await skerry.succeed("docs", store).lines
    #expect(documents.count == 2)
    let text = try #require(answers[4]["docs"]?.arrayValue?.first?.stringValue)
    #expect(try await skerry.succeed("get", store, text, "t").output == "\"hé 😀\"\n")
    let info = try await skerry.succeed("info", store, "--json").json()
    #expect(info["changes"] == 2)
  }

  @Test("several documents change in one transaction or not at all")
  func severalDocuments() async throws {
    try await skerry.succeed("init", store)
    let set = #"{"op":"set","path":["n"],"value":1}"#
    let answers = try await apply(
      #"{"id":"a","docs":[{"doc":null,"ops":[\#(set)]},{"doc":null,"ops":[\#(set)]}]}"#,
      #"{"id":"b","docs":[{"doc":null,"ops":[\#(set)]},{"doc":null,"ops":[{"op":"nope"}]}]}"#)
    #expect(answers[0]["docs"]?.arrayValue?.count == 2)
    #expect(answers[1]["ok"] == false)
    let log = try await skerry.succeed("log", store, "--json").jsonLines()
    #expect(log.count == 1)
    #expect(log[0]["documents"]?.arrayValue?.count == 2)
    #expect(log[0]["change"] == answers[0]["change"])
    #expect(try await skerry.succeed("docs", store).lines.count == 2)
    #expect(try await skerry.succeed("docs", store, "--limit", "1").lines.count == 1)
  }

  @Test("every operation does what it says")
  func operations() async throws {
    try await skerry.succeed("init", store)
    let made = try await apply(
      #"{"doc":null,"ops":[{"op":"set","path":["a/b"],"value":{"x":[1,2.5,null,true]}},"#
        + #"{"op":"make","path":["n"],"type":"counter"},{"op":"increment","path":["n"],"by":5},"#
        + #"{"op":"increment","path":["n"],"by":-2},{"op":"make","path":["l"],"type":"list"},"#
        + #"{"op":"splice","path":["l"],"at":0,"delete":0,"insert":["p","q","r"]},"#
        + #"{"op":"splice","path":["l"],"at":1,"delete":1,"insert":[]}],"return":true}"#)
    #expect(made[0]["ok"] == true, "\(made[0])")
    let id = try #require(made[0]["docs"]?.arrayValue?.first?.stringValue)
    #expect(try await skerry.succeed("get", store, id, "n").output == "3\n")
    #expect(try await skerry.succeed("get", store, id, "l").output == "[\"p\",\"r\"]\n")
    #expect(try await skerry.succeed("get", store, id, "l/1").output == "\"r\"\n")
    #expect(try await skerry.succeed("get", store, id, "a~1b/x/1").output == "2.5\n")
    let version = try #require(made[0]["version"]?.stringValue)
    let changed = try await apply(
      #"{"doc":"\#(id)","ops":[{"op":"set","path":["n2"],"value":"later"}]}"#)
    #expect(changed[0]["ok"] == true)
    let now = try await skerry.succeed("get", store, id).json()
    let then = try await skerry.succeed("get", store, id, "--at", version).json()
    #expect(now["n2"] == "later")
    #expect(then["n2"] == nil)
    #expect(then["n"] == 3)
    let gone = try await apply(#"{"doc":"\#(id)","ops":[{"op":"deleteDocument"}]}"#)
    #expect(gone[0]["ok"] == true)
    #expect(try await skerry.succeed("docs", store).lines.isEmpty)
    #expect(try await skerry.run("get", store, id).status == 1)
  }

  @Test("an interactive writer gets each answer before it sends the next line")
  func interactive() async throws {
    try await skerry.succeed("init", store)
    let process = Process()
    process.executableURL = Tool.folder.appending(path: "skerry")
    process.arguments = ["apply", store]
    let input = Pipe()
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    for number in 0..<5 {
      input.fileHandleForWriting.write(
        Data(#"{"id":\#(number),"doc":null,"ops":[{"op":"set","path":["a"],"value":1}]}"#.utf8))
      input.fileHandleForWriting.write(Data("\n".utf8))
      let answer = output.fileHandleForReading.availableData
      let json = try JSONValue(parsing: Array(answer))
      #expect(json["id"] == .integer(Int64(number)))
      #expect(json["ok"] == true)
    }
    try input.fileHandleForWriting.close()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  @Test("ten thousand lines keep up")
  func manyLines() async throws {
    try await skerry.succeed("init", store)
    let first = try await apply(
      #"{"doc":null,"ops":[{"op":"make","path":["t"],"type":"text"}]}"#)
    let id = try #require(first[0]["docs"]?.arrayValue?.first?.stringValue)
    let count = 10_000
    let lines = (0..<count).map { number in
      #"{"id":\#(number),"doc":"\#(id)","ops":[{"op":"splice","path":["t"],"at":\#(number),"#
        + #""delete":0,"insert":"x"}]}"#
    }
    let clock = ContinuousClock()
    var answers: [Substring] = []
    let elapsed = try await clock.measure {
      let input = lines.joined(separator: "\n")
      answers = try await skerry.succeed("apply", store, input: input).lines
    }
    #expect(answers.count == count)
    #expect(answers.allSatisfy { $0.contains("\"ok\":true") })
    #expect(elapsed < .seconds(30), "\(elapsed)")
    let text = try await skerry.succeed("get", store, id, "t").json()
    #expect(text.stringValue?.utf8.count == count)
  }

  @Test(
    "a wrong command line is exit status 2, with usage, and touches nothing",
    arguments: [
      ["frobnicate"], ["init"], ["init", "x", "y"], ["get", "x", "nonsense"],
      ["get", "x", "00000000000000000000000000000000", "--at", "v2:AA"],
      ["get", "x", "00000000000000000000000000000000", "--at", "v1:A!"],
      ["docs", "x", "--limit", "-1"], ["invite", "x", "--expires", "soon"],
      ["invite", "x", "--role", "king"], ["sync", "x"], ["sync", "x", "tcp://nowhere"],
      ["sync", "x", "gopher://a:1"], ["serve", "x"], ["serve", "x", "--listen", "port"],
      ["serve", "x", "--listen", "127.0.0.1:0", "--topology", "tree"], ["export", "x"],
      ["export", "x", "dir", "--canonical"], ["join", "x", "no-code"],
    ])
  func wrongCommandLine(arguments: [String]) async throws {
    let placed = arguments.map { $0 == "x" ? scratch.path("x") : $0 }
    let outcome = try await skerry.start(placed).end()
    #expect(outcome.status == 2, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains("Usage: "))
    #expect(scratch.names.isEmpty)
  }

  @Test("a number that is too small, and what is no id, are refused with what would do")
  func unfitArguments() async throws {
    try await skerry.succeed("init", store)
    for command in ["docs", "log", "feed"] {
      let refused = try await skerry.run(command, store, "--limit", "-1")
      #expect(refused.status == 2 && refused.errors.contains("must not be negative"))
      #expect(try await skerry.succeed(command, store, "--limit", "0").output.isEmpty)
      #expect(try await !skerry.succeed(command, "--help").output.contains("9223372036854775807"))
    }
    let none = try await skerry.run("apply", store, "--replicas", "-1")
    #expect(none.status == 2 && none.errors.contains("from 1 to"))
    let short = try await skerry.run("get", store, "00")
    #expect(short.status == 2 && short.errors.contains("32 hexadecimal digits"))
  }

  @Test("a store that is not there is exit status 1, and none is made")
  func missingStore() async throws {
    for command in [["info"], ["docs"], ["log"], ["status"], ["export", "--canonical"], ["apply"]] {
      let outcome = try await skerry.start([command[0], store] + command.dropFirst()).end()
      #expect(outcome.status == 1, "\(command): \(outcome.errors)")
      #expect(outcome.errors.hasPrefix("skerry: "))
    }
    #expect(scratch.names.isEmpty)
  }

  @Test("a file that is no store, a damaged store and one from the future are exit status 3")
  func badStores() async throws {
    try Data("just a text, long enough to be something else altogether".utf8)
      .write(to: URL(filePath: scratch.path("text")))
    #expect(try await skerry.run("info", scratch.path("text")).status == 3)
    try await skerry.succeed("init", store)
    var bytes = try Data(contentsOf: URL(filePath: store))
    #expect(bytes.count > 100)
    // The user version of an SQLite file: four big-endian bytes at 60.
    bytes[60] = 0x0F
    try bytes.write(to: URL(filePath: scratch.path("future")))
    let future = try await skerry.run("info", scratch.path("future"))
    #expect(future.status == 3)
    #expect(future.errors.contains("newer"), "\(future.errors)")
    bytes[60] = 0
    for index in 100..<min(bytes.count, 40_000) where index % 3 == 0 { bytes[index] ^= 0x5A }
    try bytes.write(to: URL(filePath: scratch.path("damaged")))
    #expect(try await skerry.run("info", scratch.path("damaged")).status == 3)
  }

  @Test("what is not there is exit status 1")
  func notThere() async throws {
    try await skerry.succeed("init", store)
    let made = try await apply(#"{"doc":null,"ops":[{"op":"set","path":["a"],"value":1}]}"#)
    let id = try #require(made[0]["docs"]?.arrayValue?.first?.stringValue)
    let unknown = String(repeating: "0", count: 32)
    #expect(try await skerry.run("get", store, unknown).status == 1)
    #expect(try await skerry.run("get", store, id, "nowhere").status == 1)
    #expect(try await skerry.run("log", store, unknown).status == 1)
    #expect(try await skerry.run("apply", store, scratch.path("no file")).status == 1)
    #expect(try await skerry.run("import", store, scratch.path("no folder")).status == 1)
  }

  @Test("a folder of text files comes in, changes by its differences, and goes out")
  func folders() async throws {
    try await skerry.succeed("init", store)
    let folder = scratch.url.appending(path: "notes")
    let inner = folder.appending(path: "inner")
    try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
    try Data("# Plan\n\nBuy milk.\n".utf8).write(to: folder.appending(path: "plan.md"))
    try Data("größer".utf8).write(to: inner.appending(path: "b.txt"))
    let first = try await skerry.succeed("import", store, folder.path, "--json").json()
    #expect(first["created"] == 2)
    let ids = try await skerry.succeed("docs", store).lines.map(String.init)
    var titles: [String] = []
    for id in ids {
      let json = try await skerry.succeed("get", store, id).json()
      titles.append(json["title"]?.stringValue ?? "")
    }
    #expect(titles.sorted() == ["Plan", "b"])
    try Data("# Plan\n\nBuy oat milk.\n".utf8).write(to: folder.appending(path: "plan.md"))
    try Data([0xFF, 0xFE, 0x00]).write(to: folder.appending(path: "bad.bin"))
    let second = try await skerry.run("import", store, folder.path, "--json")
    #expect(second.status == 1)
    #expect(second.errors.contains("bad.bin"))
    let json = try second.json()
    #expect(json["updated"] == 1)
    #expect(json["unchanged"] == 1)
    #expect(json["created"] == 0)
    let out = scratch.url.appending(path: "out")
    try await skerry.succeed("export", store, out.path)
    #expect(
      try String(contentsOf: out.appending(path: "plan.md"), encoding: .utf8)
        == "# Plan\n\nBuy oat milk.\n")
    #expect(
      try String(contentsOf: out.appending(path: "inner/b.txt"), encoding: .utf8) == "größer")
  }

  @Test("a path that leads out of the folder is not followed when exporting")
  func exportStaysInside() async throws {
    try await skerry.succeed("init", store)
    let paths = ["../escape.md", "/tmp/escape.md", "a/../../escape.md", ".hidden", "a//b"]
    for path in paths {
      let text = JSONValue.string(path).text()
      _ = try await apply(
        #"{"doc":null,"ops":[{"op":"set","path":["path"],"value":\#(text)},"#
          + #"{"op":"make","path":["body"],"type":"text"}]}"#)
    }
    try await skerry.succeed("export", store, scratch.path("out"))
    #expect(scratch.names.filter { $0.contains("escape") || $0.contains("hidden") }.isEmpty)
    let written = try FileManager.default.contentsOfDirectory(atPath: scratch.path("out"))
      .filter { $0 != ".skerry-export" }
    #expect(written.count == paths.count)
  }

  @Test("doctor and status have nothing to say about a sound store")
  func sound() async throws {
    try await skerry.succeed("init", store)
    _ = try await apply(#"{"doc":null,"ops":[{"op":"set","path":["a"],"value":1}]}"#)
    #expect(try await skerry.succeed("doctor", store, "--json").json()["ok"] == true)
    let status = try await skerry.succeed("status", store, "--json").json()
    #expect(status["peers"] == [])
    #expect(status["stalled"] == [])
  }
}
