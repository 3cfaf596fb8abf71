import CommandKit
import RelayService
import Skerry

/// Replicas on this machine, all on disk, that know nobody but a relay in this process, over
/// WebSockets of the loopback.
enum RelayBenchmarks {
  private static let changeCount = 20_000
  private static let documentCount = 2_000
  private static let readerCount = 8
  private static let keystrokeCount = 200
  /// Faster than anybody types.
  private static let pause = Duration.milliseconds(25)

  static func run(_ bench: Bench) async throws {
    let place = try BenchFolder()
    defer { place.remove() }
    try await carrying(bench, place)
    try await keystrokes(bench, place)
  }

  /// One device fills the relay, and others take what it has: one alone, then the rest at once.
  private static func carrying(_ bench: Bench, _ place: BenchFolder) async throws {
    var filling: [Double] = []
    var taking: [Double] = []
    var together: [Double] = []
    for _ in 0..<bench.runs {
      let replicas = try await SyncBenchmarks.level(readerCount + 2, in: place)
      let relay = try await RunningRelay(data: place.next())
      for replica in replicas {
        try expect(try await replica.sync(with: [relay.address]).allSatisfy(\.isLevel))
      }
      try await write(replicas[0])
      filling.append(try await rate(replicas[0], relay, count: { $0.sentChanges }))
      taking.append(try await rate(replicas[1], relay, count: { $0.receivedChanges }))
      let watch = Stopwatch()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for replica in replicas.dropFirst(2) {
          group.addTask { _ = try await rate(replica, relay, count: { $0.receivedChanges }) }
        }
        try await group.waitForAll()
      }
      together.append(Double(changeCount * readerCount) / watch.seconds)
      for replica in replicas.dropFirst() {
        try await SyncBenchmarks.expectEqual(replicas[0], replica, "relay.take")
      }
      await relay.stop()
      await SyncBenchmarks.close(replicas)
    }
    let subject = "\(changeCount) changes to \(documentCount) documents"
    for (name, subject, figures) in [
      ("relay.fill", subject, filling), ("relay.take", subject, taking),
      ("relay.takeTogether", "\(readerCount) devices at once", together),
    ] {
      if let figures = Figures(figures) {
        bench.report(name, subject, unit: "perSecond", figures)
      }
    }
  }

  /// - Returns: changes a second.
  private static func rate(
    _ replica: Replica, _ relay: RunningRelay, count: (SyncReport) -> UInt64
  ) async throws -> Double {
    let watch = Stopwatch()
    let reports = try await replica.sync(with: [relay.address])
    let seconds = watch.seconds
    try expect(
      reports.allSatisfy(\.isLevel)
        && reports.reduce(0) { $0 + count($1) } == UInt64(changeCount))
    return Double(changeCount) / seconds
  }

  private static func write(_ replica: Replica) async throws {
    let ids = try await replica.transaction { transaction in
      try (0..<documentCount).map { _ in
        let id = transaction.createDocument()
        try transaction.set("a note", at: ["title"], of: id)
        return id
      }
    }.value
    try await SyncBenchmarks.write(
      replica,
      (0..<changeCount - 1).map { number in
        { transaction in
          try transaction.set(.integer(Int64(number)), at: ["n"], of: ids[number % ids.count])
        }
      })
  }

  /// What is typed on one replica is readable, and durable, on another, by way of the relay.
  private static func keystrokes(_ bench: Bench, _ place: BenchFolder) async throws {
    var all: [Double] = []
    for _ in 0..<bench.runs {
      let replicas = try await SyncBenchmarks.level(2, in: place)
      let (author, reader) = (replicas[0], replicas[1])
      let relay = try await RunningRelay(data: place.next())
      let document = try await StoreBenchmarks.makeText(author)
      for replica in replicas + replicas {
        try expect(try await replica.sync(with: [relay.address]).allSatisfy(\.isLevel))
      }
      let served = replicas.map { replica in
        Task { try await replica.serve(ServeConfiguration(peers: [relay.address])) }
      }
      for number in 1...keystrokeCount {
        let watch = Stopwatch()
        let commit = try await author.transaction { transaction in
          try transaction.splice(at: 0, inserting: "x", in: ["body"], of: document)
        }
        try await reader.waitUntil(covers: commit.version, timeout: .seconds(60))
        // The links come to be with the first one.
        if number > 1 { all.append(watch.seconds * 1e3) }
        let text = try await reader.text(document, path: ["body"])
        try expect(text.utf8.count == number)
        try await Task.sleep(for: pause)
      }
      for task in served {
        task.cancel()
        _ = await task.result
      }
      await relay.stop()
      await SyncBenchmarks.close(replicas)
    }
    guard let figures = Figures(all) else { return }
    bench.report("relay.keystroke", "by way of the relay", unit: "ms", figures)
    let late = all.sorted()[all.count * 99 / 100]
    bench.report(
      "relay.keystroke.p99", "\(all.count) keys", unit: "ms",
      Figures(min: late, median: late, max: late, runs: figures.runs))
  }

  private static func expect(_ isRight: Bool) throws {
    try SyncBenchmarks.expect(isRight, "relay")
  }
}

/// A relay in this process until it is stopped.
private struct RunningRelay {
  let address: Address
  private let task: Task<Void, any Error>

  /// Returns when the port is open.
  init(data: String) async throws {
    let configuration = try RelayConfiguration(listen: "127.0.0.1:0", data: data)
    let (places, open) = AsyncStream<String>.makeStream()
    task = Task {
      defer { open.finish() }
      try await RelayProcess.serve(configuration) { open.yield($0) }
    }
    var first = places.makeAsyncIterator()
    guard let place = await first.next() else {
      try await task.value
      throw CommandFailure(sentence: "the relay has opened no port on the loopback")
    }
    address = try Address("ws://\(place)/")
  }

  func stop() async {
    task.cancel()
    _ = await task.result
  }
}
