import Causality
import Documents
import ReplicaStore
import SQLiteBridge
import Sealing
import Testing

@testable import SimulationKit

/// A checker that cannot fail checks nothing: each is shown a lie here.
@Suite("Checkers catch what they are for")
struct CheckerTests {
  private let ada = Origin(high: 1, low: 1)
  private let ben = Origin(high: 2, low: 2)

  private func vector(_ counts: (Origin, UInt64)...) -> VersionVector {
    VersionVector(counts.map { VersionVector.Entry(origin: $0.0, sequence: $0.1) })
  }

  @Test("two states under one version")
  func convergence() {
    var checker = ConvergenceChecker()
    let version = vector((ada, 1))
    #expect(checker.observe(node: 0, version: version, digest: [1], at: 1) == nil)
    #expect(checker.observe(node: 1, version: version, digest: [1], at: 2) == nil)
    #expect(checker.observe(node: 2, version: version, digest: [2], at: 3)?.promise == "P6")
  }

  @Test("a change without what its author had seen, and a change that nobody made")
  func causalClosure() {
    var ledger = Ledger(nodeCount: 2)
    ledger.commit(ChangeID(origin: ada, sequence: 1), node: 0, seen: vector((ada, 1)), at: 1)
    ledger.commit(
      ChangeID(origin: ben, sequence: 1), node: 1, seen: vector((ada, 1), (ben, 1)), at: 2)
    var checker = CausalClosureChecker(nodeCount: 2)
    let whole = vector((ada, 1), (ben, 1))
    #expect(checker.observe(node: 0, version: whole, ledger: ledger, at: 3) == nil)
    let torn = checker.observe(node: 1, version: vector((ben, 1)), ledger: ledger, at: 3)
    #expect(torn?.promise == "P4")
    let invented = checker.observe(node: 0, version: vector((ada, 2)), ledger: ledger, at: 4)
    #expect(invented?.promise == "P5")
  }

  @Test("an acknowledged change that is gone")
  func durability() {
    var ledger = Ledger(nodeCount: 1)
    ledger.commit(ChangeID(origin: ada, sequence: 1), node: 0, seen: vector((ada, 1)), at: 1)
    let kept = vector((ada, 1))
    #expect(DurabilityChecker.check(node: 0, version: kept, ledger: ledger, at: 2) == nil)
    #expect(
      DurabilityChecker.check(node: 0, version: vector(), ledger: ledger, at: 2)?.promise == "P2")
    #expect(
      DurabilityChecker.checkEnd(node: 0, version: vector(), ledger: ledger, at: 2)?.promise
        == "P2")
  }

  @Test("half of a transfer, until the other half comes")
  func atomicity() throws {
    let store = try ReplicaStore.create(
      SQLiteOptions(location: .memory, access: .create), .workspace(name: "checker"),
      now: Timestamp(clampingMilliseconds: 0), entropy: .seeded(1))
    let entropy = Entropy.seeded(2)
    func move(_ amount: Int64) throws {
      _ = try store.group(now: Timestamp(clampingMilliseconds: 1), entropy: entropy) { group in
        group.transaction { transaction in
          try transaction.edit(transaction.create()).increment(["balance"], by: amount)
        }
      }.get()
    }
    #expect(AtomicityChecker.check(node: 0, store: store, at: 1) == nil)
    try move(-5)
    #expect(AtomicityChecker.check(node: 0, store: store, at: 2)?.promise == "P3")
    try move(5)
    #expect(AtomicityChecker.check(node: 0, store: store, at: 3) == nil)
  }

  @Test("a replica that shows less than it showed")
  func session() {
    var checker = SessionChecker(nodeCount: 1)
    #expect(checker.observe(node: 0, version: vector((ada, 2)), at: 1) == nil)
    #expect(checker.observe(node: 0, version: vector((ada, 1)), at: 2)?.promise == "P8")
  }
}
