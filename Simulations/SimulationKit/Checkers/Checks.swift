import Causality
import JSONCoding
import ReplicaStore
import Sealing

/// All checkers over all nodes: what is looked at whenever a node shows something new.
struct Checks {
  var ledger: Ledger
  var violations: [Violation] = []
  private var convergence = ConvergenceChecker()
  private var closure: CausalClosureChecker
  private var session: SessionChecker

  init(nodeCount: Int) {
    ledger = Ledger(nodeCount: nodeCount)
    closure = CausalClosureChecker(nodeCount: nodeCount)
    session = SessionChecker(nodeCount: nodeCount)
  }

  mutating func observe(
    node: Int, store: ReplicaStore, at time: Int, isRestart: Bool, trace: inout Trace
  ) {
    let version = store.appliedVector
    let found = [
      closure.observe(node: node, version: version, ledger: ledger, at: time),
      session.observe(node: node, version: version, at: time),
      isRestart
        ? DurabilityChecker.check(node: node, version: version, ledger: ledger, at: time) : nil,
      compareStates(node: node, store: store, version: version, at: time),
      AtomicityChecker.check(node: node, store: store, at: time),
    ]
    for violation in found.compactMap(\.self) { add(violation, &trace) }
  }

  /// The state of every node in the end, against what was promised.
  mutating func observeEnd(node: Int, store: ReplicaStore, at time: Int) {
    let version = store.appliedVector
    let found = [
      DurabilityChecker.check(node: node, version: version, ledger: ledger, at: time),
      DurabilityChecker.checkEnd(node: node, version: version, ledger: ledger, at: time),
      compareStates(node: node, store: store, version: version, at: time),
      AtomicityChecker.check(node: node, store: store, at: time),
    ]
    violations += found.compactMap(\.self)
  }

  private mutating func compareStates(
    node: Int, store: ReplicaStore, version: VersionVector, at time: Int
  ) -> Violation? {
    do {
      return convergence.observe(
        node: node, version: version, digest: try store.stateDigest().array, at: time)
    } catch {
      return Violation(
        promise: "P14", atMilliseconds: time, what: "node \(node) cannot read its state: \(error)")
    }
  }

  private mutating func add(_ violation: Violation, _ trace: inout Trace) {
    trace.record(
      at: violation.atMilliseconds, node: nil, "BROKEN",
      ["promise": .string(violation.promise), "how": .string(violation.what)])
    violations.append(violation)
  }
}
