extension Scenario {
  /// The plan of `seed`.
  ///
  /// Swarm testing (Groce et al., "Swarm Testing", 2012): in about half of the seeds a kind of work
  /// or fault does not happen at all, and rates spread over orders of magnitude, since rare
  /// mixtures find what an even one hides. Each kind draws from a stream of its own, so that one
  /// stays when another goes.
  package func plan(seed: UInt64) -> Plan {
    let residents =
      Array(repeating: Plan.Resident.replica, count: replicas)
      + Array(repeating: .relay, count: relays) + Array(repeating: .liar, count: liars)
      + Array(repeating: .spare, count: spares)
      + Array(repeating: .adversary, count: adversaries)
    var plan = Plan(
      scenario: name, seed: seed, residents: residents, shape: shape,
      durationMilliseconds: durationMilliseconds, core: makeCore(seed: seed))
    var random = RandomStream(seed: seed, "cipher")
    // The real primitives are an order of magnitude slower and have tests of their own.
    plan.cipher = random.chance(millionths: 60_000) ? .libsodium : .standIn
    var window = RandomStream(seed: seed, "window")
    plan.hasSteadyTwin = hasSteadyTwin
    plan.elders = Array(replicas - elders..<replicas)
    // How much fits into a window depends on lengths.
    if !hasSteadyTwin, window.chance(millionths: 500_000) {
      plan.windowBytes = window.magnitude(in: 512...Plan.windowBytesDefault)
    }
    plan.weather = weather ?? makeWeather(seed: seed)
    plan.work = makeWork(seed: seed)
    var faults: [Fault] = []
    for share in always {
      var random = RandomStream(seed: seed, "always \(share.kind.rawValue)")
      faults += makeFaults(share.kind, count: share.count, &random)
    }
    for share in sometimes {
      var random = RandomStream(seed: seed, "sometimes \(share.kind.rawValue)")
      guard share.count > 0, random.chance(millionths: 500_000) else { continue }
      let count = random.magnitude(in: 1...share.count)
      faults += makeFaults(share.kind, count: count, &random)
    }
    let order = Dictionary(
      uniqueKeysWithValues: Fault.Kind.allCases.enumerated().map { ($1, $0) })
    plan.faults = faults.sorted {
      ($0.at, order[$0.kind] ?? 0, $0.node) < ($1.at, order[$1.kind] ?? 0, $1.node)
    }
    return plan
  }

  // MARK: The world

  /// Two or more replicas that can reach each other when all else stays broken.
  private func makeCore(seed: UInt64) -> [Int] {
    guard replicas > 1 else { return [0] }
    // Where nothing is broken, nobody is outside.
    if always.isEmpty, sometimes.isEmpty { return Array(0..<(replicas + relays + liars)) }
    var random = RandomStream(seed: seed, "core")
    var core = Array(0..<replicas)
    for _ in 0..<random.integer(in: 0...(replicas - 2)) {
      core.remove(at: random.integer(in: 0...(core.count - 1)))
    }
    guard shape == .star else { return core }
    // Nobody hears of anybody in a star without a hub.
    let hubs = relays + liars
    if hubs > 0 { return core + [replicas + random.integer(in: 0...(hubs - 1))] }
    return core.first == 0 ? core : [0] + core
  }

  private func makeWeather(seed: UInt64) -> Weather {
    var random = RandomStream(seed: seed, "weather")
    var weather = Weather()
    weather.delayMillisecondsMin = random.magnitude(in: 1...200)
    weather.delayMillisecondsMax =
      weather.delayMillisecondsMin + random.magnitude(in: 1...400)
    weather.splitMillionths = random.chance(millionths: 500_000) ? 200_000 : 0
    weather.joinMillionths = random.chance(millionths: 500_000) ? 200_000 : 0
    return weather
  }

  // MARK: Work

  private func makeWork(seed: UInt64) -> [Plan.Work] {
    var random = RandomStream(seed: seed, "work")
    // Transfers always happen: without them nothing could show half a transaction.
    let kinds =
      workKinds
      ?? Plan.Work.Kind.original.filter { kind in
        let isOn = random.chance(millionths: 500_000)
        return [.create, .transfer].contains(kind) || isOn
      }
    var items: [Plan.Work] = []
    for index in 0..<work {
      let kind = index < 3 ? .create : random.element(of: kinds) ?? .create
      items.append(
        Plan.Work(
          at: random.integer(in: 0...durationMilliseconds),
          node: random.integer(in: 0...(replicas + spares - 1)),
          kind: kind, salt: random.next()))
    }
    if workKinds == nil { mixInLaterKinds(&items, seed: seed) }
    return items.sorted { ($0.at, $0.node, $0.salt) < ($1.at, $1.node, $1.salt) }
      .map { item in
        var item = item
        // The relays stand between the replicas and the spares, and nobody works on a relay.
        if item.node >= replicas { item.node += relays + liars }
        return item
      }
  }

  private func mixInLaterKinds(_ items: inout [Plan.Work], seed: UInt64) {
    var random = RandomStream(seed: seed, "later work")
    guard random.chance(millionths: 500_000) else { return }
    for index in items.indices where random.chance(millionths: 150_000) && index >= 3 {
      // Lists have to have something in them, and conflicts to be there.
      let kinds: [Plan.Work.Kind] = [.insertItem, .moveItem, .moveItem, .setField, .resolve]
      items[index].kind = random.element(of: kinds) ?? .moveItem
    }
  }

  // MARK: Faults

  private func makeFaults(
    _ kind: Fault.Kind, count: Int, _ random: inout RandomStream
  ) -> [Fault] {
    var faults: [Fault] = []
    for index in 0..<count {
      var fault = Fault(kind, at: random.integer(in: 0...durationMilliseconds * 9 / 10))
      let node = makeNode(kind, &random)
      if kind.uses.contains(.node) { fault.node = node }
      if kind.uses.contains(.duration) {
        fault.forMilliseconds = makeDuration(kind, &random)
      }
      switch kind {
      case .partition: fault.groups = makeGroups(&random)
      case .flap:
        fault.groups = makeGroups(&random)
        fault.amount = random.magnitude(in: 50...5000)
      case .oneWay: fault.groups = makeSides(&random)
      case .slow: fault.amount = random.magnitude(in: 100...1_000_000)
      case .lose, .duplicate, .reorder, .corrupt, .truncate:
        fault.amount = random.magnitude(in: 100...500_000)
      case .clockJump:
        let year = 365 * 24 * 60 * 60 * 1000
        let jump = random.magnitude(in: 1...(60 * year))
        fault.amount = random.chance(millionths: 500_000) ? jump : -jump
      case .readError, .writeError, .syncError: fault.amount = random.magnitude(in: 1...200)
      case .powerLoss:
        fault.amount = random.chance(millionths: 500_000) ? random.magnitude(in: 1...100) : 0
      case .rot, .mould: fault.amount = random.magnitude(in: 1...1000)
      case .restoreBackup: fault.amount = random.integer(in: 0...1)
      case .copyStore:
        fault.amount = random.integer(in: 0...1)
        fault.other = replicas + relays + liars + index % max(spares, 1)
      case .relayWithhold, .relayShuffle: fault.amount = random.magnitude(in: 20_000...1_000_000)
      case .forgeFork: fault.amount = random.integer(in: 0...2)
      default: break
      }
      if kind.isForgery {
        fault.other = random.integer(in: 0...(replicas + relays - 1))
        fault.forMilliseconds = random.magnitude(in: 1_000...20_000)
      }
      guard isPossible(kind) else { continue }
      if [.restoreBackup, .relayRollback].contains(kind) {
        // Something to go back to.
        let earlier = random.integer(in: 0...fault.at)
        faults.append(Fault(.backup, at: earlier, node: fault.node))
      }
      faults.append(fault)
    }
    return faults
  }

  private func isPossible(_ kind: Fault.Kind) -> Bool {
    switch kind {
    case .copyStore: spares > 0
    case .relayWipe, .relayRollback: relays > 0
    case .upgrade: elders > 0
    case .relayWithhold, .relayShuffle, .relayOldVector: liars > 0
    default: !kind.isForgery || adversaries > 0
    }
  }

  private func makeNode(_ kind: Fault.Kind, _ random: inout RandomStream) -> Int {
    switch kind {
    case .relayWipe, .relayRollback:
      replicas + random.integer(in: 0...max(relays - 1, 0))
    case .relayWithhold, .relayShuffle, .relayOldVector:
      replicas + relays + random.integer(in: 0...max(liars - 1, 0))
    case .restoreBackup, .copyStore, .rot, .mould, .canary, .compact:
      random.integer(in: 0...(replicas - 1))
    case .upgrade: replicas - random.integer(in: 1...max(1, elders))
    default:
      kind.isForgery
        ? replicas + relays + liars + spares + random.integer(in: 0...max(adversaries - 1, 0))
        : random.integer(in: 0...(replicas + relays + liars - 1))
    }
  }

  /// Some are over in a moment, some outlast the work.
  private func makeDuration(_ kind: Fault.Kind, _ random: inout RandomStream) -> Int {
    switch kind {
    case .crash, .powerLoss, .restoreBackup:
      random.magnitude(in: 10...max(10, durationMilliseconds))
    case .pause:
      // A laptop in a bag, or a machine that was swapped out for a week.
      random.chance(millionths: 200_000)
        ? 7 * 24 * 60 * 60 * 1000 : random.magnitude(in: 100...durationMilliseconds)
    case .relayWithhold, .relayShuffle, .relayOldVector:
      random.magnitude(in: 2_000...durationMilliseconds)
    default: random.magnitude(in: 100...(durationMilliseconds * 2))
    }
  }

  private func makeGroups(_ random: inout RandomStream) -> [[Int]] {
    let nodes = Array(0..<(replicas + relays + liars + spares))
    let one = random.integer(in: 0...(nodes.count - 1))
    switch random.integer(in: 0...4) {
    case 0:
      // One is alone.
      return [nodes.filter { $0 != one }, [one]]
    case 1:
      // A bridge: one node sees both sides, which do not see each other.
      let half = nodes.count / 2
      return [Array(nodes[..<half]) + [one], Array(nodes[half...]) + [one]]
    case 2:
      // Everybody sees a majority, and everybody another one.
      let reach = nodes.count / 2 + 1
      return nodes.map { first in (0..<reach).map { nodes[(first + $0) % nodes.count] } }
    default:
      // Two sides.
      var sides: [[Int]] = [[], []]
      for node in nodes { sides[random.integer(in: 0...1)].append(node) }
      for side in 0...1 where sides[side].isEmpty {
        if let node = sides[1 - side].popLast() { sides[side].append(node) }
      }
      return sides
    }
  }

  /// Who is not heard, and by whom.
  private func makeSides(_ random: inout RandomStream) -> [[Int]] {
    let nodes = Array(0..<(replicas + relays + liars + spares))
    let mute = nodes.filter { _ in random.chance(millionths: 400_000) }
    let speakers = mute.isEmpty ? [0] : mute
    return [speakers, nodes.filter { !speakers.contains($0) }]
  }
}
