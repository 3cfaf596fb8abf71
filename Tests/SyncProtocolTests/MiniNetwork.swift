import Causality
import TestSupport

@testable import SyncProtocol

/// A few replicas over fake stores and byte pipes, in one thread and virtual time.
struct MiniNetwork {
  struct End: Hashable {
    var node: Int
    var link: Int
  }

  struct Node {
    var store = FakeStore()
    var origin: Origin
    var wish = PushWish.everything {
      didSet { planner = WantPlanner(local: store.vector, wish: wish) }
    }
    var sessions: [Int: SyncSession] = [:]
    var decoders: [Int: FrameDecoder] = [:]
    var planner: WantPlanner
    var inbox: [(link: Int, segment: IncomingSegment)] = []
    var inboxBytesMax = 0
    var records: Set<[UInt8]> = []
    var events: [SessionAction] = []
    /// Links that are level.
    var level: Set<Int> = []
    /// Stores what came only now and then.
    var isSlow = false
    /// Stores nothing.
    var isStuck = false
    /// Gives nothing of what it has stored.
    var isUnreadable = false
    /// Gives nothing of these.
    var unreadable: Set<Origin> = []
    /// What it has dropped.
    var floor = VersionVector()

    init(_ number: Int) {
      origin = makeOrigin(number)
      planner = WantPlanner(local: VersionVector(), wish: .everything)
    }

    var digest: [UInt8] {
      var digest = [UInt8](repeating: 0, count: 32)
      for record in records {
        for (index, byte) in record.enumerated() { digest[index % 32] ^= byte }
      }
      return digest
    }
  }

  struct Pipe {
    var from: Int
    var to: Int
    var bytes: [UInt8] = []
  }

  var nodes: [Node]
  /// For each link the two directions, until it is cut.
  var pipes: [Int: (Pipe, Pipe)] = [:]
  var now: UInt64 = 1_000
  var random: SeededGenerator
  var limits = SessionLimits()
  private var nextLink = 0
  /// How often each segment crossed each link in each direction, and from whom to whom.
  var crossings: [String: Int] = [:]
  var crossingsBetween: [String: Int] = [:]
  /// Bytes that crossed but heartbeats.
  var messagesAtWork = 0
  var maximumPiece = 100_000

  init(count: Int, seed: UInt64) {
    nodes = (0..<count).map { Node($0) }
    random = SeededGenerator(seed: seed)
  }

  // MARK: Links

  @discardableResult
  mutating func connect(_ first: Int, _ second: Int, flow: Flow = .both) -> Int {
    let link = nextLink
    nextLink += 1
    pipes[link] = (Pipe(from: first, to: second), Pipe(from: second, to: first))
    for (node, flow) in [(first, flow), (second, .both)] {
      var configuration = SessionConfiguration(
        role: .replica, origin: nodes[node].origin, tips: nodes[node].store.sortedTips,
        recordDigest: nodes[node].digest)
      configuration.flow = flow
      configuration.wish = nodes[node].wish
      configuration.limits = limits
      configuration.floor = nodes[node].floor
      nodes[node].sessions[link] = SyncSession(configuration)
      nodes[node].decoders[link] = FrameDecoder()
    }
    for node in [first, second] {
      apply(nodes[node].sessions[link]?.start(now: now) ?? [], End(node: node, link: link))
    }
    return link
  }

  /// Both ends lose the link and what was on its way.
  mutating func cut(_ link: Int) {
    guard let (there, _) = pipes.removeValue(forKey: link) else { return }
    for node in [there.from, there.to] { drop(End(node: node, link: link)) }
  }

  private mutating func drop(_ end: End) {
    nodes[end.node].sessions[end.link] = nil
    nodes[end.node].decoders[end.link] = nil
    nodes[end.node].level.remove(end.link)
    nodes[end.node].planner.closed(UInt64(end.link), now: now)
  }

  // MARK: Work

  /// A node writes: one segment of its own.
  mutating func write(_ node: Int, changes: UInt64 = 1, byteCount: Int = 200) {
    let first = nodes[node].store.vector[nodes[node].origin] + 1
    let segment = makeSegment(
      nodes[node].origin, first...(first + changes - 1), byteCount: byteCount, using: &random)
    store(segment, node, firstHand: true)
  }

  private mutating func store(_ segment: OutgoingSegment, _ node: Int, firstHand: Bool) {
    guard nodes[node].store.append(segment) else { return }
    let tip = ChainTip(
      origin: segment.origin, sequence: segment.last,
      chainPrefix: FakeStore.prefix(of: segment.bytes))
    nodes[node].planner.stored(VersionVector([tip]), now: now)
    for link in nodes[node].sessions.keys.sorted() {
      let actions = nodes[node].sessions[link]?.stored([tip], firstHand: firstHand, now: now)
      apply(actions ?? [], End(node: node, link: link))
    }
  }

  mutating func addRecord(_ node: Int, _ record: [UInt8]) {
    add([record], node, from: nil)
  }

  private mutating func add(_ records: [[UInt8]], _ node: Int, from source: Int?) {
    let new = records.filter { nodes[node].records.insert($0).inserted }
    guard !new.isEmpty else { return }
    let digest = nodes[node].digest
    for link in nodes[node].sessions.keys.sorted() where link != source {
      let actions = nodes[node].sessions[link]?
        .recordsAdded(new, digest: digest, now: now)
      apply(actions ?? [], End(node: node, link: link))
    }
  }

  private mutating func apply(_ actions: [SessionAction], _ end: End) {
    for action in actions {
      let node = end.node
      switch action {
      case .send(let message): transmit(message, end)
      case .needSegments(let request):
        let segments =
          nodes[node].isUnreadable
          ? []
          : nodes[node].store.read(request).filter {
            !nodes[node].unreadable.contains($0.origin)
          }
        apply(nodes[node].sessions[end.link]?.provide(segments, now: now) ?? [], end)
      case .needRecords:
        let records = nodes[node].records.sorted { $0.lexicographicallyPrecedes($1) }
        apply(nodes[node].sessions[end.link]?.provideRecords(records, now: now) ?? [], end)
      case .compareChains(let tips):
        let forked = nodes[node].store.forks(among: tips)
        apply(nodes[node].sessions[end.link]?.chainsCompared(forked: forked, now: now) ?? [], end)
      case .accept(let segment):
        nodes[node].inbox.append((end.link, segment))
        nodes[node].planner.received(over: UInt64(end.link), now: now)
        let held = nodes[node].inbox.reduce(0) { $0 + $1.segment.bytes.count }
        nodes[node].inboxBytesMax = max(nodes[node].inboxBytesMax, held)
      case .storeRecords(let records): add(records, node, from: end.link)
      case .advertised(let vector):
        nodes[node].planner.advertised(vector, by: UInt64(end.link), now: now)
      case .peerKnown(let peer):
        nodes[node].planner.linked(UInt64(end.link), author: peer.hello.origin, now: now)
      case .level(let isLevel):
        if isLevel {
          nodes[node].level.insert(end.link)
        } else {
          nodes[node].level.remove(end.link)
        }
      case .close:
        nodes[node].events.append(action)
        drop(end)
      default: nodes[node].events.append(action)
      }
    }
  }

  private mutating func transmit(_ message: Message, _ end: End) {
    switch message {
    case .ping, .pong: break
    case .segment(let head, _):
      messagesAtWork += 1
      guard let (there, back) = pipes[end.link] else { break }
      let to = there.from == end.node ? there.to : back.to
      crossings["\(end.link) from \(end.node) \(head.origin) \(head.first)", default: 0] += 1
      crossingsBetween["\(end.node)>\(to) \(head.origin) \(head.first)", default: 0] += 1
    default: messagesAtWork += 1
    }
    guard var pair = pipes[end.link] else { return }
    let bytes = Frame.encode(message.encoded())
    if pair.0.from == end.node { pair.0.bytes += bytes } else { pair.1.bytes += bytes }
    pipes[end.link] = nil
    pipes[end.link] = pair
  }

  /// Takes up what has come in and stores it.
  mutating func digestInbox(_ node: Int) {
    guard !nodes[node].isStuck else { return }
    let inbox = nodes[node].inbox
    nodes[node].inbox = []
    for (link, segment) in inbox {
      let firstHand = nodes[node].sessions[link]?.peerWish != .firstHand
      store(
        OutgoingSegment(
          origin: segment.origin, first: segment.first, last: segment.last, bytes: segment.bytes),
        node, firstHand: firstHand)
      if nodes[node].store.vector[segment.origin] < segment.first {
        nodes[node].planner.hurry(segment.origin, now: now)
      }
      let actions = nodes[node].sessions[link]?.settled(bytes: segment.bytes.count, now: now)
      apply(actions ?? [], End(node: node, link: link))
    }
  }

  private mutating func deliver(_ link: Int, _ isBack: Bool) {
    guard var pair = pipes[link] else { return }
    var pipe = isBack ? pair.1 : pair.0
    guard !pipe.bytes.isEmpty else { return }
    let piece = Int.random(in: 1...min(pipe.bytes.count, maximumPiece), using: &random)
    let bytes = Array(pipe.bytes.prefix(piece))
    pipe.bytes.removeFirst(piece)
    if isBack { pair.1 = pipe } else { pair.0 = pipe }
    pipes[link] = pair
    let end = End(node: pipe.to, link: link)
    nodes[end.node].decoders[link]?.append(bytes)
    while let payload = try? nodes[end.node].decoders[link]?.next() {
      guard let message = try? Message(decoding: payload) else { continue }
      let actions = nodes[end.node].sessions[link]?.receive(message, now: now)
      apply(actions ?? [], end)
    }
    if !nodes[end.node].isSlow { digestInbox(end.node) }
  }

  /// One step: time passes, some pipes move, timers run.
  mutating func step(milliseconds: UInt64 = 20) {
    now += milliseconds
    for link in pipes.keys.sorted() {
      if Bool.random(using: &random) { deliver(link, false) }
      if Bool.random(using: &random) { deliver(link, true) }
    }
    for node in nodes.indices {
      if nodes[node].isSlow, Int.random(in: 0..<10, using: &random) == 0 { digestInbox(node) }
      for link in nodes[node].sessions.keys.sorted() {
        let end = End(node: node, link: link)
        apply(nodes[node].sessions[link]?.tick(now: now) ?? [], end)
      }
      for (number, wants) in nodes[node].planner.plan(now: now) {
        let link = Int(number)
        let end = End(node: node, link: link)
        apply(nodes[node].sessions[link]?.missing(wants, now: now) ?? [], end)
      }
    }
  }

  var isConverged: Bool {
    nodes.allSatisfy { $0.store.vector == nodes[0].store.vector && $0.records == nodes[0].records }
  }

  var isQuiet: Bool {
    pipes.values.allSatisfy { $0.0.bytes.isEmpty && $0.1.bytes.isEmpty }
      && nodes.allSatisfy { $0.inbox.isEmpty }
  }

  /// Runs until all hold the same and nothing moves, or the steps are used up.
  mutating func settle(steps: Int = 5_000) -> Bool {
    for _ in 0..<steps {
      step()
      if isConverged, isQuiet { return true }
    }
    return false
  }
}
