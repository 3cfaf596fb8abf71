import Skerry

// What is typed on one replica is readable, and durable, on the other.
extension SyncBenchmarks {
  private static let keystrokes = 200
  /// Faster than anybody types.
  private static let pause = Duration.milliseconds(25)
  private static let backlogDocuments = 1_000
  private static let backlogDocumentBytes = 100_000

  static func keystrokes(_ bench: Bench, _ place: BenchFolder) async throws {
    try await keystrokes(bench, place, "one link", hasBacklog: false)
    try await keystrokes(bench, place, "while 100 MB come the other way", hasBacklog: true)
  }

  private static func keystrokes(
    _ bench: Bench, _ place: BenchFolder, _ subject: String, hasBacklog: Bool
  ) async throws {
    var all: [Double] = []
    var during = 0
    for _ in 0..<bench.runs {
      let replicas = try await level(2, in: place)
      let (author, reader) = (replicas[0], replicas[1])
      let document = try await StoreBenchmarks.makeText(author)
      try await expect(reader.sync(with: author).isLevel, "sync.keystroke")
      if hasBacklog { try await writeBacklog(reader) }
      let source = try await ServedReplica(author)
      let link = try await ServedReplica(reader, peers: [source.address])
      try await untilLinked(author)
      for number in 1...keystrokes {
        if hasBacklog, try await !isComing(author) { break }
        let watch = Stopwatch()
        let commit = try await author.transaction { transaction in
          try transaction.splice(at: 0, inserting: "x", in: ["body"], of: document)
        }
        try await reader.waitUntil(covers: commit.version, timeout: .seconds(60))
        all.append(watch.seconds * 1e3)
        let text = try await reader.text(document, path: ["body"])
        try expect(text.utf8.count == number, "sync.keystroke")
        during += 1
        try await Task.sleep(for: pause)
      }
      let last = try await reader.version()
      try await author.waitUntil(covers: last, timeout: .seconds(600))
      try await reader.waitUntil(covers: author.version(), timeout: .seconds(600))
      await link.stop()
      await source.stop()
      try await expectEqual(author, reader, "sync.keystroke")
      await close(replicas)
    }
    guard let figures = Figures(all) else {
      return bench.figure("sync.keystroke", "\(subject): it came before a key", 0, unit: "ms")
    }
    bench.report("sync.keystroke", subject, unit: "ms", figures)
    let late = all.sorted()[max(0, all.count * 99 / 100 - (all.count % 100 == 0 ? 1 : 0))]
    bench.report(
      "sync.keystroke.p99", "\(subject), \(during) keys", unit: "ms",
      Figures(min: late, median: late, max: late, runs: figures.runs))
  }

  /// What does not get smaller by compression.
  private static func writeBacklog(_ replica: Replica) async throws {
    for number in 0..<backlogDocuments {
      try await replica.transaction { transaction in
        var state = UInt64(number) &+ 1
        var text = ""
        text.reserveCapacity(backlogDocumentBytes)
        for _ in 0..<backlogDocumentBytes {
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          text.unicodeScalars.append(Unicode.Scalar(UInt8(33 + (state >> 33) % 94)))
        }
        try transaction.set(.string(text), at: ["text"], of: transaction.createDocument())
      }
    }
  }

  private static func untilLinked(_ replica: Replica) async throws {
    for await health in replica.health() {
      if health.peers.contains(where: { $0.state != .away }) { return }
    }
    throw StoppedEarly()
  }

  /// Whether documents of the backlog are missing yet.
  private static func isComing(_ replica: Replica) async throws -> Bool {
    try await replica.documents().count < documentCountAtFirst + 1 + backlogDocuments
  }

  private struct StoppedEarly: Error, CustomStringConvertible {
    var description: String { "the replica was closed while it was measured" }
  }
}
