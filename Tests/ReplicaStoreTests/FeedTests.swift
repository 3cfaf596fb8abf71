import Causality
import Documents
import Foundation
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import TestSupport
import Testing

/// The order in which changes were applied, against a list that is kept beside it.
@Suite("Change feed")
struct FeedTests {
  let folder = TemporaryFolder()

  private func feed(_ store: ReplicaStore, after position: Int64 = 0) throws -> [FeedEntry] {
    var entries: [FeedEntry] = []
    try store.feed(after: position) {
      entries.append($0)
      return true
    }
    return entries
  }

  private func runCount(_ file: String) throws -> Int64 {
    let raw = try SQLiteConnection(
      SQLiteOptions(location: .file(folder.file(file)), access: .read))
    return try raw.queryInteger("SELECT count(*) FROM feed_run") ?? 0
  }

  @Test("has one entry for each change, in order, with what it did")
  func entries() throws {
    let workspace = try TestWorkspace(1)
    let first = try workspace.edit(0) { try $0.createNote("a") }
    let second = try workspace.edit(0) {
      try $0.insert("x", of: first.value)
      return try $0.createNote("b")
    }
    let found = try feed(workspace[0])
    #expect(found.map(\.position) == [1, 2])
    #expect(found.map(\.change) == [first.change, second.change])
    #expect(found.map(\.documents) == [[first.value], [first.value, second.value].sorted()])
    #expect(found[1].time == workspace.now)
    #expect(try feed(workspace[0], after: 1) == [found[1]])
    #expect(try feed(workspace[0], after: 2) == [])
    for position in [-1, 3, .max] as [Int64] {
      #expect(throws: StoreError.self) { try feed(workspace[0], after: position) }
    }
  }

  @Test("writes nothing more for one who writes alone")
  func cost() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    for number in 0..<50 { try workspace.edit(0) { try $0.createNote("\(number)") } }
    #expect(try runCount("0.db") == 1)
    #expect(try feed(workspace[0]).map(\.change.sequence) == Array(1...50).map { UInt64($0) })
  }

  @Test("is gap-free and stays as it was under edits, syncs and restarts", arguments: 1...8)
  func property(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let workspace = try TestWorkspace(3, seed: seed, folder: folder)
    var known: [[FeedEntry]] = [[], [], []]
    let id = try workspace.edit(0) { try $0.createNote("a") }.value
    try workspace.level()
    for _ in 0..<80 {
      let index = Int.random(in: 0..<3, using: &random)
      switch Int.random(in: 0..<8, using: &random) {
      case 0: try workspace.edit(index) { try $0.createNote("b") }
      case 1:
        let options = workspace[index].options
        workspace[index].close()
        workspace.replace(index, with: try ReplicaStore.open(options))
      case 2, 3:
        let to = (index + Int.random(in: 1...2, using: &random)) % 3
        try workspace.send(from: index, to: to, limit: Int.random(in: 1...4, using: &random))
      default: try workspace.edit(index) { try $0.insert("x", of: id) }
      }
      for index in 0..<3 {
        let entries = try feed(workspace[index], after: Int64(known[index].count))
        known[index] += entries
      }
    }
    try workspace.level()
    for (index, store) in workspace.stores.enumerated() {
      let entries = try feed(store)
      #expect(Array(entries.prefix(known[index].count)) == known[index], "seed \(seed)")
      #expect(entries.map(\.position) == Array(1...store.position), "seed \(seed)")
      #expect(Set(entries.map(\.change)).count == entries.count, "seed \(seed)")
      // Each prefix is closed under "happened before", and is the version at its position.
      var version = VersionVector()
      for entry in entries {
        #expect(version[entry.change.origin] + 1 == entry.change.sequence, "seed \(seed)")
        version.advance(to: entry.change)
        if entry.position % 7 == 0 {
          #expect(try store.version(atPosition: entry.position) == version, "seed \(seed)")
        }
      }
      #expect(version == store.appliedVector, "seed \(seed)")
      #expect(try store.version(atPosition: 0) == VersionVector())
    }
  }

  @Test("keeps the positions of changes that are given new names")
  func renaming() throws {
    let workspace = try TestWorkspace(2, folder: folder)
    let id = try workspace.edit(0) { try $0.createNote("a") }.value
    try workspace.level()
    // A copy of the file, which commits what the first will not know.
    let copy = folder.file("copy.db")
    let options = workspace[0].options
    workspace[0].close()
    try FileManager.default.copyItem(atPath: folder.file("0.db"), toPath: copy)
    workspace.replace(0, with: try ReplicaStore.open(options))
    let twin = try ReplicaStore.open(SQLiteOptions(location: .file(copy), access: .write))
    func commit(_ store: ReplicaStore, _ text: String) throws {
      _ = try store.group(now: workspace.tick(), entropy: workspace.entropy) {
        $0.transaction { try $0.insert(text, of: id) }
      }.get()
    }
    try commit(twin, "one ")
    // Something of somebody else comes between the private changes.
    try workspace.edit(1) { try $0.createNote("other") }
    _ = try workspace[1].seal(entropy: workspace.entropy)
    let others = try workspace[1].segments.segments(
      beyond: twin.appliedVector, limitBytes: .max, limitCount: .max
    ).map { try Segment(parsing: $0.bytes) }
    _ = try twin.receive(others)
    try commit(twin, "two ")
    try commit(twin, "three ")
    let before = try feed(twin)
    #expect(before.count == 5)

    // The first goes on under the origin of both, and the copy learns of it.
    try workspace.edit(0) { try $0.insert("zero ", of: id) }
    _ = try workspace[0].seal(entropy: workspace.entropy)
    let segments = try workspace[0].segments.segments(
      beyond: before.prefix(1).reduce(into: VersionVector()) { $0.advance(to: $1.change) },
      limitBytes: .max, limitCount: .max
    ).map { try Segment(parsing: $0.bytes) }
    let outcome = try twin.receive(segments, entropy: workspace.entropy)
    #expect(outcome.hasNewOrigin)
    let after = try feed(twin)
    #expect(after.map(\.position) == Array(1...6))
    #expect(after.prefix(5).map(\.documents) == before.map(\.documents))
    #expect(after.prefix(5).map(\.time) == before.map(\.time))
    let own = [1, 3, 4]
    for index in 0..<5 where !own.contains(index) { #expect(after[index] == before[index]) }
    #expect(own.map { after[$0].change.origin } == Array(repeating: twin.identity.origin, count: 3))
    #expect(own.map { after[$0].change.sequence } == [1, 2, 3])
    #expect(after[5].change == before[1].change)
    #expect(try twin.version(atPosition: 6) == twin.appliedVector)
    try commit(twin, "four ")
    #expect(try feed(twin).last?.change == ChangeID(origin: twin.identity.origin, sequence: 4))
    #expect(try feed(twin).prefix(6) == after[...])
    twin.close()
  }

  @Test("consumers are told again until they acknowledge, across restarts")
  func consumers() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    for number in 0..<5 { try workspace.edit(0) { try $0.createNote("\(number)") } }
    var store = workspace[0]
    #expect(try store.feedPosition(of: "indexer") == nil)
    try store.acknowledge("indexer", through: 3)
    try store.acknowledge("backup", through: 0)
    let options = store.options
    store.close()
    store = try ReplicaStore.open(options)
    #expect(try store.feedPosition(of: "indexer") == 3)
    #expect(try feed(store, after: 3).map(\.position) == [4, 5])
    // Not backwards.
    try store.acknowledge("indexer", through: 2)
    #expect(try store.feedPosition(of: "indexer") == 3)
    #expect(try store.feedConsumers().map(\.name) == ["backup", "indexer"])
    try store.removeConsumer("backup")
    #expect(try store.feedConsumers().map(\.name) == ["indexer"])
    for (name, position) in [("", 1), ("x\u{0}", 1), ("x", 6), ("x", -1)] as [(String, Int64)] {
      #expect(throws: StoreError.self) { try store.acknowledge(name, through: position) }
    }
    #expect(throws: StoreError.self) {
      try store.acknowledge(String(repeating: "x", count: 256), through: 1)
    }
    workspace.replace(0, with: store)
  }
}
