import Skerry

extension StoreBenchmarks {
  /// About what a keystroke takes in the store.
  private static let row = [UInt8](repeating: 0x5A, count: 64)
  private static let floorCommits = 2_000

  /// Durable edits of open documents: one writer that waits for each, and many at once.
  static func commits(_ bench: Bench, _ place: BenchFolder) async throws {
    let bare = try BareSQLite(path: place.next())
    let replica = try await Replica.create(at: place.next(), name: "bench")
    let count = 2_000
    let document = try await makeText(replica)
    let alone = try await rates(
      bench, "store.commit", "one writer", count,
      floor: ("floor.sqliteCommit", floorCommits, { try write(bare) })
    ) {
      for _ in 0..<count { try await type(replica, document) }
    }
    try await expectLength(bench.runs * count, replica, document, "store.commit")

    let writers = 32
    let each = 500
    var documents: [DocumentID] = []
    for _ in 0..<writers { documents.append(try await makeText(replica)) }
    let texts = documents
    let together = try await rates(
      bench, "store.commit32", "\(writers) writers", writers * each,
      floor: ("floor.sqliteCommit", floorCommits, { try write(bare) })
    ) {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for text in texts {
          group.addTask { for _ in 0..<each { try await type(replica, text) } }
        }
        try await group.waitForAll()
      }
    }
    for text in texts {
      try await expectLength(bench.runs * each, replica, text, "store.commit32")
    }
    if let alone, let together {
      bench.report(
        "store.commit32.overOne", "\(writers) writers", unit: "ratio",
        Figures(
          min: together.min / alone.median, median: together.median / alone.median,
          max: together.max / alone.median, runs: together.runs))
    }
    await replica.close()
  }

  private static func write(_ bare: BareSQLite) throws {
    try bare.write(floorCommits, rows: 1, of: row)
  }

  static func makeText(_ replica: Replica) async throws -> DocumentID {
    try await replica.transaction { transaction in
      let document = transaction.createDocument()
      try transaction.make(.text, at: ["body"], of: document)
      return document
    }.value
  }

  private static func type(_ replica: Replica, _ document: DocumentID) async throws {
    try await replica.transaction { transaction in
      try transaction.splice(at: 0, inserting: "x", in: ["body"], of: document)
    }
  }

  private static func expectLength(
    _ length: Int, _ replica: Replica, _ document: DocumentID, _ name: String
  ) async throws {
    let text = try await replica.text(document, path: ["body"])
    try expect(text.utf8.count == length, name)
  }
}
