/// The sea between the islands: connections that carry bytes in order, late, in pieces, or not at
/// all.
///
/// A connection is what TCP gives: an ordered stream each way. While its ends cannot reach each
/// other nothing arrives and nobody is told; when they can again before an end gave up, what was
/// sent arrives after all. Weather and faults then do to the pieces what TCP rules out and broken
/// middleboxes, kernels and attackers do not: whoever reads such a stream has to notice.
struct VirtualNetwork {
  private final class Stream {
    /// What left and has not arrived, in order; what is held back by a partition stays in it.
    var inTransit: [Parcel] = []
    /// No later piece may overtake an earlier one.
    var lastArrival = 0
    /// When the link has carried all that was given to it, in virtual microseconds.
    var busyUntilMicroseconds = 0
    var random: RandomStream

    init(random: RandomStream) { self.random = random }
  }

  private final class Connection {
    /// Of the dialler and of the listener.
    let nodes: [Int]
    /// Towards the dialler and towards the listener.
    let streams: [Stream]
    var isOpen = [true, true]
    /// Nothing arrives any more and nobody is told.
    var isDead = false

    init(nodes: [Int], streams: [Stream]) {
      self.nodes = nodes
      self.streams = streams
    }
  }

  var reach: Reach
  /// What the weather is around each node; a link has the worse of both its ends.
  private var weather: [Weather]
  private let base: Weather
  private let seed: UInt64
  /// By their numbers; nil where both ends are gone.
  private var connections: [Connection?] = []
  /// How many connections were made between two nodes, so that each has a stream of its own.
  private var dialCounts: [[Int]]
  /// What an eavesdropper has kept of the traffic around each node; empty unless one listens.
  private var overheard: [[[UInt8]]]
  private let isOverheard: Bool

  private static let overheardMax = 32

  init(_ base: Weather, nodeCount: Int, seed: UInt64, isOverheard: Bool) {
    self.base = base
    self.seed = seed
    self.isOverheard = isOverheard
    reach = Reach(nodeCount: nodeCount)
    weather = Array(repeating: base, count: nodeCount)
    dialCounts = Array(repeating: Array(repeating: 0, count: nodeCount), count: nodeCount)
    overheard = Array(repeating: [], count: nodeCount)
  }

  // MARK: Connections

  /// Makes a connection between two nodes.
  mutating func connect(from dialler: Int, to listener: Int) -> ConnectionID {
    let id = ConnectionID(number: connections.count)
    dialCounts[dialler][listener] += 1
    let name = "link \(dialler) \(listener) \(dialCounts[dialler][listener])"
    connections.append(
      Connection(
        nodes: [dialler, listener],
        streams: [
          Stream(random: RandomStream(seed: seed, name + " back")),
          Stream(random: RandomStream(seed: seed, name + " forth")),
        ]))
    return id
  }

  private subscript(id: ConnectionID) -> Connection? {
    connections.indices.contains(id.number) ? connections[id.number] : nil
  }

  /// Those of which an end is open, in the order in which they were made.
  private var live: some Sequence<ConnectionID> {
    connections.indices.lazy.filter { connections[$0] != nil }.map { ConnectionID(number: $0) }
  }

  func node(_ side: Side, of id: ConnectionID) -> Int? {
    self[id]?.nodes[side.rawValue]
  }

  func isOpen(_ side: Side, of id: ConnectionID) -> Bool {
    self[id]?.isOpen[side.rawValue] ?? false
  }

  /// The open ends that a node holds, in the order in which they were made.
  func ends(of node: Int) -> [(ConnectionID, Side)] {
    live.flatMap { id in
      [Side.dialler, .listener].filter {
        self[id]?.nodes[$0.rawValue] == node && isOpen($0, of: id)
      }.map { (id, $0) }
    }
  }

  /// The connections that a node has now will never carry anything again.
  mutating func deaden(connectionsOf node: Int) {
    for (id, _) in ends(of: node) { self[id]?.isDead = true }
  }

  /// The process at an end died: its own end is gone at once and nothing reaches it any more.
  mutating func abandon(_ side: Side, of id: ConnectionID) {
    self[id]?.isOpen[side.rawValue] = false
    self[id]?.streams[side.rawValue].inTransit = []
    forgetIfOver(id)
  }

  private mutating func forgetIfOver(_ id: ConnectionID) {
    guard let connection = self[id], connection.isOpen == [false, false] else { return }
    connections[id.number] = nil
  }

  // MARK: Sending

  /// Takes what one end sends; what is returned arrives at the other at its time.
  mutating func send(
    _ cargo: Parcel.Cargo, from side: Side, of id: ConnectionID, now: Int
  ) -> [Parcel] {
    guard let connection = self[id], connection.isOpen[side.rawValue] else { return [] }
    let stream = connection.streams[side.other.rawValue]
    let sender = connection.nodes[side.rawValue]
    let receiver = connection.nodes[side.other.rawValue]
    let weather = self.weather[sender].worse(self.weather[receiver])
    if case .closed = cargo {
      self[id]?.isOpen[side.rawValue] = false
      forgetIfOver(id)
    }
    guard !connection.isDead else { return [] }
    if isOverheard, case .bytes(let bytes) = cargo { overhear(bytes, sender, receiver) }
    var parcels: [Parcel] = []
    for piece in weather.pieces(of: cargo, &stream.random) {
      let parcel = Parcel(
        piece.cargo, fate: piece.fate, connection: id, side: side.other, from: sender, sentAt: now)
      if stream.random.chance(millionths: weather.joinMillionths), piece.fate == .delivered,
        case .bytes(let more) = piece.cargo, let last = stream.inTransit.last, last.append(more)
      {
        continue
      }
      let delay = stream.random.integer(
        in: weather.delayMillisecondsMin...weather.delayMillisecondsMax)
      parcel.at = now + delay + transfer(piece.cargo, on: stream, weather, now)
      if piece.fate == .reordered {
        parcel.at += delay * 2 + 1
      } else {
        parcel.at = max(parcel.at, stream.lastArrival)
        stream.lastArrival = parcel.at
      }
      if piece.fate != .lost { stream.inTransit.append(parcel) }
      parcels.append(parcel)
    }
    return parcels
  }

  /// How long the bytes take on a narrow link, behind those before them.
  private func transfer(
    _ cargo: Parcel.Cargo, on stream: Stream, _ weather: Weather, _ now: Int
  ) -> Int {
    guard weather.bytesPerSecond > 0, case .bytes(let bytes) = cargo else { return 0 }
    let start = max(now * 1000, stream.busyUntilMicroseconds)
    stream.busyUntilMicroseconds = start + bytes.count * 1_000_000 / weather.bytesPerSecond
    return (stream.busyUntilMicroseconds - now * 1000) / 1000
  }

  // MARK: Arriving

  /// Whether a piece reaches its end now. What a partition holds back waits, and so does what is
  /// behind it, see ``released()``.
  mutating func arrive(_ parcel: Parcel) -> Bool {
    guard let connection = self[parcel.connection] else { return false }
    let stream = connection.streams[parcel.side.rawValue]
    guard parcel.fate != .lost, !connection.isDead,
      let place = stream.inTransit.firstIndex(where: { $0 === parcel }),
      canPass(connection, towards: parcel.side)
    else { return false }
    // Whatever is in front was held back and comes first, unless this one overtakes it.
    guard place == 0 || parcel.fate == .reordered || !stream.inTransit[0].isDue(parcel.at) else {
      return false
    }
    stream.inTransit.remove(at: place)
    if case .closed = parcel.cargo {
      self[parcel.connection]?.isOpen[parcel.side.rawValue] = false
      forgetIfOver(parcel.connection)
    }
    return true
  }

  /// Whether all that was sent towards an end has come to it.
  func isSilent(towards side: Side, of id: ConnectionID) -> Bool {
    guard let connection = self[id], !connection.isDead else { return false }
    return connection.streams[side.rawValue].inTransit.isEmpty
  }

  private func canPass(_ connection: Connection, towards side: Side) -> Bool {
    reach.canHear(connection.nodes[side.rawValue], connection.nodes[side.other.rawValue])
  }

  /// After links have come back: what waited for that and is due, in the order of the streams.
  func released(now: Int) -> [Parcel] {
    live.flatMap { id -> [Parcel] in
      guard let connection = self[id], !connection.isDead else { return [] }
      return [Side.dialler, .listener].flatMap { side -> [Parcel] in
        guard canPass(connection, towards: side) else { return [] }
        return connection.streams[side.rawValue].inTransit.filter { $0.at <= now }
      }
    }
  }

  // MARK: Weather and eavesdroppers

  mutating func setWeather(_ faults: [Fault]) {
    weather = Array(repeating: base, count: weather.count)
    for fault in faults where weather.indices.contains(fault.node) {
      weather[fault.node].add(fault)
    }
  }

  private mutating func overhear(_ bytes: [UInt8], _ sender: Int, _ receiver: Int) {
    for node in [sender, receiver] {
      if overheard[node].count >= Self.overheardMax { overheard[node].removeFirst() }
      overheard[node].append(bytes)
    }
  }

  /// Somebody on the wire puts bytes that were overheard at `source` into a stream of `node`.
  mutating func inject(at node: Int, from source: Int, now: Int) -> [Parcel] {
    var random = RandomStream(seed: seed, "wire \(node) \(now)")
    guard let (id, side) = random.element(of: ends(of: node)),
      let bytes = random.element(of: overheard[source]), let connection = self[id],
      !connection.isDead
    else { return [] }
    let towards = random.chance(millionths: 500_000) ? side : side.other
    let stream = connection.streams[towards.rawValue]
    let parcel = Parcel(
      .bytes(bytes), fate: .injected, connection: id, side: towards,
      from: connection.nodes[towards.other.rawValue], sentAt: now)
    parcel.at = max(now + 1, stream.lastArrival)
    stream.lastArrival = parcel.at
    stream.inTransit.append(parcel)
    return [parcel]
  }
}
