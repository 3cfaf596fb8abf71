/// The sea between the islands: connections that carry bytes in order, late, in pieces, or not at
/// all.
///
/// A connection is what TCP gives: an ordered stream each way. While its ends are partitioned
/// nothing arrives and nobody is told; when the partition ends before an end gave up, what was sent
/// arrives after all. What is thrown at a node that is down comes back as a closed connection.
struct VirtualNetwork {
  struct ConnectionID: Hashable, Comparable {
    var number: Int

    static func < (left: ConnectionID, right: ConnectionID) -> Bool { left.number < right.number }
  }

  /// One end of a connection.
  enum Side: Int {
    case dialler, listener

    var other: Side { self == .dialler ? .listener : .dialler }
  }

  /// What reaches an end.
  enum Delivery {
    case bytes([UInt8])
    case closed
  }

  private struct Stream {
    var waiting: [Delivery] = []
    /// No later delivery may overtake an earlier one.
    var lastArrival = 0
    var random: RandomStream
  }

  private struct Connection {
    var nodes: [Int]
    var streams: [Stream]
    var isOpen = [true, true]
  }

  private let network: Plan.Network
  private let seed: UInt64
  private var connections: [ConnectionID: Connection] = [:]
  private var nextNumber = 0
  /// The group of each node; nodes of different groups cannot reach each other.
  private var groups: [Int]
  /// How many connections were made between two nodes, so that each has a stream of its own.
  private var dialCounts: [[Int]]

  init(_ network: Plan.Network, nodeCount: Int, seed: UInt64) {
    self.network = network
    self.seed = seed
    groups = Array(repeating: 0, count: nodeCount)
    dialCounts = Array(repeating: Array(repeating: 0, count: nodeCount), count: nodeCount)
  }

  func canReach(_ left: Int, _ right: Int) -> Bool {
    groups[left] == groups[right]
  }

  /// Nodes that no group names stay with group 0.
  mutating func partition(into parts: [[Int]]) {
    for (number, part) in parts.enumerated() {
      for node in part where groups.indices.contains(node) { groups[node] = number }
    }
  }

  /// Ends every partition. Returns the ends that have something waiting.
  mutating func heal() -> [(ConnectionID, Side)] {
    for node in groups.indices { groups[node] = 0 }
    return connections.keys.sorted().flatMap { id in
      [Side.dialler, .listener].filter {
        connections[id]?.streams[$0.rawValue].waiting.isEmpty == false
      }.map { (id, $0) }
    }
  }

  /// Makes a connection between two nodes that can reach each other.
  mutating func connect(from dialler: Int, to listener: Int) -> ConnectionID {
    let id = ConnectionID(number: nextNumber)
    nextNumber += 1
    dialCounts[dialler][listener] += 1
    let name = "link \(dialler) \(listener) \(dialCounts[dialler][listener])"
    connections[id] = Connection(
      nodes: [dialler, listener],
      streams: [
        Stream(random: RandomStream(seed: seed, name + " back")),
        Stream(random: RandomStream(seed: seed, name + " forth")),
      ])
    return id
  }

  func node(_ side: Side, of id: ConnectionID) -> Int? {
    connections[id]?.nodes[side.rawValue]
  }

  func isOpen(_ side: Side, of id: ConnectionID) -> Bool {
    connections[id]?.isOpen[side.rawValue] ?? false
  }

  /// The open ends that a node holds, in the order in which they were made.
  func ends(of node: Int) -> [(ConnectionID, Side)] {
    connections.keys.sorted().flatMap { id in
      [Side.dialler, .listener].filter {
        connections[id]?.nodes[$0.rawValue] == node && isOpen($0, of: id)
      }.map { (id, $0) }
    }
  }

  /// Takes what one end sends and says at which times it reaches the other.
  mutating func send(
    _ delivery: Delivery, from side: Side, of id: ConnectionID, now: Int
  ) -> [(at: Int, side: Side)] {
    guard var connection = connections[id], connection.isOpen[side.rawValue] else { return [] }
    let receiver = side.other.rawValue
    var arrivals: [(at: Int, side: Side)] = []
    for piece in pieces(of: delivery, &connection.streams[receiver].random) {
      let delay = connection.streams[receiver].random.integer(
        in: network.delayMillisecondsMin...network.delayMillisecondsMax)
      let at = max(now + delay, connection.streams[receiver].lastArrival)
      connection.streams[receiver].lastArrival = at
      connection.streams[receiver].waiting.append(piece)
      arrivals.append((at, side.other))
    }
    if case .closed = delivery { connection.isOpen[side.rawValue] = false }
    connections[id] = connection
    return arrivals
  }

  private func pieces(of delivery: Delivery, _ random: inout RandomStream) -> [Delivery] {
    guard case .bytes(let bytes) = delivery, bytes.count > 1,
      random.chance(permille: network.splitPermille)
    else { return [delivery] }
    let cut = random.integer(in: 1...(bytes.count - 1))
    return [.bytes(Array(bytes[..<cut])), .bytes(Array(bytes[cut...]))]
  }

  /// What arrives at an end now; nil when nothing can: it was taken earlier, or a partition holds
  /// it.
  mutating func arrive(at side: Side, of id: ConnectionID) -> Delivery? {
    guard var connection = connections[id], !connection.streams[side.rawValue].waiting.isEmpty,
      canReach(connection.nodes[0], connection.nodes[1])
    else { return nil }
    let delivery = connection.streams[side.rawValue].waiting.removeFirst()
    if case .closed = delivery { connection.isOpen[side.rawValue] = false }
    let isOver = connection.isOpen == [false, false]
    connections[id] = isOver ? nil : connection
    return delivery
  }

  /// How many deliveries wait for an end.
  func waitingCount(at side: Side, of id: ConnectionID) -> Int {
    connections[id]?.streams[side.rawValue].waiting.count ?? 0
  }

  /// The process at an end died: its own end is gone at once and nothing reaches it any more.
  mutating func abandon(_ side: Side, of id: ConnectionID) {
    connections[id]?.isOpen[side.rawValue] = false
    connections[id]?.streams[side.rawValue].waiting = []
  }
}
