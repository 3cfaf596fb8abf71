import ArgumentParser
import CommandKit
import JSONCoding
import NotesApp
import Skerry

struct Batched: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "batch", abstract: "Read commands as JSON lines and answer one line each.",
    discussion: """
      An answer to a write comes when it is durable. 'note' is an id or the beginning of one.

        {"id":1,"cmd":"new","title":"Plan","body":"…","notebook":"…","tags":["a"]}
        {"id":2,"cmd":"edit","note":"ID","title":"…","body":"…"}
        {"id":3,"cmd":"append","note":"ID","text":"…"}
        {"id":4,"cmd":"delete","note":"ID"}
        {"id":5,"cmd":"show","note":"ID","at":"v1:…"}
        {"id":6,"cmd":"list"}
        {"id":7,"cmd":"sync","addresses":["tcp://HOST:PORT"]}
        {"id":8,"cmd":"status"}
        {"id":9,"cmd":"export","dir":"FOLDER"}
      """)

  @OptionGroup var place: NotesStore

  func run() async throws {
    try await place.withLibrary(makingIt: true) { library in
      let batch = Batch(library)
      let reader = LineReader(descriptor: 0)
      while let group = try await reader.nextGroup() {
        let lines = group.map { line -> [UInt8]? in
          if case .text(let bytes) = line { bytes } else { nil }
        }
        for answer in await batch.answer(lines) { try StandardOutput.write(answer) }
        try StandardOutput.flush()
      }
    }
  }
}

struct Demo: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Three replicas, a partition, concurrent edits, the heal and the merge.",
    discussion: """
      Takes half a minute, needs no terminal and leaves nothing behind.

      EXAMPLES
        notes demo
        notes demo --fast
      """)

  @Flag(help: "Leave no time to read.") var fast = false

  func run() async throws {
    let folder = try TemporaryFolder(prefix: "notes-demo")
    defer { folder.remove() }
    let show = DemoShow(
      folder: folder.path, pace: fast ? .hurried : .reading, now: { Timestamp.now },
      say: { line in
        try? StandardOutput.write(line: line)
        try? StandardOutput.flush()
      })
    try await show.play()
  }
}
