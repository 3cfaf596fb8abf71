import CommandKit
import EditingTraces
import Skerry

/// Two replicas on this machine, both on disk, over one TCP link of the loopback.
enum SyncBenchmarks {
  static func run(_ bench: Bench, _ folder: TraceFolder?) async throws {
    let place = try BenchFolder()
    defer { place.remove() }
    try await backlogs(bench, place, folder)
    try await keystrokes(bench, place)
    try await devices(bench, place)
  }

  /// The part of `run` that is about single keystrokes.
  static func runKeystrokes(_ bench: Bench) async throws {
    let place = try BenchFolder()
    defer { place.remove() }
    try await keystrokes(bench, place)
  }

  static func expect(_ isRight: Bool, _ name: String) throws {
    guard isRight else { throw CommandFailure(sentence: "\(name) gives a wrong result") }
  }

  /// Both show the same, byte for byte.
  static func expectEqual(_ one: Replica, _ other: Replica, _ name: String) async throws {
    try await expect(one.info().stateDigest == other.info().stateDigest, name)
  }

  /// Documents of replicas that are level: so they are no new devices, which would be given a
  /// snapshot.
  static let documentCountAtFirst = 1

  /// A new replica and others that have joined it and have nothing to exchange.
  static func level(_ count: Int, in place: BenchFolder) async throws -> [Replica] {
    let founder = try await Replica.create(at: place.next(), name: "founder")
    try await founder.transaction { transaction in
      try transaction.set("first", at: ["title"], of: transaction.createDocument())
    }
    var replicas = [founder]
    for number in 1..<count {
      let joiner = try await Replica.join(
        at: place.next(), code: founder.invite(), name: "joiner \(number)")
      try await expect(joiner.sync(with: founder).isLevel, "joining")
      replicas.append(joiner)
    }
    for replica in replicas.dropFirst() { _ = await replica.sync(with: founder) }
    return replicas
  }

  static func close(_ replicas: [Replica]) async {
    for replica in replicas { await replica.close() }
  }

  /// Runs transactions, some hundred with one write to the disk.
  static func write(
    _ replica: Replica, _ bodies: [@Sendable (inout Transaction) throws -> Void]
  ) async throws {
    let group = 512
    for start in stride(from: 0, to: bodies.count, by: group) {
      for result in try await replica.transactions(
        Array(bodies[start..<min(start + group, bodies.count)]))
      {
        _ = try result.get()
      }
    }
  }
}

/// A replica that listens on the loopback until it is stopped.
struct ServedReplica {
  let address: Address
  private let task: Task<Void, any Error>

  /// Returns when the port is open.
  init(_ replica: Replica, peers: [Address] = []) async throws {
    let (places, open) = AsyncStream<String>.makeStream()
    task = Task {
      defer { open.finish() }
      try await replica.serve(ServeConfiguration(listen: "127.0.0.1:0", peers: peers)) { place in
        open.yield(place)
      }
    }
    var first = places.makeAsyncIterator()
    guard let place = await first.next() else {
      try await task.value
      throw CommandFailure(sentence: "no port could be opened on the loopback")
    }
    address = try Address("tcp://\(place)")
  }

  func stop() async {
    task.cancel()
    _ = await task.result
  }
}
