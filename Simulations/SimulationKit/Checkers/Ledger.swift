import Causality
import Documents
import ReplicaStore

/// What the replicas promised, written down outside of them: which changes they acknowledged, and
/// what each author had seen. Nothing that a replica loses can be lost from here.
struct Ledger {
  struct Entry {
    var node: Int
    var at: Int
    /// Everything its author showed when the change was made, the change itself included.
    var seen: VersionVector
    /// How many operations it holds.
    var operations = 0
    var standing: Standing
  }

  enum Standing {
    /// Acknowledged, so that nobody may lose it.
    case promised
    /// The commit failed, and may have happened all the same: a disk can die after it wrote.
    case inDoubt
    /// Went with a machine that was lost; what was on its way may still arrive.
    case lost
  }

  private(set) var entries: [ChangeID: Entry] = [:]
  /// Per node, the changes that it acknowledged and was not entitled to lose.
  private var acknowledged: [VersionVector]
  /// Per node, those that its present machine acknowledged, or took over with a backup.
  private var held: [VersionVector]
  /// All of them.
  private(set) var all = VersionVector()
  /// From which number on an origin was given out twice: two stores with one identity wrote.
  private(set) var contested: [Origin: UInt64] = [:]
  /// Origins of which a member who cheats made two histories: each has another name for whoever
  /// knows both. Only looked up in.
  private(set) var forked: Set<Origin> = []
  /// Operations of later releases that were written. Only looked up in.
  private(set) var ofLaterReleases: [ChangeID: Operation.Action] = [:]
  /// Marks by which edits are known wherever they go, and who made them.
  private(set) var marks: [String: Int] = [:]

  init(nodeCount: Int) {
    acknowledged = Array(repeating: VersionVector(), count: nodeCount)
    held = acknowledged
  }

  var isContested: Bool { !contested.isEmpty }

  /// What the machine that a node has now must show after a crash.
  func held(by node: Int) -> VersionVector { held[node] }

  func acknowledged(by nodes: [Int]) -> VersionVector {
    nodes.reduce(into: VersionVector()) { $0.formUnion(acknowledged[$1]) }
  }

  /// Whether the vector names changes of which there are two.
  func isContested(_ version: VersionVector) -> Bool {
    !contested.isEmpty && contested.contains { version[$0.key] >= $0.value }
  }

  /// What somebody had seen that has the same name for everybody.
  func named(_ seen: VersionVector) -> VersionVector {
    guard !forked.isEmpty else { return seen }
    return VersionVector(seen.entries.filter { !forked.contains($0.origin) })
  }

  // MARK: Writing it down

  mutating func noteFork(of origin: Origin) { forked.insert(origin) }

  mutating func commit(
    _ change: ChangeID, node: Int, seen: VersionVector, operations: Int = 1,
    mark: String? = nil, at time: Int
  ) {
    if let earlier = entries[change], earlier.standing != .inDoubt {
      contested[change.origin] = min(contested[change.origin] ?? .max, change.sequence)
    }
    entries[change] = Entry(
      node: node, at: time, seen: seen, operations: operations, standing: .promised)
    acknowledged[node].advance(to: change)
    held[node].advance(to: change)
    all.advance(to: change)
    if let mark { marks[mark] = node }
  }

  mutating func note(_ action: Operation.Action, of change: ChangeID) {
    ofLaterReleases[change] = action
  }

  /// A node gives changes other names, as the old ones were in use elsewhere.
  mutating func rename(_ renamed: RenamedChanges, node: Int) {
    for sequence in renamed.sequences {
      let old = ChangeID(origin: renamed.origin, sequence: sequence)
      guard var entry = entries[old] else { continue }
      let new = ChangeID(
        origin: renamed.first.origin,
        sequence: renamed.first.sequence + sequence - renamed.sequences.lowerBound)
      entry.node = node
      // Of a name that was given out twice it is not known whose entry that is.
      entry.seen =
        sequence < contested[old.origin] ?? .max
        ? entry.seen : VersionVector([.init(origin: new.origin, sequence: new.sequence)])
      renamed.apply(to: &entry.seen, through: sequence)
      entries[new] = entry
    }
    renamed.apply(to: &held[node])
    guard !isContested else { return }
    renamed.apply(to: &acknowledged[node])
    all = acknowledged.reduce(into: VersionVector()) { $0.formUnion($1) }
  }

  /// What was renamed together, and builds on each other, names it by its new name too.
  mutating func rename(_ renamed: RenamedChanges, in origin: Origin) {
    for id in entries.keys where id.origin == origin {
      guard var entry = entries[id] else { continue }
      renamed.apply(to: &entry.seen)
      entries[id] = entry
    }
  }

  /// What a store has written itself under a new origin: what it had written before and others
  /// could not take is merged. What the author had seen then is in the changes that merge it, and
  /// they come one after the other.
  mutating func noteMerged(through last: ChangeID, node: Int, at time: Int) {
    let names = (0..<last.sequence).map { ChangeID(origin: last.origin, sequence: $0 + 1) }
    guard names.contains(where: { entries[$0] == nil }) else { return }
    for name in names {
      let seen = VersionVector([.init(origin: name.origin, sequence: name.sequence)])
      let known = entries[name]
      entries[name] = Entry(
        node: node, at: known?.at ?? time, seen: seen, operations: known?.operations ?? 0,
        standing: known?.standing ?? .inDoubt)
    }
  }

  /// A commit that failed, with what it would have been.
  mutating func attempt(_ change: ChangeID, node: Int, seen: VersionVector, at time: Int) {
    guard entries[change] == nil else { return }
    entries[change] = Entry(node: node, at: time, seen: seen, standing: .inDoubt)
  }

  /// A change of a member who cheats, but by the rules: it may be shown, after what it builds on.
  mutating func attempt(
    _ change: ChangeID, node: Int, builtOn dependencies: [ChangeID], at time: Int
  ) {
    var seen = VersionVector()
    let own = ChangeID(origin: change.origin, sequence: change.sequence &- 1)
    for other in dependencies + [own] {
      if let entry = entries[other] { seen.formUnion(entry.seen) }
    }
    seen.advance(to: change)
    attempt(change, node: node, seen: seen, at: time)
  }

  /// The machine of a node is lost and a backup is in its place: what only it held is gone, and
  /// nobody promised otherwise.
  ///
  /// - Parameters:
  ///   - backup: what the backup shows.
  ///   - known: what anybody else holds.
  /// - Returns: how many acknowledged changes went with the machine.
  mutating func forgetLost(
    of node: Int, keeping backup: VersionVector, known: VersionVector
  ) -> UInt64 {
    var kept = backup
    kept.formUnion(known)
    var lost: UInt64 = 0
    var rest = VersionVector()
    for entry in acknowledged[node].entries {
      let sequence = min(entry.sequence, kept[entry.origin])
      lost += entry.sequence - sequence
      if sequence < entry.sequence {
        for number in (sequence + 1)...entry.sequence {
          entries[ChangeID(origin: entry.origin, sequence: number)]?.standing = .lost
        }
      }
      if sequence > 0 { rest.advance(to: ChangeID(origin: entry.origin, sequence: sequence)) }
    }
    if lost > 0 { marks = marks.filter { $0.value != node } }
    acknowledged[node] = rest
    held[node] = backup
    all = acknowledged.reduce(into: VersionVector()) { $0.formUnion($1) }
    return lost
  }

  /// Writes down a promise that nobody made.
  mutating func promiseNothing(node: Int, at time: Int) {
    let invented = ChangeID(origin: Origin(high: 0xCA4A, low: 0x12), sequence: 1)
    commit(invented, node: node, seen: VersionVector(), mark: nil, at: time)
  }
}

extension RenamedChanges {
  /// What a vector that names some of the changes by their old names is now.
  func apply(to version: inout VersionVector, through last: UInt64 = .max) {
    let through = min(version[origin], sequences.upperBound, last)
    guard through >= sequences.lowerBound else { return }
    version.set(origin, to: sequences.lowerBound - 1)
    version.advance(first.origin, to: first.sequence + through - sequences.lowerBound)
  }
}
