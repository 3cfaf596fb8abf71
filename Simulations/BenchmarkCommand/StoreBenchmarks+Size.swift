import CommandKit
import SimulationKit
import Skerry

extension StoreBenchmarks {
  private static let noteCount = 10_000
  private static let editCount = 10_000_000

  /// What ten million edits of ten thousand notes leave in the file once they are folded, beside
  /// the file of a store into which the same notes were just imported.
  ///
  /// Two devices edit in turns, now and then both at once, and exchange what they have as they go;
  /// a session is a hundred keystrokes in one note, which stays about as long as it is. What is
  /// folded is what both have acknowledged.
  static func size(_ bench: Bench, _ place: BenchFolder) async throws {
    let path = place.next()
    let devices = try await Devices(path, place.next())
    var notes = try await Notes(count: noteCount, in: devices.first)
    try await devices.level()
    let sessions = editCount / Notes.sessionEdits
    let round = 50
    var edits = 0
    for start in stride(from: 0, to: sessions, by: round) {
      edits += try await notes.edit(min(round, sessions - start), devices)
      try await devices.level()
    }
    let before = BenchFolder.byteCount(path)
    let (digest, other) = (
      try await devices.first.info().stateDigest, try await devices.second.info().stateDigest
    )
    let compaction = try await devices.first.compact()
    let after = try await devices.first.info()
    let isWhole = digest == other && digest == after.stateDigest
    try expect(isWhole && after.changeCount >= edits, "store.sizeAfterEdits")
    let contents = try await notes.contents(in: devices.first)
    await devices.close()

    let imported = place.next()
    let fresh = try await Replica.create(at: imported, name: "fresh")
    try await notes.write(contents, to: fresh)
    await fresh.close()
    let bytes = BenchFolder.byteCount(path)
    let importBytes = BenchFolder.byteCount(imported)
    let subject = "\(noteCount) notes, \(edits) edits"
    let textBytes = contents.reduce(0) { $0 + $1.body.utf8.count + $1.title.utf8.count }
    bench.figure("store.sizeBeforeCompacting", subject, before, unit: "bytes")
    bench.figure("store.sizeAfterEdits", subject, bytes, unit: "bytes")
    bench.figure("store.sizeOfImport", subject, importBytes, unit: "bytes")
    // In which both had done something at once that may collide: their history stays.
    bench.figure(
      "store.sizeAfterEdits.kept", subject, compaction.kept.reduce(0) { $0 + $1.count },
      unit: "notes")
    bench.figure("store.sizeOfText", subject, textBytes, unit: "bytes")
    report(bench, "store.sizeAfterEdits.ratio", subject, Double(bytes) / Double(importBytes))

    // A store that has never been edited has something to fold, too: its segments.
    let again = try await Replica.open(at: imported)
    _ = try await again.compact()
    await again.close()
    let least = BenchFolder.byteCount(imported)
    report(bench, "store.sizeAfterEdits.overCompacted", subject, Double(bytes) / Double(least))
  }

  private static func report(_ bench: Bench, _ name: String, _ subject: String, _ ratio: Double) {
    bench.report(
      name, subject, unit: "ratio", Figures(min: ratio, median: ratio, max: ratio, runs: 1))
  }
}

/// Two replicas of one workspace.
private struct Devices {
  let first: Replica
  let second: Replica

  init(_ path: String, _ other: String) async throws {
    first = try await Replica.create(at: path, name: "first")
    second = try await Replica.join(at: other, code: first.invite(), name: "second")
    try await level()
  }

  func level() async throws {
    let report = await second.sync(with: first)
    guard report.isLevel else {
      throw CommandFailure(sentence: "two replicas in one process do not become level")
    }
  }

  func close() async {
    await second.close()
    await first.close()
  }
}

/// Notes that people go on editing.
private struct Notes {
  /// Keystrokes in a row in one note.
  static let sessionEdits = 100
  private static let batch = 500
  private static let lengths = 500...2_000
  private static let words = "the island is small and its harbour keeps every boat that comes in "

  private var chance = RandomStream(seed: 1, "notes")
  private var ids: [DocumentID] = []
  /// How long each note wants to be.
  private var aims: [Int] = []

  init(count: Int, in replica: Replica) async throws {
    for _ in 0..<count { aims.append(chance.integer(in: Self.lengths)) }
    let contents = aims.enumerated().map { number, aim in
      (
        title: "Note \(number)",
        body: String(String(repeating: Self.words, count: aim / 60 + 1).prefix(aim))
      )
    }
    ids = try await write(contents, to: replica)
  }

  @discardableResult
  func write(
    _ contents: [(title: String, body: String)], to replica: Replica
  ) async throws -> [DocumentID] {
    var ids: [DocumentID] = []
    for start in stride(from: 0, to: contents.count, by: Self.batch) {
      let part = contents[start..<min(start + Self.batch, contents.count)]
      ids += try await replica.transaction { transaction in
        try part.map { note in
          let id = transaction.createDocument()
          try transaction.set(.string(note.title), at: ["title"], of: id)
          try transaction.replaceText(with: note.body, at: ["body"], of: id)
          return id
        }
      }.value
    }
    return ids
  }

  func contents(in replica: Replica) async throws -> [(title: String, body: String)] {
    let ids = ids
    return try await replica.read { reading in
      try ids.map { id in
        guard case .string(let title) = try reading.json(id, path: ["title"]) else {
          throw CommandFailure(sentence: "a note has lost its title")
        }
        return (title, try reading.text(id, path: ["body"]))
      }
    }
  }

  /// Some sessions on one of the devices, now and then on both at once.
  ///
  /// - Returns: how many edits they had.
  mutating func edit(_ sessions: Int, _ devices: Devices) async throws -> Int {
    var edits = 0
    let both = chance.integer(in: 1...10) == 1
    let isFirst = chance.integer(in: 1...2) == 1
    for session in 0..<sessions {
      let onFirst = both ? session % 2 == 0 : isFirst
      edits += try await edit(on: onFirst ? devices.first : devices.second)
    }
    return edits
  }

  private mutating func edit(on replica: Replica) async throws -> Int {
    let number = chance.integer(in: 0...ids.count - 1)
    let (id, aim) = (ids[number], aims[number])
    let text = try await replica.text(id, path: ["body"])
    var length = text.utf8.count
    let typed = length < aim ? 60 : 39
    let removed = min(length, Self.sessionEdits - 1 - typed)
    let title = "Note \(number), \(chance.integer(in: 1...9_999))"
    var steps: [@Sendable (inout Transaction) throws -> Void] = [
      { try $0.set(.string(title), at: ["title"], of: id) }
    ]
    let words = Self.words.prefix(typed).map { String($0) }
    var place = chance.integer(in: 0...length)
    for letter in words {
      let at = place
      steps.append { try $0.splice(at: at, inserting: letter, in: ["body"], of: id) }
      place += 1
      length += 1
    }
    place = chance.integer(in: removed...length)
    for _ in 0..<removed {
      place -= 1
      let at = place
      steps.append { try $0.splice(at: at, deleting: 1, inserting: "", in: ["body"], of: id) }
    }
    for result in try await replica.transactions(steps) { _ = try result.get() }
    return steps.count
  }
}
