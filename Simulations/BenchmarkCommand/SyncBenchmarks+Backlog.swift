import EditingTraces
import Skerry

// What was written apart arrives: verified, durable and readable.
extension SyncBenchmarks {
  private static let documentCount = 10_000
  private static let changeCount = 100_000
  private static let keystrokeCount = 260_000

  static func backlogs(
    _ bench: Bench, _ place: BenchFolder, _ folder: TraceFolder?
  ) async throws {
    try await backlog(bench, place, "\(changeCount) changes to \(documentCount) documents") {
      replica in
      try await writeChanges(replica)
      return changeCount
    }
    let trace = try folder?.sequential("automerge-paper")
    try await backlog(bench, place, trace.map { "keystrokes of \($0.name)" } ?? "keystrokes") {
      replica in
      try await type(replica, trace)
    }
  }

  /// Small changes to many documents, one after the other.
  private static func writeChanges(_ replica: Replica) async throws {
    var documents: [DocumentID] = []
    for _ in 0..<(documentCount / 1_000) {
      documents += try await replica.transaction { transaction in
        try (0..<1_000).map { _ in
          let id = transaction.createDocument()
          try transaction.set("a note", at: ["title"], of: id)
          return id
        }
      }.value
    }
    let ids = documents
    try await write(
      replica,
      (0..<changeCount - documentCount / 1_000).map { number in
        { transaction in
          try transaction.set(.integer(Int64(number)), at: ["n"], of: ids[number % ids.count])
        }
      })
  }

  /// - Returns: how many changes were made.
  private static func type(_ replica: Replica, _ trace: SequentialTrace?) async throws -> Int {
    let document = try await StoreBenchmarks.makeText(replica)
    guard let trace else {
      try await write(
        replica,
        (0..<keystrokeCount).map { number in
          { transaction in
            // A word at a time, each somewhere else.
            let start = number / 8 * 8
            let at = start == 0 ? 0 : (start &* 2_654_435_761) % start
            try transaction.splice(
              at: at + number % 8, inserting: "x", in: ["body"], of: document)
          }
        })
      return keystrokeCount + 1
    }
    try await write(
      replica,
      trace.patches.map { patch in
        { transaction in
          try transaction.splice(
            at: patch.position, deleting: patch.deleteCount, inserting: patch.insertion,
            in: ["body"], of: document)
        }
      })
    let text = try await replica.text(document, path: ["body"])
    try expect(text == trace.endContent, "sync.backlog")
    return trace.patches.count + 1
  }

  /// Measures how fast what `make` leaves in one replica arrives in two others, one after the
  /// other: for the first it has to be sealed yet.
  private static func backlog(
    _ bench: Bench, _ place: BenchFolder, _ subject: String,
    _ make: (Replica) async throws -> Int
  ) async throws {
    var rates: [[Double]] = [[], []]
    var milliseconds: [[Double]] = [[], []]
    var wire: [Double] = []
    for _ in 0..<bench.runs {
      let replicas = try await level(3, in: place)
      let count = try await make(replicas[0])
      let source = try await ServedReplica(replicas[0])
      for receiver in 0..<2 {
        let replica = replicas[receiver + 1]
        let segmentBytes = try await replica.info().segmentBytes
        let watch = Stopwatch()
        let reports = try await replica.sync(with: [source.address])
        let seconds = watch.seconds
        let after = try await replica.info()
        try expect(
          reports.allSatisfy { $0.isLevel && $0.receivedChanges == UInt64(count) }, "sync.backlog")
        rates[receiver].append(Double(count) / seconds)
        milliseconds[receiver].append(seconds * 1e3)
        wire.append(
          Double(reports.reduce(0) { $0 + $1.receivedBytes })
            / Double(max(1, after.segmentBytes - segmentBytes)))
      }
      for replica in replicas.dropFirst() {
        try await expectEqual(replicas[0], replica, "sync.backlog")
      }
      await source.stop()
      await close(replicas)
    }
    for (receiver, state) in ["", ", sealed before"].enumerated() {
      if let figures = Figures(rates[receiver]) {
        bench.report("sync.backlog", subject + state, unit: "perSecond", figures)
      }
      if let figures = Figures(milliseconds[receiver]) {
        bench.report("sync.backlog.time", subject + state, unit: "ms", figures)
      }
    }
    if let figures = Figures(wire) {
      bench.report("sync.backlog.wire", subject, unit: "ratio", figures)
    }
  }
}
