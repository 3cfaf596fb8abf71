import Documents
import ReplicaStore
import SQLiteBridge
import Sealing

/// What a store's operations cost as it grows, ten times a line: in documents, and in changes of
/// one document. Nothing that runs for an edit may grow with either.
enum StoreGrowth {
  static func run(_ bench: Bench) throws {
    let place = try BenchFolder()
    defer { place.remove() }
    for documents in [1_000, 10_000, 100_000, 1_000_000] {
      try rows(bench, place, documents)
      try byDocuments(bench, place, documents)
    }
    for changes in [1_000, 10_000, 100_000, 1_000_000] { try byChanges(bench, place, changes) }
  }

  private static let now = Timestamp(clampingMilliseconds: 0)
  private static let entropy = Entropy.seeded(7)

  private static func make(_ place: BenchFolder) throws -> ReplicaStore {
    try ReplicaStore.create(
      options(place.next()), .workspace(name: "bench"), now: now, entropy: entropy)
  }

  private static func options(_ path: String) -> SQLiteOptions {
    SQLiteOptions(location: .file(path), access: .create)
  }

  // MARK: The floor

  /// What bare SQLite needs to write a row anew in a table of so many, as long as the documents
  /// are, a hundred a transaction: what does not fit into its page cache is read for it, and each
  /// row is on another page.
  private static func rows(_ bench: Bench, _ place: BenchFolder, _ count: Int) throws {
    let bare = try BareSQLite(path: place.next())
    let value = [UInt8](repeating: 0x41, count: 300)
    try bare.write(count / 1_000, rows: 1_000, of: value)
    let rewritten = 1_000
    var last = 0
    try bench.time(
      "growth.floor.sqliteUpdate", "\(count) rows", each: rewritten, prepare: {},
      check: { try bare.count() == count },
      measure: {
        for _ in 0..<rewritten / 100 {
          let keys = (0..<100).map { _ in
            last = (last + 7_368_787) % count
            return last + 1
          }
          try bare.rewrite(keys, with: value)
        }
      })
  }

  // MARK: Documents

  private static func byDocuments(
    _ bench: Bench, _ place: BenchFolder, _ count: Int
  ) throws {
    let store = try make(place)
    defer { store.close() }
    let batch = 1_000
    let body = String(repeating: "lorem ipsum ", count: 20)
    var documents: [DocumentID] = []
    func create() throws {
      documents += try store.group(now: now, entropy: entropy) { group in
        group.transaction { transaction in
          try (0..<batch).map { _ in
            let document = transaction.create()
            try transaction.edit(document).make(["body"], .text)
            try transaction.edit(document).splice(["body"], at: 0, delete: 0, insert: body)
            return document
          }
        }
      }.get().value
    }
    while documents.count < count { try create() }
    let subject = "\(count) documents"
    try bench.time(
      "growth.createDocument", subject, each: batch, prepare: {},
      check: { try store.documentCount() == documents.count }, measure: { try create() })
    try bench.time(
      "growth.openStore", subject, each: 1, prepare: {},
      check: { (other: ReplicaStore) in
        defer { other.close() }
        return other.position == store.position
      }, measure: { try ReplicaStore.open(store.options) })
    // Steps of an odd prime come by everywhere.
    var place = 0
    func next() -> DocumentID {
      place = (place + 7_368_787) % documents.count
      return documents[place]
    }
    let reads = 1_000
    try bench.time(
      "growth.readDocument", subject, each: reads, prepare: {},
      check: { $0 >= reads * body.utf8.count },
      measure: {
        try (0..<reads).reduce(0) { sum, _ in
          try sum + (store.document(next())?.text(at: ["body"]).utf8.count ?? 0)
        }
      })
    try bench.time(
      "growth.editDocument", subject, each: reads, prepare: { store.position },
      check: { store.position == $0 + Int64(reads) },
      measure: { position in
        for _ in 0..<reads / 100 {
          try store.group(now: now, entropy: entropy) { group in
            for _ in 0..<100 {
              _ = group.transaction {
                try $0.edit(next()).splice(["body"], at: 0, delete: 0, insert: "x")
              }
            }
          }
        }
        return position
      })
    bench.figure(
      "growth.fileBytesPerDocument", subject,
      BenchFolder.byteCount(store.path) / documents.count, unit: "bytes")
  }

  // MARK: Changes

  /// Keystrokes into one document, a transaction each.
  private static func byChanges(
    _ bench: Bench, _ place: BenchFolder, _ count: Int
  ) throws {
    let store = try make(place)
    defer { store.close() }
    let document = try store.group(now: now, entropy: entropy) { group in
      group.transaction { transaction in
        let document = transaction.create()
        try transaction.edit(document).make(["body"], .text)
        return document
      }
    }.get().value
    var length = 0
    func type(_ strokes: Int) throws {
      try store.group(now: now, entropy: entropy) { group in
        for _ in 0..<strokes {
          let position = length
          _ = group.transaction {
            try $0.edit(document).splice(["body"], at: position, delete: 0, insert: "x")
          }
          length += 1
        }
      }
    }
    while length < count { try type(100) }
    let subject = "\(count) changes"
    let strokes = 1_000
    try bench.time(
      "growth.storedKeystroke", subject, each: strokes, prepare: {},
      check: { Int(store.position) == length + 1 },
      measure: { for _ in 0..<strokes / 100 { try type(100) } })
    try bench.time(
      "growth.openStoreAndText", subject, each: 1, prepare: {},
      check: { $0 == length },
      measure: {
        let other = try ReplicaStore.open(store.options)
        defer { other.close() }
        return try other.document(document)?.count(at: ["body"])
      })
    bench.figure(
      "growth.fileBytesPerThousandChanges", subject,
      BenchFolder.byteCount(store.path) * 1_000 / length, unit: "bytes")
  }
}

extension ReplicaStore {
  fileprivate var path: String {
    guard case .file(let path) = options.location else { return "" }
    return path
  }
}
