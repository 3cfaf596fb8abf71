import Causality
import DocumentModel
import Documents
import JSONCoding
import ReplicaStore
import Replication
import SQLiteBridge
import Sealing
import Segments
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

  @Test("P6: two states under one version")
  func convergence() {
    var checker = ConvergenceChecker()
    let version = vector((ada, 1))
    let one = StateDigest(of: [1])
    #expect(checker.observe(node: 0, version: version, digest: one, at: 1) == nil)
    #expect(checker.observe(node: 1, version: version, digest: one, at: 2) == nil)
    let other = checker.observe(node: 2, version: version, digest: StateDigest(of: [2]), at: 3)
    #expect(other?.promise == "P6")
  }

  @Test("P4 and P5: a change without what its author had seen, and one that nobody made")
  func causalClosure() {
    var ledger = Ledger(nodeCount: 2)
    ledger.commit(
      ChangeID(origin: ada, sequence: 1), node: 0, seen: vector((ada, 1)), mark: nil, at: 1)
    ledger.commit(
      ChangeID(origin: ben, sequence: 1), node: 1, seen: vector((ada, 1), (ben, 1)), mark: nil,
      at: 2)
    var checker = CausalClosureChecker(nodeCount: 2)
    let whole = vector((ada, 1), (ben, 1))
    #expect(checker.observe(node: 0, version: whole, ledger: ledger, at: 3) == nil)
    #expect(checker.deliveries == 1)
    let torn = checker.observe(node: 1, version: vector((ben, 1)), ledger: ledger, at: 3)
    #expect(torn?.promise == "P4")
    let invented = checker.observe(node: 0, version: vector((ada, 2)), ledger: ledger, at: 4)
    #expect(invented?.promise == "P5")
  }

  @Test("P15: what is not sent beside other things that are, and of which nobody says so")
  func wedges() {
    var checker = WedgeChecker()
    let patience = WedgeChecker.patienceMilliseconds
    func look(_ count: UInt64, at time: Int, isNamed: Bool = false, link: UInt64 = 1) -> String? {
      let second = UInt64(time / 1_000 + 1)
      return checker.observe(
        [
          .init(
            holder: 0, lacker: 1, link: link, held: vector((ada, 3), (ben, second)),
            stored: vector((ada, count), (ben, second - 1)), isNamed: isNamed)
        ], at: time)?.promise
    }
    #expect(look(1, at: 0) == nil)
    #expect(look(1, at: patience - 1) == nil)
    #expect(look(1, at: patience) == "P15")
    // What moves, what is named and what has another link begins anew.
    let begin = 200_000
    #expect(look(1, at: begin) == nil)
    #expect(look(2, at: begin + patience) == nil)
    #expect(look(2, at: begin + 2 * patience - 1, isNamed: true) == nil)
    #expect(look(2, at: begin + 2 * patience) == nil)
    #expect(look(2, at: begin + 3 * patience - 1, link: 2) == nil)
    #expect(look(2, at: begin + 3 * patience, link: 2) == nil)
    #expect(look(3, at: 900_000) == nil)
    #expect(look(3, at: 900_000 + patience) == nil)
  }

  @Test("P8, P11, P15: a presence that goes back, that nobody has shown, and that stays")
  func presence() {
    let devices = (1...2).map { DeviceKeys(entropy: .seeded($0)).signing.publicKey }
    var checker = PresenceChecker()
    let first = checker.show(node: 0, life: 1, device: devices[0], isTakenBack: false)
    let second = checker.show(node: 0, life: 1, device: devices[0], isTakenBack: false)
    func present(_ showing: PresenceChecker.Showing?, _ device: Int = 0) -> [PresentDevice] {
      [PresentDevice(device: devices[device], run: 1, state: showing?.bytes ?? [])]
    }
    #expect(checker.observe(node: 1, life: 1, present: present(first), at: 1) == nil)
    #expect(checker.observe(node: 1, life: 1, present: present(second), at: 2) == nil)
    #expect(
      checker.observe(node: 1, life: 1, present: present(first), at: 3)?.promise == "P8")
    // A process that begins again has seen nothing.
    #expect(checker.observe(node: 1, life: 2, present: present(first), at: 4) == nil)
    let third = PresenceChecker.Showing(node: 0, life: 1, number: 3)
    #expect(checker.observe(node: 1, life: 2, present: present(third), at: 5)?.promise == "P11")
    #expect(
      checker.observe(node: 1, life: 2, present: present(second, 1), at: 5)?.promise == "P11")
    #expect(checker.observe(node: 1, life: 2, present: present(nil), at: 5)?.promise == "P11")

    let lives = [(node: 0, life: 1), (node: 1, life: 2)]
    #expect(checker.checkEnd(node: 1, present: present(second), lives: lives, at: 6) == nil)
    #expect(checker.checkEnd(node: 1, present: [], lives: lives, at: 6)?.promise == "P15")
    _ = checker.show(node: 0, life: 1, device: devices[0], isTakenBack: true)
    #expect(checker.checkEnd(node: 1, present: [], lives: lives, at: 7) == nil)
    #expect(
      checker.checkEnd(node: 1, present: present(second), lives: lives, at: 7)?.promise == "P15")
  }

  @Test("P2: an acknowledged change that is gone")
  func durability() {
    var ledger = Ledger(nodeCount: 1)
    ledger.commit(
      ChangeID(origin: ada, sequence: 1), node: 0, seen: vector((ada, 1)), mark: nil, at: 1)
    let kept = vector((ada, 1))
    #expect(DurabilityChecker.check(node: 0, version: kept, ledger: ledger, at: 2) == nil)
    #expect(
      DurabilityChecker.check(node: 0, version: vector(), ledger: ledger, at: 2)?.promise == "P2")
    #expect(
      DurabilityChecker.checkEnd(node: 0, version: vector(), ledger: ledger, at: 2)?.promise
        == "P2")
  }

  @Test("a commit that failed is no promise, and no lie when it happened all the same")
  func commitsInDoubt() {
    var ledger = Ledger(nodeCount: 1)
    let change = ChangeID(origin: ada, sequence: 1)
    ledger.attempt(change, node: 0, seen: vector((ada, 1)), at: 1)
    #expect(ledger.all == vector())
    var checker = CausalClosureChecker(nodeCount: 1)
    #expect(checker.observe(node: 0, version: vector((ada, 1)), ledger: ledger, at: 2) == nil)
    ledger.commit(change, node: 0, seen: vector((ada, 1)), mark: nil, at: 3)
    #expect(!ledger.isContested)
    #expect(ledger.all == vector((ada, 1)))
  }

  @Test("what goes with a lost machine was no longer promised; what others hold still is")
  func lostMachines() {
    var ledger = Ledger(nodeCount: 2)
    for sequence in UInt64(1)...5 {
      ledger.commit(
        ChangeID(origin: ada, sequence: sequence), node: 0, seen: vector((ada, sequence)),
        mark: "\(sequence)", at: 1)
    }
    let lost = ledger.forgetLost(of: 0, keeping: vector((ada, 2)), known: vector((ada, 3)))
    #expect(lost == 2)
    #expect(ledger.all == vector((ada, 3)))
    #expect(ledger.entries[ChangeID(origin: ada, sequence: 4)]?.standing == .lost)
    // Written again on the backup: what others hold of that name is another change.
    ledger.commit(
      ChangeID(origin: ada, sequence: 3), node: 0, seen: vector((ada, 3)), mark: nil, at: 9)
    #expect(ledger.isContested(vector((ada, 3))))
    #expect(!ledger.isContested(vector((ada, 2))))
  }

  @Test("P3: half of a transfer, until the other half comes; and a view renewed by halves")
  func atomicity() throws {
    let store = try ReplicaStore.create(
      SQLiteOptions(location: .memory, access: .create), .workspace(name: "checker"),
      now: Timestamp(clampingMilliseconds: 0), entropy: .seeded(1))
    let entropy = Entropy.seeded(2)
    var view = StateView()
    func move(_ amount: Int64) throws {
      let commit = try store.group(
        now: Timestamp(clampingMilliseconds: 1), entropy: entropy
      ) { group in
        group.transaction { transaction in
          try transaction.edit(transaction.create()).increment(["balance"], by: amount)
        }
      }.get()
      try view.renew(commit.documents, from: store)
    }
    #expect(AtomicityChecker.check(node: 0, view: view, at: 1) == nil)
    try move(-5)
    #expect(AtomicityChecker.check(node: 0, view: view, at: 2)?.promise == "P3")
    try move(5)
    #expect(AtomicityChecker.check(node: 0, view: view, at: 3) == nil)
    var whole = StateView()
    try whole.renew(nil, from: store)
    #expect(whole == view)
    var changes: [Change] = []
    try store.changes { change, _ in
      changes.append(change)
      return true
    }
    var checker = ModelChecker()
    #expect(
      try checker.check(
        node: 0, store: store, changes: changes, isContested: false, at: 4) == nil)
    let short = try checker.check(
      node: 0, store: store, changes: changes.dropLast(), isContested: false, at: 5)
    #expect(short?.promise == "P5")
    // The same changes with other amounts: the store does not show what they make.
    let wrong = changes.map { change in
      var change = change
      for edit in change.edits.indices {
        change.edits[edit].operations = change.edits[edit].operations.map { operation in
          guard case .increment = operation.action else { return operation }
          return Operation(operation.container, .increment(by: 1))
        }
      }
      return change
    }
    #expect(
      try checker.check(
        node: 0, store: store, changes: wrong, isContested: false, at: 6)?.promise == "P6")
  }

  @Test("P13: what a later release wrote, changed on the way")
  func preservation() {
    var ledger = Ledger(nodeCount: 1)
    let id = ChangeID(origin: ada, sequence: 1)
    let action = Operation.Action.unknown(code: 99, eventCount: 1, bytes: [1, 2])
    ledger.note(action, of: id)
    func change(_ action: Operation.Action) -> Change {
      Change(
        id: id, lamport: 1, time: Timestamp(clampingMilliseconds: 0), dependencies: [],
        edits: [
          DocumentEdit(
            document: DocumentID(high: 1, low: 1), parents: [],
            operations: [Operation(.root, action)])
        ])
    }
    let kept = PreservationChecker.check(
      node: 0, changes: [change(action)], ledger: ledger, at: 1)
    #expect(kept == nil)
    let other = change(.unknown(code: 99, eventCount: 1, bytes: [1, 3]))
    let changed = PreservationChecker.check(node: 0, changes: [other], ledger: ledger, at: 1)
    #expect(changed?.promise == "P13")
  }

  @Test("P8: a replica that shows less than it showed")
  func session() {
    var checker = SessionChecker(nodeCount: 1)
    #expect(checker.observe(node: 0, version: vector((ada, 2)), at: 1) == nil)
    #expect(checker.observe(node: 0, version: vector((ada, 1)), at: 2)?.promise == "P8")
  }

  @Test("P9: a machine that writes under the origin of another")
  func identity() {
    var checker = IdentityChecker()
    #expect(checker.observe(writing: ada, node: 0, machine: 0, at: 1) == nil)
    #expect(checker.observe(writing: ada, node: 0, machine: 0, at: 2) == nil)
    #expect(checker.observe(writing: ben, node: 0, machine: 1, at: 3) == nil)
    #expect(checker.observe(writing: ada, node: 0, machine: 1, at: 4)?.promise == "P9")
    #expect(checker.observe(writing: ben, node: 1, machine: 0, at: 5)?.promise == "P9")
  }

  @Test("P14: more memory for a link than there has to be")
  func buffers() {
    #expect(BuffersChecker.check(node: 0, held: 10, bound: 10, at: 1) == nil)
    #expect(BuffersChecker.check(node: 0, held: 11, bound: 10, at: 1)?.promise == "P14")
  }

  @Test("P11: a word that people wrote, on a relay's disk; and it is on a replica's")
  func blindness() throws {
    let disk = VirtualDisk(seed: 1, name: "checker")
    let store = try ReplicaStore.create(
      SQLiteOptions(location: .file("store"), access: .create, vfs: disk.vfsName),
      .workspace(name: "checker"), now: Timestamp(clampingMilliseconds: 0), entropy: .seeded(1))
    #expect(BlindnessChecker.check(node: 0, disk: disk, at: 1) == nil)
    _ = try store.group(
      now: Timestamp(clampingMilliseconds: 1), entropy: .seeded(2)
    ) { group in
      group.transaction { transaction in
        try transaction.edit(transaction.create()).set(["title"], to: .string(Workload.canary))
      }
    }.get()
    #expect(BlindnessChecker.check(node: 0, disk: disk, at: 2)?.promise == "P11")
    store.close()
  }

  @Test("P1: a write that is refused on a disk in good order; a broken disk may refuse")
  func writability() {
    struct Refusal: Error {}
    func check(isDiskWell: Bool) -> Violation? {
      WritabilityChecker.check(
        node: 0, refusal: Refusal(), isDiskWell: isDiskWell, isAlone: true, at: 1)
    }
    #expect(check(isDiskWell: true)?.promise == "P1")
    #expect(check(isDiskWell: false) == nil)
  }

  @Test("P7: a document that keeps the winner of two concurrent writes, and not the loser")
  func conflicts() throws {
    let id = DocumentID(high: 1, low: 1)
    func change(_ origin: Origin, _ title: String) -> Change {
      Change(
        id: ChangeID(origin: origin, sequence: 1), lamport: 1,
        time: Timestamp(clampingMilliseconds: 0),
        edits: [
          DocumentEdit(
            document: id, parents: [],
            operations: [Operation(.root, .set(Key("title"), .string(title), replaces: []))])
        ])
    }
    let changes = [change(ada, "one"), change(ben, "other")]
    let expectation = ConflictChecker.Expectation(Model(changes), of: id)
    #expect(expectation.registers.map(\.writes.count) == [2])
    func verdict(on changes: [Change], isListed: Bool) throws -> Violation? {
      let document = Document(id: id)
      let edits = changes.compactMap { IncomingEdit($0, document: id) }
      _ = try document.merge(edits) { DocumentHistory(document: id) }
      var history = DocumentHistory(document: id)
      try history.append(contentsOf: edits)
      return ConflictChecker.check(
        node: 0, expectation: expectation, document: document,
        listed: isListed ? try document.conflicts(in: history) : [], at: 1)
    }
    #expect(try verdict(on: changes, isListed: true) == nil)
    #expect(try verdict(on: changes, isListed: false)?.promise == "P7")
    #expect(try verdict(on: [changes[1]], isListed: true)?.promise == "P7")
  }

  @Test("P10: worlds that differ in their clocks alone, and in what came of it")
  func wallTime() throws {
    let report = RunReport(
      scenario: "test", seed: 1, violations: [], events: 1, virtualMilliseconds: 1,
      converged: true, traceHash: "a", orderHash: "b", stateDigest: "c")
    var other = report
    other.traceHash = "clocks are in the trace"
    #expect(WallTimeChecker.check(report, steady: other) == nil)
    other.stateDigest = "d"
    #expect(WallTimeChecker.check(report, steady: other)?.promise == "P10")
    other = report
    other.orderHash = "d"
    #expect(WallTimeChecker.check(report, steady: other)?.promise == "P10")
  }

  @Test("P11: a forged segment in a store; and one that is not the forged one")
  func forgery() throws {
    let device = DeviceKeys(entropy: .seeded(1))
    let sealer = SegmentSealer(
      workspace: WorkspaceID(.zero), keyEpoch: 1, key: WorkspaceKey(entropy: .seeded(2)),
      device: device, entropy: .seeded(3))
    let forged = try sealer.seal([1], origin: ada, sequences: 1...1, after: .zero)
    func check(_ held: [UInt8]?) -> Violation? {
      ForgeryChecker.check(node: 0, forbidden: [forged], holding: { _ in held }, at: 1)
    }
    #expect(check(nil) == nil)
    #expect(check([1, 2, 3]) == nil)
    #expect(check(forged.bytes)?.promise == "P11")
  }

  @Test("P11: what a relay withheld or rolled back, and nobody shows")
  func lyingRelays() {
    func withheld(lacking: UInt64, stored: VersionVector) -> Violation? {
      LyingRelayChecker.checkWithheld(
        node: 0, told: vector((ada, 2)), stored: stored, lacking: lacking, at: 1)
    }
    #expect(withheld(lacking: 0, stored: vector((ada, 2))) == nil)
    #expect(withheld(lacking: 1, stored: vector((ada, 1))) == nil)
    #expect(withheld(lacking: 0, stored: vector((ada, 1)))?.promise == "P11")
    func rolledBack(lost: UInt64, claimed: VersionVector) -> Violation? {
      LyingRelayChecker.checkRollback(
        node: 0, known: vector((ada, 2)), claimed: claimed, lost: lost, at: 1)
    }
    #expect(rolledBack(lost: 0, claimed: vector((ada, 2))) == nil)
    #expect(rolledBack(lost: 1, claimed: vector((ada, 1))) == nil)
    #expect(rolledBack(lost: 0, claimed: vector((ada, 1)))?.promise == "P11")
  }
}
