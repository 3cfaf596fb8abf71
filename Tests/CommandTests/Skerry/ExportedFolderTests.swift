import Foundation
import JSONCoding
import Testing

/// A folder that was exported, edited, and imported again.
@Suite("An exported folder comes back", .serialized)
struct ExportedFolderTests {
  private let scratch: Scratch
  private let skerry = Tool.skerry

  init() async throws {
    scratch = try Scratch()
    try await skerry.succeed("init", scratch.path("a.skerry"))
    try FileManager.default.createDirectory(
      atPath: scratch.path("in/deep"), withIntermediateDirectories: true)
    try write("in/plan.md", "# Plan\n\nBring bread.\nBring fish.\n")
    try write("in/deep/list.txt", "one\ntwo\nthree\nfour\nfive\n")
    try write("in/other.md", "something else\n")
    try await skerry.succeed("import", store, scratch.path("in"))
    try await skerry.succeed("export", store, folder)
  }

  private var store: String { scratch.path("a.skerry") }
  private var folder: String { scratch.path("out") }

  private func write(_ name: String, _ text: String) throws {
    try text.write(toFile: scratch.path(name), atomically: true, encoding: .utf8)
  }

  private func read(_ name: String) throws -> String {
    try String(contentsOfFile: scratch.path(name), encoding: .utf8)
  }

  private func documents(in store: String? = nil) async throws -> [String: JSONValue] {
    var found: [String: JSONValue] = [:]
    for line in try await skerry.succeed("docs", store ?? self.store).lines {
      let value = try await skerry.succeed("get", store ?? self.store, String(line)).json()
      found[value["path"]?.stringValue ?? String(line)] = value
    }
    return found
  }

  private func id(of path: String) async throws -> String {
    for line in try await skerry.succeed("docs", store).lines {
      let value = try await skerry.succeed("get", store, String(line)).json()
      if value["path"]?.stringValue == path { return String(line) }
    }
    throw ToolError(description: "no document at \(path)")
  }

  private func apply(_ document: String, _ operation: String) async throws {
    try await skerry.succeed(
      "apply", store, input: #"{"doc":"\#(document)","ops":[\#(operation)]}"#)
  }

  private func importing() async throws -> (json: JSONValue, outcome: Tool.Outcome) {
    let outcome = try await skerry.run("import", store, folder, "--json")
    return (try outcome.json(), outcome)
  }

  /// A document that is no text, and its file.
  private func makePrices() async throws -> (id: String, file: String) {
    let made = try await skerry.succeed(
      "apply", store,
      input: #"{"doc":null,"ops":[{"op":"set","path":["price"],"value":10},"#
        + #"{"op":"set","path":["name"],"value":"bread"},{"op":"set","path":["tax"],"value":7}]}"#
    ).jsonLines()
    let id = try #require(made[0]["docs"]?.arrayValue?.first?.stringValue)
    try await skerry.succeed("export", store, folder)
    return (id, "out/\(id).json")
  }

  @Test("a value that both changed: the file's is taken, and the store's is told")
  func valuesCollide() async throws {
    let (id, file) = try await makePrices()
    try await apply(id, #"{"op":"set","path":["price"],"value":11}"#)
    try write(file, try read(file).replacingOccurrences(of: "10", with: "12"))
    let (json, outcome) = try await importing()
    #expect(outcome.status == 1)
    let conflict = try #require(json["conflicts"]?.arrayValue?.first)
    #expect(conflict["values"] == [["path": "price", "base": 10, "ours": 11, "theirs": 12]])
    #expect(outcome.errors.contains("'price' was 11 in the store"))
    #expect(try await documents()[id]?["price"] == 12)
  }

  @Test("a file whose base was folded away is left alone, and it is said why")
  func foldedBase() async throws {
    let plan = try await id(of: "plan.md")
    try await apply(
      plan, #"{"op":"splice","path":["body"],"at":0,"delete":0,"insert":"By Ada.\n"}"#)
    let before = try await documents()["plan.md"]
    try await skerry.succeed("compact", store)
    try write("out/plan.md", "# Plan\n\nBring bread.\nBring soup.\n")
    let (_, outcome) = try await importing()
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("cannot be read any more"), "\(outcome.errors)")
    #expect(outcome.errors.contains("compaction"), "\(outcome.errors)")
    #expect(try await documents()["plan.md"] == before)
  }

  @Test("a JSON file under another name is its document still")
  func renamedValues() async throws {
    let (id, file) = try await makePrices()
    try write("out/price.json", try read(file).replacingOccurrences(of: "10", with: "12"))
    try FileManager.default.removeItem(atPath: scratch.path(file))
    let (json, outcome) = try await importing()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(json["deleted"] == 0 && json["created"] == 0)
    #expect(try await documents()[id] == ["name": "bread", "price": 12, "tax": 7])
  }

  @Test("an export replaces no file that none has written, and not that of another workspace")
  func strangersAreLeft() async throws {
    try write("out/Ideas.md", "mine\n")
    try await skerry.succeed(
      "apply", store,
      input: #"{"doc":null,"ops":[{"op":"set","path":["title"],"value":"Ideas"},"#
        + #"{"op":"make","path":["body"],"type":"text"}]}"#)
    let outcome = try await skerry.run("export", store, folder)
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("no export has written"))
    #expect(try read("out/Ideas.md") == "mine\n")
    let other = scratch.path("b.skerry")
    try await skerry.succeed("init", other)
    let refused = try await skerry.run("export", other, folder)
    #expect(refused.status == 1)
    #expect(refused.errors.contains("Another workspace"))
    #expect(try read("out/plan.md").hasPrefix("# Plan"))
  }

  @Test("edited on both sides: both are there, and the next round is quiet")
  func edited() async throws {
    let plan = try await id(of: "plan.md")
    try await apply(
      plan, #"{"op":"splice","path":["body"],"at":14,"delete":5,"insert":"rye bread"}"#)
    try write("out/plan.md", "# Plan\n\nBring bread.\nBring fish.\nBring olives.\n")
    let (json, outcome) = try await importing()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(json["updated"] == 1 && json["unchanged"] == 2 && json["created"] == 0)
    let merged: JSONValue = "# Plan\n\nBring rye bread.\nBring fish.\nBring olives.\n"
    #expect(try await documents()["plan.md"]?["body"] == merged)

    // The file as it stands brings nothing more, even when the store takes its line back.
    #expect(try await importing().json["unchanged"] == 3)
    try await apply(plan, #"{"op":"splice","path":["body"],"at":37,"delete":14,"insert":""}"#)
    #expect(try await importing().json["unchanged"] == 3)
    try write("out/plan.md", "# The plan\n\nBring bread.\nBring fish.\nBring olives.\n")
    #expect(try await importing().json["updated"] == 1)
    let body = "# The plan\n\nBring rye bread.\nBring fish.\n"
    #expect(try await documents()["plan.md"]?["body"] == .string(body))
    try await skerry.succeed("export", store, folder)
    #expect(try read("out/plan.md") == body)
  }

  @Test("the same words changed on both sides: both are kept, told, and told once")
  func collided() async throws {
    try await apply(
      try await id(of: "plan.md"),
      #"{"op":"splice","path":["body"],"at":14,"delete":5,"insert":"rolls"}"#)
    try write("out/plan.md", "# Plan\n\nBring cake.\nBring fish.\n")
    let (json, outcome) = try await importing()
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("'plan.md'"))
    let conflict = try #require(json["conflicts"]?.arrayValue?.first)
    #expect(conflict["kind"] == "text" && conflict["file"] == "plan.md" && conflict["count"] == 1)
    let body = try #require(try await documents()["plan.md"]?["body"]?.stringValue)
    #expect(body == "# Plan\n\nBring rolls cake.\nBring fish.\n")
    #expect(try await importing().outcome.status == 0)
  }

  @Test("new, renamed, renamed with an edit, and removed")
  func renamed() async throws {
    let list = try await id(of: "deep/list.txt")
    let plan = try await id(of: "plan.md")
    let manager = FileManager.default
    try manager.moveItem(atPath: scratch.path("out/plan.md"), toPath: scratch.path("out/deep/p.md"))
    try manager.removeItem(atPath: scratch.path("out/deep/list.txt"))
    try write("out/shopping.txt", "one\ntwo\nthree\nfour\nsix\n")
    try manager.removeItem(atPath: scratch.path("out/other.md"))
    try write("out/new.md", "fresh\n")
    let (json, outcome) = try await importing()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(json["created"] == 1 && json["updated"] == 2 && json["deleted"] == 1)
    #expect(try await id(of: "deep/p.md") == plan)
    #expect(try await id(of: "shopping.txt") == list)
    let documents = try await documents()
    #expect(documents.keys.sorted() == ["deep/p.md", "new.md", "shopping.txt"])
    #expect(documents["shopping.txt"]?["body"] == "one\ntwo\nthree\nfour\nsix\n")
    #expect(documents["deep/p.md"]?["title"] == "Plan")
    #expect(try await importing().json["unchanged"] == 3)
  }

  @Test("removed here and changed there: it is kept; changed here and deleted there: it is back")
  func removed() async throws {
    let plan = try await id(of: "plan.md")
    let list = try await id(of: "deep/list.txt")
    try await apply(plan, #"{"op":"set","path":["tag"],"value":"x"}"#)
    try FileManager.default.removeItem(atPath: scratch.path("out/plan.md"))
    try await apply(list, #"{"op":"deleteDocument"}"#)
    try write("out/deep/list.txt", "one\ntwo\nthree\nfour\nfive\nsix\n")
    let (json, outcome) = try await importing()
    #expect(outcome.status == 1)
    let kinds = json["conflicts"]?.arrayValue?.compactMap { $0["kind"]?.stringValue }.sorted()
    #expect(kinds == ["deletedDocument", "removedFile"])
    let documents = try await documents()
    #expect(documents["plan.md"]?["tag"] == "x")
    #expect(documents["deep/list.txt"]?["body"] == "one\ntwo\nthree\nfour\nfive\nsix\n")
  }

  @Test("a document that is no text comes back as values")
  func values() async throws {
    try await skerry.succeed(
      "apply", store,
      input: #"{"doc":null,"ops":[{"op":"set","path":["a"],"value":1},"#
        + #"{"op":"set","path":["list"],"value":[1,2,3]},"#
        + #"{"op":"set","path":["deep"],"value":{"x":1}},"#
        + #"{"op":"make","path":["n"],"type":"counter"},"#
        + #"{"op":"increment","path":["n"],"by":3}]}"#)
    let made = try await documents().first { $0.value["a"] != nil }
    let document = try #require(made?.key)
    try await skerry.succeed("export", store, folder)
    try await apply(document, #"{"op":"set","path":["a"],"value":2}"#)
    try await apply(document, #"{"op":"increment","path":["n"],"by":1}"#)
    try write(
      "out/\(document).json", #"{"a":1,"list":[1,2,3,4],"deep":{"x":1,"y":true},"n":3}"#)
    let (json, outcome) = try await importing()
    #expect(outcome.status == 0, "\(outcome.errors) \(json)")
    let value = try await skerry.succeed("get", store, document).json()
    #expect(value["a"] == 2 && value["list"] == [1, 2, 3, 4] && value["n"] == 4)
    #expect(value["deep"] == ["x": 1, "y": true])
    try write("out/\(document).json", "no JSON")
    #expect(try await importing().outcome.status == 1)
    #expect(try await skerry.succeed("get", store, document).json() == value)
  }

  @Test("exporting again leaves what was edited alone, and takes away what is elsewhere now")
  func exportedAgain() async throws {
    let other = try await id(of: "other.md")
    try await apply(other, #"{"op":"set","path":["path"],"value":"else.md"}"#)
    try await apply(
      try await id(of: "plan.md"), #"{"op":"splice","path":["body"],"at":0,"insert":"!"}"#)
    try write("out/plan.md", "edited\n")
    let outcome = try await skerry.run("export", store, folder, "--json")
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("'plan.md'") && outcome.errors.contains("import"))
    #expect(try outcome.json()["removed"] == 1)
    #expect(try read("out/plan.md") == "edited\n")
    #expect(!scratch.exists("out/other.md") && scratch.exists("out/else.md"))
  }

  @Test("a record that somebody edited does no harm")
  func record() async throws {
    let record = try read("out/.skerry-export")
    let lines = record.split(separator: "\n").map(String.init)
    #expect(lines.count == 4)
    let files = try lines.dropFirst().map { try JSONValue(parsing: $0)["file"]?.stringValue ?? "" }
    #expect(files == files.sorted())
    try write("out/plan.md", "# Plan\n\nBring bread.\nBring nothing.\n")
    let before = try await documents()
    // Not as it was written: nothing is touched, and it is said what to do.
    for broken in [
      "", "nonsense\n", record + "{}\n", record + lines[1] + "\n",
      record.replacing(#""version":0"#, with: #""version":7"#),
      record.replacing(#""skerryExport":1"#, with: #""skerryExport":2"#),
    ] {
      try write("out/.skerry-export", broken)
      let outcome = try await skerry.run("import", store, folder)
      #expect(outcome.status == 1 && outcome.errors.contains(".skerry-export"), "\(broken)")
      #expect(try await skerry.run("export", store, folder).status == 1)
    }
    // A digest that is not that of the version: this file is left out, and the others are not.
    let digest = try #require(
      try lines.dropFirst().map { try JSONValue(parsing: $0) }.first { $0["file"] == "plan.md" }?[
        "digest"]?.stringValue)
    try write(
      "out/.skerry-export",
      record.replacing(digest, with: String(repeating: "0", count: digest.utf8.count)))
    let outcome = try await skerry.run("import", store, folder, "--json")
    #expect(outcome.status == 1)
    #expect(try outcome.json()["skipped"]?.arrayValue?.count == 1)
    #expect(try await documents() == before)
    // Lines in another order are as good.
    try write(
      "out/.skerry-export",
      ([lines[0]] + lines.dropFirst().reversed()).joined(separator: "\n") + "\n")
    #expect(try await importing().json["updated"] == 1)
  }

  @Test("a folder of another workspace is a folder like any other; a state not seen yet is told")
  func elsewhere() async throws {
    let other = scratch.path("other.skerry")
    try await skerry.succeed("init", other)
    let taken = try await skerry.succeed("import", other, folder, "--json").json()
    #expect(taken["created"] == 3)

    let code = try await skerry.succeed("invite", store).output
    let ben = scratch.path("ben.skerry")
    try await skerry.succeed("join", ben, String(code.dropLast()), "--from", store)
    try await apply(
      try await id(of: "plan.md"), #"{"op":"splice","path":["body"],"at":0,"insert":"!"}"#)
    try await skerry.succeed("export", store, folder)
    try write("out/plan.md", "!# Plan\n\nBring nothing.\n")
    let early = try await skerry.run("import", ben, folder)
    #expect(early.status == 1 && early.errors.contains("sync"))
    try await skerry.succeed("sync", ben, store)
    try await skerry.succeed("import", ben, folder)
    #expect(try await documents(in: ben)["plan.md"]?["body"] == "!# Plan\n\nBring nothing.\n")
  }
}
