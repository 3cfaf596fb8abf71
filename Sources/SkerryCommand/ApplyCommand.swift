import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

struct ApplyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Read JSON lines, one transaction a line, and answer one line each.",
    discussion: """
      A line: {"id": ANY, "doc": ID-or-null, "ops": [OP, …], "return": true}
      or:     {"id": ANY, "docs": [{"doc": ID-or-null, "ops": [OP, …]}, …]}
      "doc": null makes a new document. Operations, "path" an array of keys and
      indices:
        {"op":"set","path":[…],"value":JSON}
        {"op":"delete","path":[…]}
        {"op":"increment","path":[…],"by":N}
        {"op":"make","path":[…],"type":"map|list|text|counter|tree"}
        {"op":"splice","path":[…],"at":N,"delete":N,"insert":"text" or [JSON…]}
        {"op":"move","path":[…],"from":N,"to":N}
        {"op":"mark","path":[…],"from":N,"to":N,"name":"bold","value":JSON,
         "expand":"none|after|before|both"} and "unmark", without a value
        {"op":"deleteDocument"}
      A tree reads as {"children":[NODE, …]}, a node as {"id":ID,"value":{…},
      "children":[NODE, …]}. Its path: the tree, then the number of the node among
      its siblings at each level, then a key of its value: ["plan",0,2,"title"].
      "splice" at a tree or node removes and makes nodes under it (an object that is
      not "value" and "children" is the value); "move" moves one within it, or with
      "toPath":[…] under another node of the tree; "delete" removes a node.
      The answer comes when the line is durable:
        {"id":…,"ok":true,"change":"ORIGIN:SEQ","docs":[ID,…],"version":"v1:…"}
      or, for a line that was refused and changed nothing:
        {"id":…,"ok":false,"error":"…"}
      The exit status is 0 when every line was answered.

      With --replicas an answer comes when so many other replicas have the change, \
      too, or after --timeout, and says how many do: "replicas":N, null where a line \
      edited nothing. The change stands in any case. Something has to be linked with \
      them meanwhile: 'skerry serve' or 'sync --watch' on the store.

      EXAMPLE
        echo '{"doc":null,"ops":[{"op":"set","path":["title"],"value":"Plan"}]}' |
          skerry apply notes.skerry
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "Where the lines are; by default, standard input.", completion: .file())
  var file: String?
  @Option(parsing: .unconditional, help: "Wait until so many other replicas have it.")
  var replicas: Int?
  @Option(
    help: "How long to wait for --replicas, such as 2m; by default, 10s.",
    transform: CommandArgument.duration)
  var timeout: Duration?
  @Flag(name: .customLong("json"), help: "Accepted everywhere; the answers are JSON anyway.")
  var isJSON = false

  func validate() throws {
    guard replicas.map({ (1...10_000).contains($0) }) ?? true else {
      throw ValidationError("--replicas takes a number from 1 to 10000.")
    }
    guard timeout == nil || replicas != nil else {
      throw ValidationError("--timeout says how long to wait for --replicas, which is missing.")
    }
  }

  func run() async throws {
    let descriptor = try openInput()
    defer { if descriptor != STDIN_FILENO { close(descriptor) } }
    let replica = try await Replica.open(at: place.store)
    let reader = LineReader(descriptor: descriptor)
    while let group = try await reader.nextGroup() {
      for answer in try await apply(group, to: replica) {
        try StandardOutput.write(answer)
      }
      try StandardOutput.flush()
    }
    await replica.close()
  }

  /// Answers in the order of the lines. One group is one durable write.
  private func apply(_ group: [LineReader.Line], to replica: Replica) async throws -> [JSONValue] {
    let lines = group.map { line -> Result<ApplyLine, RefusedLine> in
      switch line {
      case .tooLong:
        let megabytes = LineReader.lineBytesMax >> 20
        return .failure(
          RefusedLine(id: .null, reason: "The line is longer than \(megabytes) MiB."))
      case .text(let bytes):
        return Result { () throws(RefusedLine) in try ApplyLine(parsing: bytes) }
      }
    }
    let accepted = lines.compactMap { try? $0.get() }
    var results = try await replica.transactions(
      accepted.map { line in
        { (transaction: inout Transaction) in try line.perform(&transaction) }
      }
    ).makeIterator()
    let answered = lines.map { line -> (change: ChangeID?, answer: JSONValue) in
      switch line {
      case .failure(let refused): return (nil, refused.answer)
      case .success(let line):
        guard let result = results.next() else {
          return (nil, RefusedLine(id: line.id, reason: "The line was not applied.").answer)
        }
        return ((try? result.get())?.change, line.answer(result))
      }
    }
    guard let replicas else { return answered.map(\.answer) }
    return await withHolders(answered, replicas, of: replica)
  }

  /// The answers with how many replicas have each change, as soon as enough have the last one.
  private func withHolders(
    _ answered: [(change: ChangeID?, answer: JSONValue)], _ wanted: Int, of replica: Replica
  ) async -> [JSONValue] {
    // The lines are durable: what fails from here on must not hide their answers.
    var held = 0
    if let last = answered.compactMap(\.change).last {
      let patience = timeout ?? .seconds(10)
      held = (try? await replica.waitForReplicas(wanted, toHold: last, timeout: patience)) ?? 0
    }
    var answers: [JSONValue] = []
    for (change, answer) in answered {
      guard case .object(var object) = answer, object["ok"] == true else {
        answers.append(answer)
        continue
      }
      if let change {
        // Whoever has the last one has those before it.
        let count = held >= wanted ? held : try? await replica.replicas(holding: change)
        object["replicas"] = .count(count ?? 0)
      } else {
        object["replicas"] = .null
      }
      answers.append(.object(object))
    }
    return answers
  }

  private func openInput() throws -> Int32 {
    guard let file, file != "-" else { return STDIN_FILENO }
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CommandFailure(
        sentence: "'\(file)' cannot be opened: \(String(cString: strerror(errno))).")
    }
    return descriptor
  }
}
