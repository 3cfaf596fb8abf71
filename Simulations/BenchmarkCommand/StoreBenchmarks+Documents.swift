import CommandKit
import FoundationEssentials
import Skerry

extension StoreBenchmarks {
  private static let documentCount = 100_000
  private static let batch = 1_000

  /// A hundred thousand documents are made.
  static func creating(_ bench: Bench, _ place: BenchFolder) async throws {
    let small = [UInt8](repeating: 0x41, count: 500)
    for (subject, isAlone) in [("\(batch) a transaction", false), ("a transaction each", true)] {
      let once = Bench(runs: min(bench.runs, 3), isJSON: bench.isJSON)
      _ = try await rates(
        once, "store.create", subject, documentCount,
        floor: (
          "floor.sqliteInsert", documentCount,
          {
            let bare = try BareSQLite(path: place.next())
            try bare.write(documentCount / batch, rows: batch, of: small)
            try expect(bare.count() == documentCount, "floor.sqliteInsert")
          }
        )
      ) {
        let replica = try await Replica.create(at: place.next(), name: "bench")
        _ = try await fill(replica, bytes: 500, isAlone: isAlone)
        let count = try await replica.read { try $0.documentCount() }
        try expect(count == documentCount, "store.create")
        await replica.close()
      }
    }
  }

  private static func fill(
    _ replica: Replica, bytes: Int, isAlone: Bool
  ) async throws -> [DocumentID] {
    // Half of it is a text, as in a note.
    let body = String(repeating: "lorem ipsum ", count: bytes / 12)
    @Sendable func make(_ transaction: inout Transaction) throws -> DocumentID {
      let document = transaction.createDocument()
      try transaction.set(.string("A title"), at: ["title"], of: document)
      try transaction.make(.text, at: ["body"], of: document)
      try transaction.splice(at: 0, inserting: body, in: ["body"], of: document)
      return document
    }
    var documents: [DocumentID] = []
    for _ in 0..<documentCount / batch {
      if isAlone {
        for result in try await replica.transactions(
          Array(repeating: { try make(&$0) }, count: batch))
        {
          documents.append(try result.get().value)
        }
      } else {
        documents += try await replica.transaction { transaction in
          try (0..<batch).map { _ in try make(&transaction) }
        }.value
      }
    }
    return documents
  }

  // MARK: Reading

  /// A store of a hundred thousand documents is opened and read, and what of it is in memory.
  static func reading(_ bench: Bench, _ place: BenchFolder) async throws {
    let size = 2_000
    let value = [UInt8](repeating: 0x41, count: size)
    let (path, barePath) = (place.next(), place.next())
    let bare = try BareSQLite(path: barePath)
    try bare.write(documentCount / batch, rows: batch, of: value)
    let maker = try await Replica.create(at: path, name: "bench")
    let documents = try await fill(maker, bytes: size, isAlone: false)
    await maker.close()
    let length = size / 12 * 12
    let count = 20_000
    // Steps of an odd prime come by everywhere.
    let places = (0..<count).map { $0 * 7_368_787 % documentCount }

    var figures: [String: [Double]] = [:]
    for run in 0..<bench.runs {
      figures["floor.sqliteOpen", default: []].append(
        try Stopwatch.seconds { _ = try BareSQLite(path: barePath).read([run + 1]) } * 1e3)
      let watch = Stopwatch()
      let replica = try await Replica.open(at: path)
      figures["store.open", default: []].append(watch.seconds * 1e3)
      let first = documents[(run + 1) * 7_368_787 % documentCount]
      figures["store.firstRead", default: []].append(
        try await Stopwatch.elapsed {
          let text = try await replica.text(first, path: ["body"])
          try expect(text.utf8.count == length, "store.firstRead")
        } * 1e3)
      await replica.close()
    }
    for name in ["floor.sqliteOpen", "store.open", "store.firstRead"] {
      if let figures = Figures(figures[name] ?? []) {
        bench.report(name, "\(documentCount) documents", unit: "ms", figures)
      }
    }

    let replica = try await Replica.open(at: path)
    let wanted = places.map { documents[$0] }
    let floor = (
      name: "floor.sqliteRead", count: count,
      body: {
        let bytes = try bare.read(places.lazy.map { $0 + 1 })
        try expect(bytes == size * count, "floor.sqliteRead")
      }
    )
    _ = try await rates(bench, "store.read", "one state", count, floor: floor) {
      let bytes = try await replica.read { reading in
        try wanted.reduce(0) { try $0 + reading.text($1, path: ["body"]).utf8.count }
      }
      try expect(bytes == length * count, "store.read")
    }
    _ = try await rates(bench, "store.read", "a state each", count, floor: floor) {
      var bytes = 0
      for id in wanted { bytes += try await replica.text(id, path: ["body"]).utf8.count }
      try expect(bytes == length * count, "store.read")
    }
    await replica.close()
    try await memory(bench, path)
  }

  // MARK: Memory

  /// A fresh process opens the store and a hundred of its documents, and tells what it takes.
  private static func memory(_ bench: Bench, _ path: String) async throws {
    let own = try ResidentMemory.ofAnotherProcess(opening: path)
    bench.report(
      "store.memory", "\(documentCount) documents, \(ResidentMemory.openCount) open", unit: "bytes",
      Figures(min: own, median: own, max: own, runs: 1))
  }
}
