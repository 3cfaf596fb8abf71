import Causality
import Documents
import ReplicaStore
import Replication
import SQLiteBridge
import Sealing
import Segments

/// One island: a store file and, while the process lives, the engine over it.
final class Node {
  let number: Int
  private let path: String
  private let seed: UInt64
  private(set) var store: ReplicaStore
  private(set) var engine: Engine?
  /// How often the process was started.
  private(set) var life = 0
  /// Chance for what people do here in this life.
  private(set) var entropy: Entropy
  /// How far this node's wall clock is from virtual time.
  var wallOffsetMilliseconds = 0
  /// The virtual time of the wake-up call that is under way.
  var wakeTime: Int?
  /// The ends of connections this process holds, by the number under which the engine knows them.
  var links: [LinkID: (connection: VirtualNetwork.ConnectionID, side: VirtualNetwork.Side)] = [:]
  private var nextLink: UInt64 = 0

  /// 2026-01-01, when every run begins.
  private static let epochMilliseconds: Int64 = 1_767_225_600_000

  static func address(of number: Int) -> String {
    "tcp://node-\(number):7000"
  }

  static func number(of address: String) -> Int? {
    guard address.hasPrefix("tcp://node-"), address.hasSuffix(":7000") else { return nil }
    return Int(address.dropFirst("tcp://node-".count).dropLast(":7000".count))
  }

  init(
    _ number: Int, folder: String, seed: UInt64, founding: ReplicaStore.Founding
  ) throws {
    self.number = number
    self.seed = seed
    entropy = .seeded(Node.chance(seed, number, 1_000_000))
    path = "\(folder)/node-\(number).skerry"
    store = try ReplicaStore.create(
      SQLiteOptions(location: .file(path), access: .create), founding,
      now: Timestamp(clampingMilliseconds: Node.epochMilliseconds),
      entropy: .seeded(Node.chance(seed, number, 0)))
  }

  /// Chance of its own for every life of every node.
  private static func chance(_ seed: UInt64, _ number: Int, _ boot: Int) -> UInt64 {
    var stream = RandomStream(seed: seed, "node \(number) life \(boot)")
    return stream.next()
  }

  var isUp: Bool { engine != nil }

  func wall(at now: Int) -> Timestamp {
    Timestamp(
      clampingMilliseconds: Node.epochMilliseconds + Int64(now) + Int64(wallOffsetMilliseconds))
  }

  func instant(at now: Int) -> EngineInstant {
    EngineInstant(monotonic: UInt64(now), wall: wall(at: now))
  }

  /// Starts the process: opens the store, unless it has just been made, and puts an engine on it.
  func boot(_ configuration: EngineConfiguration, at now: Int) throws {
    if life > 0 {
      store = try ReplicaStore.open(SQLiteOptions(location: .file(path), access: .write))
    }
    life += 1
    entropy = .seeded(Node.chance(seed, number, 1_000_000 + life))
    engine = try Engine(
      store: store, configuration: configuration,
      entropy: .seeded(Node.chance(seed, number, life)), at: instant(at: now))
  }

  /// Ends the process without a word: what SQLite committed stays.
  func crash() {
    engine = nil
    links = [:]
    wakeTime = nil
    store.close()
  }

  func newLink(
    _ connection: VirtualNetwork.ConnectionID, _ side: VirtualNetwork.Side
  ) -> LinkID {
    nextLink += 1
    let id = LinkID(nextLink)
    links[id] = (connection, side)
    return id
  }

  func link(of connection: VirtualNetwork.ConnectionID, _ side: VirtualNetwork.Side) -> LinkID? {
    links.first { $0.value.connection == connection && $0.value.side == side }?.key
  }
}
