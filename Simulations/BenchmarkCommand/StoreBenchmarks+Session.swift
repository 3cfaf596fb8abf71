import CommandKit
import EditingTraces
import SQLiteBridge
import Skerry

extension StoreBenchmarks {
  /// A recorded session through the store, a transaction for every patch: what it costs, and what
  /// it leaves in the file.
  static func session(
    _ bench: Bench, _ place: BenchFolder, _ trace: SequentialTrace
  ) async throws {
    let bare = try BareSQLite(path: place.next())
    let row = [UInt8](repeating: 0x5A, count: 64)
    let group = 256
    var last = ""
    _ = try await rates(
      bench, "store.traceThroughStore", "\(trace.name), not waiting", trace.patches.count,
      floor: (
        "floor.sqliteGroups", trace.patches.count,
        { try bare.write(trace.patches.count / group, rows: group, of: row) }
      )
    ) {
      last = place.next()
      let replica = try await Replica.create(at: last, name: "bench")
      let document = try await makeText(replica)
      for start in stride(from: 0, to: trace.patches.count, by: group) {
        let part = trace.patches[start..<min(start + group, trace.patches.count)]
        for result in try await replica.transactions(part.map { splice($0, document) }) {
          _ = try result.get()
        }
      }
      let text = try await replica.text(document, path: ["body"])
      try expect(text == trace.endContent, "store.traceThroughStore")
      await replica.close()
    }
    try await sizes(bench, trace.name, last)

    let waiting = trace.patches.prefix(4_000)
    let commits = 2_000
    _ = try await rates(
      bench, "store.traceThroughStore", "\(trace.name), waiting", waiting.count,
      floor: ("floor.sqliteCommit", commits, { try bare.write(commits, rows: 1, of: row) })
    ) {
      let replica = try await Replica.create(at: place.next(), name: "bench")
      let document = try await makeText(replica)
      for patch in waiting { try await replica.transaction(splice(patch, document)) }
      await replica.close()
    }
  }

  private static func splice(
    _ patch: TracePatch, _ document: DocumentID
  ) -> @Sendable (inout Transaction) throws -> Void {
    { transaction in
      try transaction.splice(
        at: patch.position, deleting: patch.deleteCount, inserting: patch.insertion, in: ["body"],
        of: document)
    }
  }

  /// The file after a checkpoint, and what its parts are.
  private static func sizes(_ bench: Bench, _ name: String, _ path: String) async throws {
    // Opening and closing once more leaves no WAL behind.
    await (try Replica.open(at: path)).close()
    let connection = try SQLiteConnection(
      SQLiteOptions(location: .file(path), access: .write))
    defer { connection.close() }
    try connection.checkpoint(.truncate)
    bench.figure("store.fileSize", name, BenchFolder.byteCount(path), unit: "bytes")
    for (part, table, column) in [
      ("unsealed", "unsealed", "block"), ("segments", "segment", "bytes"),
      ("tail", "document_tail", "block"), ("history", "document_history", "block"),
      ("state", "document_state", "state"),
    ] {
      let bytes = try connection.queryInteger("SELECT sum(length(\(column))) FROM \(table)") ?? 0
      let rows = try connection.queryInteger("SELECT count(*) FROM \(table)") ?? 0
      bench.figure("store.fileSize.\(part)", "\(name), \(rows) rows", Int(bytes), unit: "bytes")
    }
  }
}
