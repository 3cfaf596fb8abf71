import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Sealing
import Segments
import SyncProtocol
import TestSupport

@testable import Replication

/// Engines over stores in memory, joined by byte pipes that cut what crosses them into random
/// pieces, in one thread and virtual time.
final class World {
  final class Node {
    let name: String
    let store: ReplicaStore
    var engine: Engine
    var configuration: EngineConfiguration
    /// Does not answer and does nothing.
    var isDown = false
    var changed: Set<DocumentID> = []
    var levels: Set<LinkID> = []
    var failures: [LinkFailure] = []
    var reports: [LinkFailure] = []
    var isAdmitted = false
    var logs: [String] = []
    var ended: [LinkFigures] = []

    init(
      _ name: String, _ store: ReplicaStore, _ engine: Engine, _ configuration: EngineConfiguration
    ) {
      self.name = name
      self.store = store
      self.engine = engine
      self.configuration = configuration
    }
  }

  struct Stream {
    var ends: (from: Int, to: Int)
    var bytes: [UInt8] = []
    /// The sender has closed.
    var isClosing = false
  }

  var nodes: [Node] = []
  /// For each link both directions.
  var streams: [LinkID: [Stream]] = [:]
  /// Links over which nothing comes for now.
  var held: Set<LinkID> = []
  var random: SeededGenerator
  var now: UInt64 = 1_000
  let entropy: Entropy
  private var lastLink: UInt64 = 0
  var bytesCrossed = 0
  var piecesMax = 50_000

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    entropy = .seeded(seed)
  }

  var instant: EngineInstant {
    EngineInstant(
      monotonic: now, wall: Timestamp(clampingMilliseconds: 1_700_000_000_000 + Int64(now)))
  }

  // MARK: Replicas

  @discardableResult
  func add(
    _ store: ReplicaStore, configure: (inout EngineConfiguration) -> Void = { _ in }
  ) throws -> Int {
    var configuration = EngineConfiguration()
    configure(&configuration)
    let engine = try Engine(
      store: store, configuration: configuration, entropy: entropy, at: instant)
    nodes.append(Node("\(nodes.count)", store, engine, configuration))
    return nodes.count - 1
  }

  func found() throws -> Int {
    try add(
      try ReplicaStore.create(
        SQLiteOptions(location: .memory), .workspace(name: "founder"), now: instant.wall,
        entropy: entropy))
  }

  func invite(
    from node: Int, role: Role = .writer, expiresMillis: UInt64 = .max
  ) throws -> String {
    let (code, effects) = try nodes[node].engine.invite(
      role: role, expiresMillis: expiresMillis, at: instant)
    run(effects, node)
    return code
  }

  func join(_ code: String) throws -> Int {
    try add(
      try ReplicaStore.create(
        SQLiteOptions(location: .memory), .joining(try Invitation(code: code), name: "joiner"),
        now: instant.wall, entropy: entropy))
  }

  /// So many replicas that are all members and hold each other's records.
  static func members(_ count: Int, seed: UInt64) throws -> World {
    let world = World(seed: seed)
    _ = try world.found()
    for _ in 1..<count {
      let node = try world.join(try world.invite(from: 0))
      let link = world.connect(node, 0)
      world.runUntil { world.nodes[node].isAdmitted }
      world.cut(link)
    }
    for node in 1..<count {
      let link = world.connect(node, 0)
      world.runUntil { world.nodes[node].levels.contains(link) }
      world.cut(link)
    }
    return world
  }

  /// The process ends and starts again.
  func restart(_ node: Int) throws {
    for (link, streams) in streams.sorted(by: { $0.key < $1.key })
    where streams[0].ends.from == node || streams[0].ends.to == node {
      cut(link, sparing: node)
    }
    nodes[node].levels = []
    nodes[node].engine = try Engine(
      store: nodes[node].store, configuration: nodes[node].configuration, entropy: entropy,
      at: instant)
    run(nodes[node].engine.start(at: instant), node)
  }

  // MARK: Writing

  @discardableResult
  func edit(
    _ node: Int, _ id: DocumentID? = nil, _ body: (Editor) throws -> Void
  ) throws -> DocumentID {
    let store = nodes[node].store
    let result = try store.group(now: instant.wall, entropy: entropy) { group in
      group.transaction { transaction in
        let id = id ?? transaction.create()
        try body(try transaction.edit(id))
        return id
      }
    }
    run(nodes[node].engine.committed(at: instant), node)
    return try result.get().value
  }

  @discardableResult
  func set(
    _ node: Int, in id: DocumentID? = nil, _ key: String, _ value: JSONValue
  ) throws -> DocumentID {
    try edit(node, id) { try $0.set(DocumentPath([.key(key)]), to: value) }
  }

  // MARK: Links

  func connect(_ node: Int, _ other: Int) -> LinkID {
    let link = newStream(node, other)
    run(nodes[other].engine.accepted(link, from: nodes[node].name, at: instant), other)
    run(
      nodes[node].engine.connected(link, to: nodes[other].name, isRelay: false, at: instant), node)
    return link
  }

  private func newStream(_ node: Int, _ other: Int) -> LinkID {
    lastLink += 1
    let link = LinkID(lastLink)
    streams[link] = [Stream(ends: (node, other)), Stream(ends: (other, node))]
    return link
  }

  func cut(_ link: LinkID, sparing: Int? = nil) {
    guard let cut = streams.removeValue(forKey: link) else { return }
    for node in [cut[0].ends.from, cut[0].ends.to] where node != sparing {
      run(nodes[node].engine.closed(link, "the link was cut", at: instant), node)
    }
  }

  func cutAll() {
    for link in streams.keys.sorted() { cut(link) }
  }

  // MARK: Running

  func run(_ effects: [Effect], _ node: Int) {
    let state = nodes[node]
    for effect in effects {
      switch effect {
      case .send(let link, let bytes):
        guard let index = streams[link]?.firstIndex(where: { $0.ends.from == node }) else {
          continue
        }
        streams[link]?[index].bytes += bytes
        bytesCrossed += bytes.count
      case .close(let link, let failure):
        state.levels.remove(link)
        if let failure { state.failures.append(failure) }
        guard let index = streams[link]?.firstIndex(where: { $0.ends.from == node }) else {
          continue
        }
        streams[link]?[index].isClosing = true
      case .dial(let dial, let address):
        let other = Int(address.split(separator: ":").last ?? "") ?? -1
        guard nodes.indices.contains(other), !nodes[other].isDown else {
          run(state.engine.dialFailed(dial, "connection refused", at: instant), node)
          continue
        }
        let link = newStream(node, other)
        run(nodes[other].engine.accepted(link, from: state.name, at: instant), other)
        run(state.engine.dialled(dial, link, at: instant), node)
      case .level(let link, let isLevel):
        if isLevel { state.levels.insert(link) } else { state.levels.remove(link) }
      case .changed(let documents, _): state.changed.formUnion(documents)
      case .admitted: state.isAdmitted = true
      case .reported(_, let failure): state.reports.append(failure)
      case .log(_, let sentence): state.logs.append(sentence)
      case .ended(let link, let figures):
        state.levels.remove(link)
        state.ended.append(figures)
      case .membershipChanged, .presenceChanged: break
      }
    }
  }

  func step(milliseconds: UInt64 = 5) {
    now += milliseconds
    for link in streams.keys.sorted() where !held.contains(link) {
      for index in 0..<2 where Bool.random(using: &random) { deliver(link, index) }
    }
    for node in nodes.indices where !nodes[node].isDown {
      guard nodes[node].engine.nextDeadline <= now else { continue }
      run(nodes[node].engine.tick(at: instant), node)
    }
  }

  private func deliver(_ link: LinkID, _ index: Int) {
    guard var stream = streams[link]?[index] else { return }
    let to = stream.ends.to
    if stream.bytes.isEmpty {
      guard stream.isClosing, streams.removeValue(forKey: link) != nil else { return }
      nodes[to].levels.remove(link)
      run(nodes[to].engine.closed(link, "closed by the peer", at: instant), to)
      return
    }
    guard !nodes[to].isDown else { return }
    let count = Int.random(in: 1...min(stream.bytes.count, piecesMax), using: &random)
    let piece = Array(stream.bytes.prefix(count))
    stream.bytes.removeFirst(count)
    streams[link]?[index] = stream
    nodes[stream.ends.from].engine.sent(link, byteCount: count)
    run(nodes[to].engine.received(link, piece, at: instant), to)
  }

  @discardableResult
  func runUntil(steps: Int = 4_000, _ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<steps {
      if try condition() { return true }
      step()
    }
    return try condition()
  }

  /// All that are up show the same.
  func isConverged() throws -> Bool {
    let up = nodes.filter { !$0.isDown }
    guard
      up.allSatisfy({
        $0.store.appliedVector == up[0].store.appliedVector
          && $0.store.membership.digest == up[0].store.membership.digest
      })
    else { return false }
    for node in up where try node.store.unsealedCount() > 0 { return false }
    return try up.allSatisfy { try $0.store.stateDigest() == up[0].store.stateDigest() }
  }
}
