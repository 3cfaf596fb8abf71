import Skerry

// A device that has nothing yet, and one that has everything.
extension SyncBenchmarks {
  private static let noteCount = 100_000
  private static let noteBytes = 500
  /// What a list shows at first.
  private static let pageCount = 50

  static func devices(_ bench: Bench, _ place: BenchFolder) async throws {
    let replicas = try await level(2, in: place)
    let (founder, other) = (replicas[0], replicas[1])
    let body = String(repeating: "lorem ipsum ", count: noteBytes / 12 + 1).prefix(noteBytes)
    try await write(
      founder,
      (0..<noteCount).map { number in
        { transaction in
          let id = transaction.createDocument()
          try transaction.set(.string("note \(number)"), at: ["title"], of: id)
          try transaction.set(.string(String(body)), at: ["body"], of: id)
        }
      })
    let source = try await ServedReplica(founder)
    try await newDevices(bench, place, founder, source)
    let reports = try await other.sync(with: [source.address])
    try expect(reports.allSatisfy(\.isLevel), "sync.nothing")
    try await nothing(bench, founder, other, source)
    await source.stop()
    await close(replicas)
  }

  private static func newDevices(
    _ bench: Bench, _ place: BenchFolder, _ founder: Replica, _ source: ServedReplica
  ) async throws {
    var whole: [Double] = []
    var usable: [Double] = []
    for _ in 0..<bench.runs {
      let code = try await founder.invite()
      let watch = Stopwatch()
      let joiner = try await Replica.join(at: place.next(), code: code, name: "new")
      let first = Task { try await firstPage(of: joiner, watch) }
      let reports = try await joiner.sync(with: [source.address])
      whole.append(watch.seconds * 1e3)
      usable.append(try await first.value)
      try expect(reports.allSatisfy(\.isLevel), "sync.newDevice")
      try await expect(
        joiner.info().documentCount == documentCountAtFirst + noteCount, "sync.newDevice")
      try await expectEqual(founder, joiner, "sync.newDevice")
      await joiner.close()
    }
    let subject = "\(noteCount) notes of \(noteBytes) bytes"
    if let figures = Figures(whole) {
      bench.report("sync.newDevice", subject, unit: "ms", figures)
    }
    if let figures = Figures(usable) {
      bench.report("sync.newDevice.usable", subject, unit: "ms", figures)
    }
  }

  /// How long it took until a list had something to show, and what it shows could be read.
  private static func firstPage(of replica: Replica, _ watch: Stopwatch) async throws -> Double {
    for await _ in replica.changes() {
      let page = try await replica.arrivingDocuments(limit: pageCount)
      if page.count == pageCount {
        let bodies = page.compactMap { $0.value.objectValue?["body"]?.stringValue }
        try expect(bodies.allSatisfy { $0.utf8.count == noteBytes }, "sync.newDevice.usable")
        break
      }
      if try await replica.documents(limit: pageCount).count == pageCount { break }
    }
    return watch.seconds * 1e3
  }

  private static func nothing(
    _ bench: Bench, _ founder: Replica, _ other: Replica, _ source: ServedReplica
  ) async throws {
    let exchanges = 20
    var figures: [Double] = []
    var bytes: UInt64 = 0
    for _ in 0..<(bench.runs * exchanges) {
      let watch = Stopwatch()
      let reports = try await other.sync(with: [source.address])
      figures.append(watch.seconds * 1e3)
      try expect(
        reports.allSatisfy { $0.isLevel && $0.receivedChanges + $0.sentChanges == 0 },
        "sync.nothing")
      bytes = reports.reduce(0) { max($0, $1.sentBytes, $1.receivedBytes) }
    }
    let subject = "\(noteCount) notes"
    if let figures = Figures(figures) {
      bench.report("sync.nothing", subject, unit: "ms", figures)
    }
    bench.figure("sync.nothing.bytes", "\(subject), the larger way", Int(bytes), unit: "bytes")
    try await expectEqual(founder, other, "sync.nothing")
  }
}
