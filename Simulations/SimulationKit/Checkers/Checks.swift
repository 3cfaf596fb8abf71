import Causality
import ChangeCoding
import Documents
import JSONCoding
import ReplicaStore
import Replication
import Sealing
import SegmentStore
import Segments

/// All checkers over all nodes: what is looked at whenever a node shows something new.
struct Checks {
  var ledger: Ledger
  var traffic = TrafficChecker()
  var presence = PresenceChecker()
  private(set) var violations: [Violation] = []
  /// Segments that were forged so that no store may hold them.
  private(set) var forbidden: [Segment] = []
  /// Origins of which a member who cheats made two histories.
  private(set) var forked: [Origin] = []
  private var convergence = ConvergenceChecker()
  private var closure: CausalClosureChecker
  private var session: SessionChecker
  private var identity = IdentityChecker()
  private var model = ModelChecker()
  private var archive = ChangeArchive()
  private var wedges = WedgeChecker()
  /// How many renamings of each node's store were followed.
  private var renamingCounts: [Int]
  /// Those that the process had made when they were followed last.
  private var renamingsSeen: [(life: Int, count: Int)]

  init(_ plan: Plan) {
    ledger = Ledger(nodeCount: plan.nodeCount)
    closure = CausalClosureChecker(nodeCount: plan.nodeCount)
    session = SessionChecker(nodeCount: plan.nodeCount)
    renamingCounts = Array(repeating: 0, count: plan.nodeCount)
    renamingsSeen = Array(repeating: (-1, 0), count: plan.nodeCount)
  }

  /// Operations that came to be shown by a replica that did not make them.
  var deliveries: Int { closure.deliveries }

  // MARK: What happens

  mutating func acknowledge(
    _ commit: StoreCommit<Void>, _ change: ChangeID, by node: ReplicaNode, mark: String?,
    at time: Int, _ trace: inout Trace
  ) {
    let isContested = ledger.isContested
    ledger.commit(
      change, node: node.number, seen: commit.version, operations: commit.operationCount,
      mark: mark, at: time)
    let writing = identity.observe(
      writing: change.origin, node: node.number, machine: node.machine, at: time)
    // Who could not know that it was put back may write, once; the twins find out when they meet.
    if let writing, !node.isUnawareTwin { add(writing, &trace) }
    if !isContested, ledger.isContested { trace.record(at: time, node: node.number, "forked") }
  }

  mutating func observe(
    _ node: ReplicaNode, version: VersionVector, at time: Int, _ trace: inout Trace
  ) {
    guard !node.isRotten else { return }
    trace.record(
      at: time, node: node.number, "state",
      [
        "digest": .string(node.view.digestText),
        "changes": .integer(Int64(clamping: version.changeCount(beyond: VersionVector()))),
      ])
    let number = node.number
    followRenaming(node, at: time, &trace)
    add(closure.observe(node: number, version: version, ledger: ledger, at: time), &trace)
    // Where an author tells what a change builds on that was read otherwise, it may have to wait.
    let broken = session.observe(node: number, version: version, at: time)
    if !ledger.isContested { add(broken, &trace) }
    if !ledger.isContested(version) {
      add(
        convergence.observe(
          node: number, version: version, stories: stories(node, version),
          language: node.language, digest: node.view.digest, at: time), &trace)
    }
    // Whoever has one of two histories reads what was built on the other wrongly, until its author
    // tells.
    if !ledger.isContested {
      add(AtomicityChecker.check(node: number, view: node.view, at: time), &trace)
    }
  }

  /// Somebody is about to cheat.
  mutating func expect(_ forgery: Forgery, by node: Int, at time: Int) {
    forbidden += forgery.forbidden
    if let origin = forgery.forked {
      forked.append(origin)
      ledger.noteFork(of: origin)
    }
    for allowed in forgery.allowed {
      ledger.attempt(allowed.change, node: node, builtOn: allowed.dependencies, at: time)
    }
  }

  /// Which of two histories a replica knows of each origin that has two, and what it has been told
  /// of how others have read them.
  func stories(_ node: ReplicaNode, _ version: VersionVector) -> [Digest?] {
    forked.map { origin in
      let last = ChangeID(origin: origin, sequence: version[origin])
      return try? node.store?.read { try node.store?.segments.chainHash(endingAt: last) }
    } + (node.store?.membership.branchStatements.map(\.hash) ?? [])
  }

  /// Identity is never reused: what had a name that others used has another one now. Looked at
  /// after every act, also when nothing new is shown: the new names may already be on their way.
  mutating func followRenaming(
    _ node: ReplicaNode, at time: Int, _ trace: inout Trace
  ) {
    guard let store = node.store, renamingsSeen[node.number] != (node.life, store.renamingCount),
      let all = try? store.renamedChanges()
    else { return }
    renamingsSeen[node.number] = (node.life, store.renamingCount)
    guard all.count > renamingCounts[node.number] else { return }
    for renamed in all[renamingCounts[node.number]...] {
      ledger.rename(renamed, node: node.number)
      session.rename(renamed, node: node.number)
      trace.record(
        at: time, node: node.number, "renamed",
        [
          "from": .string("\(renamed.origin)"), "to": .string("\(renamed.first.origin)"),
          "changes": .integer(Int64(renamed.sequences.count)),
        ])
    }
    let fresh = all[renamingCounts[node.number]...]
    // Each row was in the place of one origin: what stands under the new one builds on all.
    for target in Set(fresh.map(\.first.origin)).sorted() {
      for renamed in fresh { ledger.rename(renamed, in: target) }
    }
    renamingCounts[node.number] = all.count
    if let origin = all.last?.first.origin {
      ledger.noteMerged(
        through: ChangeID(origin: origin, sequence: store.appliedVector[origin]),
        node: node.number, at: time)
    }
  }

  mutating func observeRestart(_ node: ReplicaNode, at time: Int, _ trace: inout Trace) {
    guard let store = node.store, !node.isRotten else { return }
    followRenaming(node, at: time, &trace)
    if !ledger.isContested {
      add(
        DurabilityChecker.check(
          node: node.number, version: store.appliedVector, ledger: ledger, at: time), &trace)
    }
  }

  mutating func observeBuffers(
    of engine: Engine, node: Int, at time: Int, _ trace: inout Trace
  ) {
    add(BuffersChecker.check(node: node, engine: engine, at: time), &trace)
  }

  mutating func observe(
    _ directions: [WedgeChecker.Direction], at time: Int, _ trace: inout Trace
  ) {
    add(wedges.observe(directions, at: time), &trace)
  }

  /// A machine was lost, and a backup stands in its place; or its disk has lost something.
  mutating func forgetLost(
    of node: ReplicaNode, keeping backup: VersionVector, known: VersionVector
  ) {
    _ = ledger.forgetLost(of: node.number, keeping: backup, known: known)
    closure.forget(node: node.number, showing: backup)
    session.forget(node: node.number, showing: backup)
    renamingCounts[node.number] = 0
  }

  /// A replica is about to drop changes, or another one may have taken its snapshot.
  mutating func keepChanges(of node: ReplicaNode) {
    guard let store = node.store else { return }
    // What cannot be read now is missing in the end, and found there.
    try? archive.keep(store)
  }

  /// All changes that a replica shows, newest first, whoever still holds them.
  func changes(shownBy store: ReplicaStore) throws -> [Change] { try archive.all(of: store) }

  // MARK: The end

  /// The state of a node when the run is over, against what was promised.
  mutating func observeEnd(_ node: ReplicaNode, at time: Int, _ trace: inout Trace) {
    guard let store = node.store else { return }
    let version = store.appliedVector
    do {
      add(AtomicityChecker.check(node: node.number, view: node.view, at: time), &trace)
      if !ledger.isContested {
        add(
          DurabilityChecker.check(
            node: node.number, version: version, ledger: ledger, at: time), &trace)
        add(
          DurabilityChecker.checkEnd(
            node: node.number, version: version, ledger: ledger, at: time), &trace)
      }
      let changes = try changes(shownBy: store)
      add(
        try IdentityChecker.checkEnd(
          node: node.number, store: store, changes: changes, ledger: ledger, at: time), &trace)
      add(
        try model.check(
          node: node.number, store: store, changes: changes,
          isContested: ledger.isContested(version) || node.language != .current, at: time),
        &trace)
      add(
        PreservationChecker.check(
          node: node.number, changes: changes, ledger: ledger, at: time), &trace)
      // What was looked at piece by piece is what there is.
      var whole = StateView()
      try whole.renew(nil, from: store)
      if whole != node.view {
        add(
          Violation(
            "P15", at: time,
            "node \(node.number) changed documents and did not say which"), &trace)
      }
    } catch {
      add(
        Violation("P14", at: time, "node \(node.number) cannot read its state: \(error)"), &trace)
    }
  }

  // MARK: Violations

  mutating func add(_ violation: Violation?, _ trace: inout Trace) {
    guard let violation else { return }
    trace.record(
      at: violation.atMilliseconds, node: nil, "BROKEN",
      ["promise": .string(violation.promise), "how": .string(violation.what)])
    violations.append(violation)
  }
}
