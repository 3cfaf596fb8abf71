package import JSONCoding

/// A family of plans: what kind of world, how much work, which faults. A seed picks the member.
package struct Scenario: Equatable, Sendable {
  package var name: String
  /// One sentence for people.
  package var about: String
  package var nodeCount: Int
  package var shape: Plan.Shape
  package var durationMilliseconds: Int
  /// Acts of work in a run, over all nodes.
  package var workCount: Int
  package var partitions: Int
  package var crashes: Int
  package var cuts: Int
  package var clockJumps: Int

  /// The scenarios that come with the simulator.
  package static let shipped: [Scenario] = [
    Scenario(
      name: "ring-partition",
      about: "Five replicas in a ring; the ring splits in two while both sides go on writing, "
        + "and heals.",
      nodeCount: 5, shape: .ring, durationMilliseconds: 60_000, workCount: 120, partitions: 1,
      crashes: 1, cuts: 1, clockJumps: 1),
    Scenario(
      name: "star-partition",
      about: "Five replicas around one hub; some leaves lose the hub, work on, and return.",
      nodeCount: 5, shape: .star, durationMilliseconds: 60_000, workCount: 120, partitions: 1,
      crashes: 1, cuts: 1, clockJumps: 1),
    Scenario(
      name: "mesh-partition",
      about: "Five replicas that all know each other; random halves part and meet again, twice.",
      nodeCount: 5, shape: .mesh, durationMilliseconds: 60_000, workCount: 120, partitions: 2,
      crashes: 1, cuts: 2, clockJumps: 1),
  ]

  package static func named(_ name: String) -> Scenario? {
    shipped.first { $0.name == name }
  }

  /// The plan of `seed`. Separate streams make the work and the faults, so that neither moves when
  /// the other is edited.
  package func plan(seed: UInt64) -> Plan {
    var plan = Plan(
      scenario: name, seed: seed, nodeCount: nodeCount, shape: shape,
      durationMilliseconds: durationMilliseconds)
    plan.work = makeWork(seed: seed)
    plan.faults = makeFaults(seed: seed)
    return plan
  }

  private func makeWork(seed: UInt64) -> [Plan.Work] {
    var random = RandomStream(seed: seed, "work")
    // In about half of the seeds a kind of work does not happen at all: rare mixtures find what
    // an even one hides.
    // Transfers always do: without them nothing could show half a transaction.
    let kinds = Plan.Work.Kind.allCases.filter {
      [.create, .transfer].contains($0) || random.chance(permille: 500)
    }
    var work: [Plan.Work] = []
    for index in 0..<workCount {
      let kind = index < 3 ? .create : random.element(of: kinds) ?? .create
      work.append(
        Plan.Work(
          at: random.integer(in: 0...durationMilliseconds),
          node: random.integer(in: 0...(nodeCount - 1)), kind: kind, salt: random.next()))
    }
    return work.sorted { ($0.at, $0.node, $0.salt) < ($1.at, $1.node, $1.salt) }
  }

  private func makeFaults(seed: UInt64) -> [Plan.Fault] {
    var random = RandomStream(seed: seed, "faults")
    var faults: [Plan.Fault] = []
    let slot = durationMilliseconds / max(partitions, 1)
    for index in 0..<partitions {
      let start = index * slot + random.integer(in: slot / 10...slot / 3)
      let end = index * slot + random.integer(in: slot / 2...slot * 9 / 10)
      faults.append(Plan.Fault(at: start, kind: .partition(groups: makeGroups(&random))))
      faults.append(Plan.Fault(at: end, kind: .heal))
    }
    for _ in 0..<crashes {
      let down = random.integer(in: 100...durationMilliseconds / 10)
      faults.append(
        Plan.Fault(
          at: makeTime(&random), kind: .crash(node: makeNode(&random), downMilliseconds: down)))
    }
    for _ in 0..<cuts {
      faults.append(Plan.Fault(at: makeTime(&random), kind: .cut(node: makeNode(&random))))
    }
    for _ in 0..<clockJumps {
      let year = 365 * 24 * 60 * 60 * 1000
      faults.append(
        Plan.Fault(
          at: makeTime(&random),
          kind: .clockJump(
            node: makeNode(&random), byMilliseconds: random.integer(in: -year...year))))
    }
    return faults.sorted { $0.at < $1.at }
  }

  /// Faults leave the last tenth of the run in peace.
  private func makeTime(_ random: inout RandomStream) -> Int {
    random.integer(in: 0...durationMilliseconds * 9 / 10)
  }

  private func makeNode(_ random: inout RandomStream) -> Int {
    random.integer(in: 0...(nodeCount - 1))
  }

  private func makeGroups(_ random: inout RandomStream) -> [[Int]] {
    var left: [Int] = []
    var right: [Int] = []
    for node in 0..<nodeCount {
      if random.chance(permille: 500) { left.append(node) } else { right.append(node) }
    }
    // Both sides of a partition have somebody.
    if left.isEmpty { left.append(right.removeLast()) }
    if right.isEmpty { right.append(left.removeLast()) }
    return [left, right]
  }
}

extension Scenario {
  /// Reads a scenario that a person wrote: `name`, `about`, `nodes`, `topology`,
  /// `durationMilliseconds`, `work` and the numbers of faults (`partitions`, `crashes`, `cuts`,
  /// `clockJumps`; absent means none).
  package init(json: JSONValue) throws(PlanError) {
    let fields = try Fields(json, of: "a scenario")
    func count(_ name: String) throws(PlanError) -> Int {
      fields.has(name) ? try fields.integer(name, in: 0...1000) : 0
    }
    guard let shape = Plan.Shape(rawValue: try fields.string("topology")) else {
      throw PlanError("'topology' must be mesh, ring or star")
    }
    self.init(
      name: try fields.string("name"), about: try fields.string("about"),
      nodeCount: try fields.integer("nodes", in: 2...Plan.nodeCountMax), shape: shape,
      durationMilliseconds: try fields.integer(
        "durationMilliseconds", in: 1000...Plan.durationMillisecondsMax),
      workCount: try fields.integer("work", in: 0...Plan.itemCountMax),
      partitions: try count("partitions"), crashes: try count("crashes"), cuts: try count("cuts"),
      clockJumps: try count("clockJumps"))
  }
}
