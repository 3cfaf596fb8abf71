package import JSONCoding

/// A family of plans: what kind of world, how much work, which faults. A seed picks the member, see
/// ``plan(seed:)``. Scenarios are JSON files that a person can write.
package struct Scenario: Equatable, Sendable {
  /// How often a kind of fault happens in a run.
  package struct Share: Equatable, Sendable {
    package var kind: Fault.Kind
    package var count: Int
  }

  package var name: String
  /// One sentence for people.
  package var about: String
  package var replicas: Int
  /// So many of the replicas are of an earlier release at first, see ``Plan/elders``.
  package var elders = 0
  package var relays = 0
  /// Relays that lie at times.
  package var liars = 0
  /// Empty machines for copies.
  package var spares = 0
  /// Members who cheat.
  package var adversaries = 0
  package var shape: Plan.Shape
  package var durationMilliseconds: Int
  /// Acts of work in a run, over all nodes.
  package var work: Int
  /// The kinds of it; nil leaves them to the seed.
  package var workKinds: [Plan.Work.Kind]?
  /// Faults that every seed has, so many of each.
  package var always: [Share] = []
  /// Faults that about half of the seeds have, at most so many of each.
  package var sometimes: [Share] = []
  /// What links are like; nil leaves it to the seed.
  package var weather: Weather?

  /// The same worlds are run with steady clocks too. Whoever asks for it leaves out what depends on
  /// lengths in bytes, as a wall time is one more or less of them.
  package var hasSteadyTwin = false

  var nodeCount: Int { replicas + relays + liars + spares + adversaries }

  /// The scenarios that come with the simulator, by name.
  package static let shipped: [Scenario] = ShippedScenarios.read()

  package static func named(_ name: String) -> Scenario? {
    shipped.first { $0.name == name }
  }
}

extension Scenario {
  private static let members = [
    "name", "about", "replicas", "elders", "relays", "liars", "spares", "adversaries", "topology",
    "durationMilliseconds", "work", "workKinds",
    "always", "sometimes", "weather", "steadyTwin",
  ]

  /// Reads a scenario that a person wrote.
  ///
  /// `name`, `about`, `replicas`, `topology`, `durationMilliseconds` and `work` are needed;
  /// `workKinds` (an array of names), `elders`, `relays`, `liars`, `spares`, `adversaries`,
  /// `weather`,
  /// `steadyTwin` and the faults (`always`, `sometimes`: objects from the kind of a fault to a
  /// count) are not.
  package init(json: JSONValue) throws(PlanError) {
    let fields = try Fields(json, of: "a scenario")
    try fields.refuseOthers(than: Self.members)
    name = try fields.string("name")
    about = try fields.string("about")
    replicas = try fields.integer("replicas", in: 1...Plan.nodeCountMax)
    if fields.has("elders") { elders = try fields.integer("elders", in: 0...(replicas - 1)) }
    let rest = 0...(Plan.nodeCountMax - replicas)
    if fields.has("relays") { relays = try fields.integer("relays", in: rest) }
    if fields.has("liars") { liars = try fields.integer("liars", in: rest) }
    if fields.has("spares") { spares = try fields.integer("spares", in: rest) }
    if fields.has("adversaries") { adversaries = try fields.integer("adversaries", in: rest) }
    shape = try fields.choice("topology")
    durationMilliseconds = try fields.integer(
      "durationMilliseconds", in: 1000...Plan.durationMillisecondsMax)
    work = try fields.integer("work", in: 0...Plan.itemCountMax)
    if fields.has("workKinds") { workKinds = try Self.workKinds(fields) }
    if fields.has("steadyTwin") { hasSteadyTwin = try fields.flag("steadyTwin") }
    always = try Self.shares("always", fields)
    sometimes = try Self.shares("sometimes", fields)
    if fields.has("weather") { weather = try Weather(json: try fields.value("weather")) }
    guard nodeCount <= Plan.nodeCountMax else {
      throw PlanError("a scenario has at most \(Plan.nodeCountMax) nodes")
    }
  }

  private static func workKinds(_ fields: Fields) throws(PlanError) -> [Plan.Work.Kind] {
    let names = try fields.value("workKinds").arrayValue ?? []
    var kinds: [Plan.Work.Kind] = []
    for name in names {
      guard let kind = name.stringValue.flatMap(Plan.Work.Kind.init(rawValue:)) else {
        throw PlanError("'workKinds' of a scenario has \(name.text()), which is no kind of work")
      }
      kinds.append(kind)
    }
    guard !kinds.isEmpty else { throw PlanError("'workKinds' is an array of kinds of work") }
    return kinds
  }

  /// In the order of ``Fault/Kind``, whatever order the file has.
  private static func shares(_ name: String, _ fields: Fields) throws(PlanError) -> [Share] {
    guard fields.has(name) else { return [] }
    let counts = try Fields(try fields.value(name), of: "'\(name)'")
    try counts.refuseOthers(than: Fault.Kind.allCases.map(\.rawValue))
    var shares: [Share] = []
    for kind in Fault.Kind.allCases where counts.has(kind.rawValue) {
      shares.append(Share(kind: kind, count: try counts.integer(kind.rawValue, in: 0...1000)))
    }
    return shares
  }
}

/// The scenarios that are files beside the sources.
enum ShippedScenarios {
  /// Read once, when first asked for; a file that is wrong stops the program, as a test does.
  static func read() -> [Scenario] {
    files.map { name, bytes in
      do {
        return try Scenario(json: try JSONValue(parsing: bytes))
      } catch {
        preconditionFailure("the shipped scenario '\(name)' is wrong: \(error)")
      }
    }
  }

  private static let files: [(name: String, bytes: [UInt8])] = [
    ("ring-partition", PackageResources.ring_partition_json),
    ("star-partition", PackageResources.star_partition_json),
    ("mesh-partition", PackageResources.mesh_partition_json),
    ("quarrel", PackageResources.quarrel_json),
    ("grove", PackageResources.grove_json),
    ("rich-text", PackageResources.rich_text_json),
    ("drafts", PackageResources.drafts_json),
    ("one-sentence", PackageResources.one_sentence_json),
    ("two-releases", PackageResources.two_releases_json),
    ("compaction", PackageResources.compaction_json),
    ("homecoming", PackageResources.homecoming_json),
    ("mould", PackageResources.mould_json),
    ("quiet-ring", PackageResources.quiet_ring_json),
    ("quiet-star", PackageResources.quiet_star_json),
    ("quiet-mesh", PackageResources.quiet_mesh_json),
    ("power-loss", PackageResources.power_loss_json),
    ("bad-disks", PackageResources.bad_disks_json),
    ("bad-clocks", PackageResources.bad_clocks_json),
    ("rough-sea", PackageResources.rough_sea_json),
    ("long-voyage", PackageResources.long_voyage_json),
    ("relay", PackageResources.relay_json),
    ("lost-relay", PackageResources.lost_relay_json),
    ("two-relays", PackageResources.two_relays_json),
    ("relay-disks", PackageResources.relay_disks_json),
    ("twins", PackageResources.twins_json),
    ("forks", PackageResources.forks_json),
    ("forks-relay", PackageResources.forks_relay_json),
    ("lying-relay", PackageResources.lying_relay_json),
    ("adversary", PackageResources.adversary_json),
    ("swarm", PackageResources.swarm_json),
    ("presence", PackageResources.presence_json),
    ("redeclared", PackageResources.redeclared_json),
    ("busy", PackageResources.busy_json),
    ("canary", PackageResources.canary_json),
  ]
}
