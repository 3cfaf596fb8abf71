import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import TestSupport
import Testing

/// Stores of one workspace, copies of some of them that write under the same origin, and segments
/// that go from anybody to anybody.
private final class Twins {
  let folder = TemporaryFolder()
  let workspace: TestWorkspace
  private(set) var stores: [ReplicaStore] = []
  private var names: [String] = []

  init(_ count: Int, seed: UInt64 = 1) throws {
    workspace = try TestWorkspace(count, seed: seed, folder: folder)
    stores = workspace.stores
    names = stores.indices.map { "\($0).db" }
  }

  subscript(index: Int) -> ReplicaStore { stores[index] }

  private func options(_ name: String) -> SQLiteOptions {
    SQLiteOptions(location: .file(folder.file(name)), busyTimeoutMilliseconds: 200)
  }

  /// The store as it is at this moment, as one of its own that does not know it.
  ///
  /// - Returns: its number.
  func copy(_ index: Int) throws -> Int {
    let name = "\(stores.count).db"
    for suffix in ["", "-wal"] {
      folder.write(folder.read(names[index] + suffix), to: name + suffix)
    }
    stores.append(try ReplicaStore.open(options(name)))
    names.append(name)
    return stores.count - 1
  }

  /// A new device, which has been given a snapshot.
  ///
  /// - Returns: its number.
  func join(takingSnapshotOf index: Int) throws -> Int {
    let name = "\(stores.count).db"
    try workspace.add(options(name))
    let joiner = workspace.stores[workspace.stores.count - 1]
    for store in stores {
      _ = try store.addRecords(joiner.membership.records)
      _ = try joiner.addRecords(store.membership.records)
    }
    _ = try stores[index].seal(entropy: workspace.entropy)
    for part in try stores[index].snapshotParts(after: [], byteBudget: 1 << 20) {
      let before = try joiner.snapshotProgress()?.cursor ?? []
      #expect(try joiner.stage(SnapshotPart(decoding: part.encoded()), after: before))
    }
    _ = try joiner.installSnapshot(now: workspace.tick(), entropy: workspace.entropy)
    stores.append(joiner)
    names.append(name)
    return stores.count - 1
  }

  func reopen(_ index: Int) throws {
    stores[index].close()
    stores[index] = try ReplicaStore.open(options(names[index]))
  }

  @discardableResult
  func edit<Value>(_ index: Int, _ body: (StoreTransaction) throws -> Value) throws -> Value {
    try stores[index].group(now: workspace.tick(), entropy: workspace.entropy) {
      $0.transaction(body)
    }.get().value
  }

  func insert(_ text: String, at position: Int = 0, of id: DocumentID, in index: Int) throws {
    try edit(index) { try $0.insert(text, at: position, of: id) }
  }

  /// Gives one all that another has, as it was sealed.
  func send(from: Int, to: Int) throws {
    _ = try stores[from].seal(entropy: workspace.entropy)
    _ = try stores[to].addRecords(stores[from].membership.records)
    let all = try stores[from].segments.segments(
      beyond: VersionVector(), limitBytes: .max, limitCount: .max)
    let segments = try all.map { try Segment(parsing: $0.bytes) }
    for segment in segments { try stores[to].verify(segment) }
    _ = try stores[to].receive(segments, entropy: workspace.entropy)
  }

  func exchange(_ rounds: Int = 3) throws {
    for _ in 0..<rounds {
      for from in stores.indices {
        for to in stores.indices where from != to { try send(from: from, to: to) }
      }
    }
  }

  func expectEqual(
    _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for (index, store) in stores.enumerated() {
      #expect(
        store.appliedVector == stores[0].appliedVector, comment, sourceLocation: sourceLocation)
      #expect(
        try store.stateDigest() == stores[0].stateDigest(), comment,
        sourceLocation: sourceLocation)
      #expect(try store.check() == [], comment, sourceLocation: sourceLocation)
      #expect(try store.waitingCount() == 0, comment, sourceLocation: sourceLocation)
      #expect(try store.stalled().isEmpty, comment, sourceLocation: sourceLocation)
      // What is in memory is what is in the file.
      try reopen(index)
      #expect(
        try stores[index].stateDigest() == stores[0].stateDigest(), comment,
        sourceLocation: sourceLocation)
    }
  }
}

@Suite("Two histories of one origin are both kept, under names that follow from them")
struct ForkTests {
  /// Store 1 has one history, store 2 the other, and the twins do not know of each other.
  private func scene() throws -> (twins: Twins, id: DocumentID, twin: Int, origin: Origin) {
    let twins = try Twins(3)
    let id = try twins.edit(0) { try $0.createNote("one") }
    try twins.exchange()
    let origin = twins[0].identity.origin
    let twin = try twins.copy(0)
    try twins.insert("A", of: id, in: 0)
    try twins.send(from: 0, to: 1)
    try twins.insert("B", of: id, in: twin)
    try twins.send(from: twin, to: 2)
    return (twins, id, twin, origin)
  }

  @Test("both are merged, and everybody calls them the same")
  func bothAreKept() throws {
    let (twins, id, _, origin) = try scene()
    #expect(try twins[1].body(id) == "A")
    #expect(try twins[2].body(id) == "B")
    try twins.exchange()
    try twins.expectEqual()
    #expect(try ["AB", "BA"].contains(twins[0].body(id)))
    let branches = try twins[0].segments.branches()
    #expect(branches.count == 2)
    #expect(branches.allSatisfy { $0.branch.root == origin && $0.parent == origin })
    for store in twins.stores {
      #expect(try store.segments.branches() == branches)
      #expect(branches.allSatisfy { store.membership.device(owning: $0.branch.origin) != nil })
      #expect(try store.identityNotes().contains { $0.contains("Several histories") })
    }
    // The twins write under origins of their own from now on.
    try twins.insert("C", of: id, in: 0)
    try twins.insert("D", of: id, in: 3)
    try twins.exchange()
    try twins.expectEqual()
    #expect(try twins[1].body(id).count == 4)
  }

  @Test("what others built on one of them still builds on that one")
  func dependents() throws {
    let (twins, id, twin, _) = try scene()
    try twins.insert("p", at: 1, of: id, in: 1)
    try twins.insert("q", at: 1, of: id, in: 2)
    try twins.send(from: 1, to: 0)
    try twins.send(from: 2, to: twin)
    #expect(try twins[0].body(id) == "Ap")
    #expect(try twins[twin].body(id) == "Bq")
    try twins.exchange()
    try twins.expectEqual()
    #expect(try ["ApBq", "BqAp"].contains(twins[0].body(id)))
  }

  @Test("what a device has read on the wrong history is read again when its author tells")
  func readAgain() throws {
    let (twins, id, twin, _) = try scene()
    try twins.insert("p", at: 1, of: id, in: 1)
    // The change on A comes to who has B alone, and names what there is under the same name.
    _ = try twins[1].seal(entropy: twins.workspace.entropy)
    let late = try twins[1].segments.segments(
      beyond: VersionVector(), limitBytes: .max, limitCount: .max
    ).filter { $0.origin == twins[1].identity.origin }.map { try Segment(parsing: $0.bytes) }
    _ = try twins[2].receive(late, entropy: twins.workspace.entropy)
    #expect(try twins[2].body(id) == "Bp")
    try twins.send(from: twin, to: 2)
    try twins.exchange()
    try twins.expectEqual()
    #expect(try ["ApB", "BAp"].contains(twins[0].body(id)))
  }

  @Test("what a device wrote that never comes back is read as those who had it have read it")
  func testimony() throws {
    let (twins, id, twin, _) = try scene()
    try twins.insert("p", at: 1, of: id, in: 1)
    try twins.send(from: 1, to: 0)
    // Device 1 is lost; the others meet.
    for _ in 0..<3 {
      for from in [0, 2, twin] {
        for to in [0, 2, twin] where from != to { try twins.send(from: from, to: to) }
      }
    }
    for index in [0, 2, twin] {
      #expect(try ["ApB", "BAp"].contains(twins[index].body(id)))
      #expect(try twins[index].stalled().isEmpty)
    }
    try twins.exchange()
    try twins.expectEqual()
  }

  @Test("a fork of the first change, three histories, and a fork behind a fork")
  func manyForks() throws {
    let twins = try Twins(3)
    try twins.exchange()
    let origin = twins[0].identity.origin
    let second = try twins.copy(0)
    let third = try twins.copy(0)
    var ids: [DocumentID] = []
    for index in [0, second, third] { ids.append(try twins.edit(index) { try $0.createNote("n") }) }
    for (text, index) in [("A", 0), ("B", second), ("C", third)] {
      _ = try twins[index].seal(entropy: twins.workspace.entropy)
      try twins.insert(text, of: ids[index == 0 ? 0 : index - 2], in: index)
    }
    // One of them is copied again before it hears of the others.
    let fourth = try twins.copy(second)
    try twins.insert("D", of: ids[1], in: second)
    try twins.insert("E", of: ids[1], in: fourth)
    try twins.send(from: second, to: 1)
    try twins.send(from: fourth, to: 2)
    try twins.exchange(4)
    try twins.expectEqual()
    for id in ids { #expect(try twins[1].title(id) == "n") }
    #expect(try Set(twins[1].body(ids[1])) == ["B", "D", "E"])
    let branches = try twins[1].segments.branches()
    #expect(branches.count { $0.parent == origin } == 3)
    #expect(branches.count == 5)
  }

  @Test("a new device that takes a snapshot knows both histories by their names, too")
  func snapshot() throws {
    let (twins, id, _, _) = try scene()
    try twins.insert("p", at: 1, of: id, in: 1)
    try twins.send(from: 2, to: 1)
    let new = try twins.join(takingSnapshotOf: 1)
    #expect(try twins[new].body(id) == twins[1].body(id))
    #expect(try twins[new].segments.branches() == twins[1].segments.branches())
    #expect(twins[new].appliedVector == twins[1].appliedVector)
    // Who has heard of one history only sends that under the name of the origin.
    try twins.send(from: 0, to: new)
    #expect(try twins[new].body(id).count == 3)
    #expect(try twins[new].check() == [])
    try twins.insert("n", of: id, in: new)
    try twins.exchange()
    try twins.expectEqual()
    #expect(try twins[0].body(id).count == 4)
  }

  @Test("where history was folded that it would take, nothing is renamed, and the fork is told")
  func folded() throws {
    let (twins, id, twin, origin) = try scene()
    // All say that they have a second change of the origin; nobody knows that there are two.
    for from in [1, 2, 0] {
      _ = try twins[from].makeReceipt()
      _ = try twins[1].addReceipts(try twins[from].receipts().map(\.bytes))
    }
    var compaction = try twins[1].beginCompaction(below: twins[1].stableCut().version)
    while !compaction.isFinished { try twins[1].step(&compaction) }
    #expect(compaction.folded == 1)
    try twins.send(from: twin, to: 1)
    #expect(try twins[1].body(id) == "A")
    #expect(try twins[1].stalled().map(\.origin) == [origin])
    #expect(try twins[1].segments.branches().isEmpty)
    try twins.edit(1) { try $0.insert("z", of: id) }
    try twins.reopen(1)
    #expect(try twins[1].body(id) == "zA")
  }

  @Test(
    "many replicas, many copies, in any order: all come to show the same",
    arguments: 1...12 as ClosedRange<UInt64>)
  func randomHistories(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let twins = try Twins(4, seed: seed)
    var ids: [DocumentID] = []
    for index in 0..<3 { ids.append(try twins.edit(index) { try $0.createNote("n\(index)") }) }
    try twins.exchange(2)
    for step in 0..<60 {
      let index = Int.random(in: twins.stores.indices, using: &random)
      let other = Int.random(in: twins.stores.indices, using: &random)
      switch Int.random(in: 0..<20, using: &random) {
      case 0 where twins.stores.count < 8: _ = try twins.copy(index)
      case 0..<9:
        let id = ids[Int.random(in: ids.indices, using: &random)]
        let length = try twins[index].body(id).unicodeScalars.count
        try twins.insert(
          "<\(step)>", at: Int.random(in: 0...length, using: &random), of: id, in: index)
      case 9..<11: _ = try twins[index].seal(entropy: twins.workspace.entropy)
      case 11: try twins.reopen(index)
      default: if index != other { try twins.send(from: index, to: other) }
      }
    }
    try twins.exchange(4)
    try twins.expectEqual("seed \(seed)")
  }
}
