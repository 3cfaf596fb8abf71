import ByteCoding
import Causality
import Documents
import JSONCoding
import SQLiteBridge
import TestSupport
import Testing

@testable import ReplicaStore
@testable import Replication

/// Documents that are damaged where the segments with their changes are dropped.
@Suite("Lost documents")
struct LostDocumentTests {
  /// Members that have all of each other, of which the first ones have dropped what all have.
  private func world(
    _ members: Int, seed: UInt64, compacting: Int, _ write: (World) throws -> Void
  ) throws -> World {
    let world = try World.members(members, seed: seed)
    try write(world)
    for node in 1..<members { _ = world.connect(node, 0) }
    #expect(
      try world.runUntil {
        try world.isConverged()
          && world.nodes.allSatisfy { try $0.store.stableCut().holders.isEmpty }
      })
    world.cutAll()
    for node in 0..<compacting {
      let store = world.nodes[node].store
      var compaction = try store.beginCompaction(below: try store.stableCut().version)
      while !compaction.isFinished { try store.step(&compaction) }
      #expect(compaction.droppedSegments > 0)
      world.run(world.nodes[node].engine.compacted(at: world.instant), node)
    }
    return world
  }

  /// Lets all that a node holds of a document rot, and its process begin anew.
  private func rot(_ world: World, _ node: Int, _ id: DocumentID) throws {
    let store = world.nodes[node].store
    for (table, column, owner) in [
      ("document_state", "state", "document"), ("document_base", "state", "document"),
      ("document_history", "block", "document"), ("document_tail", "block", "id >> 24"),
    ] {
      try store.connection.execute(
        """
        UPDATE \(table) SET \(column) = zeroblob(length(\(column)))
        WHERE \(owner) = (SELECT id FROM document WHERE document = ?)
        """, .blob(id.bytes))
    }
    store.invalidate()
    try world.restart(node)
  }

  private func notice(_ world: World, _ node: Int, _ id: DocumentID) throws {
    #expect(throws: StoreError.self) { try world.nodes[node].store.document(id) }
    world.run(world.nodes[node].engine.storeChanged(at: world.instant), node)
    #expect(world.nodes[node].store.lostDocuments == [id])
    #expect(try world.nodes[node].store.check().contains { $0.contains("gives it again") })
  }

  private func text(_ world: World, _ node: Int, _ id: DocumentID) throws -> String? {
    try world.nodes[node].store.document(id)?.text(at: ["body"])
  }

  @Test("are fetched from another replica, with what was written on both sides since")
  func fetched() throws {
    var ids: [DocumentID] = []
    let world = try world(2, seed: 71, compacting: 2) { world in
      for number in 0..<5 {
        ids.append(
          try world.edit(0) {
            try $0.make(["body"], .text)
            try $0.splice(["body"], at: 0, delete: 0, insert: "note \(number)")
          })
      }
    }
    // Each side has written since, and the other one does not know of it.
    try world.edit(0, ids[2]) { try $0.splice(["body"], at: 0, delete: 0, insert: "first ") }
    try world.edit(1, ids[2]) { try $0.splice(["body"], at: 6, delete: 0, insert: " second") }
    try rot(world, 0, ids[2])
    try notice(world, 0, ids[2])
    #expect(try text(world, 0, ids[1]) == "note 1")

    // A later run knows of it without looking at the document.
    world.nodes[0].store.invalidate()
    try world.restart(0)
    _ = world.connect(1, 0)
    #expect(
      try world.runUntil { try world.isConverged() && world.nodes[0].store.damagedCount == 0 })
    #expect(try text(world, 0, ids[2]) == "first note 2 second")
    for node in 0...1 { #expect(try world.nodes[node].store.check() == []) }
    #expect(world.nodes[0].logs.contains { $0.contains("was fetched again") })
    #expect(world.nodes[0].changed.contains(ids[2]))
    try world.edit(0, ids[2]) { try $0.splice(["body"], at: 0, delete: 0, insert: "third ") }
    #expect(try world.runUntil { try text(world, 1, ids[2])?.hasPrefix("third ") ?? false })
  }

  @Test("are as they were here, though whoever gives them has folded nothing and knows more")
  func reduced() throws {
    var id: DocumentID?
    let world = try world(2, seed: 72, compacting: 1) { world in
      id = try world.edit(0) {
        try $0.make(["body"], .text)
        try $0.splice(["body"], at: 0, delete: 0, insert: "all know")
      }
    }
    let lost = try #require(id)
    try world.edit(1, lost) { try $0.splice(["body"], at: 0, delete: 0, insert: "not yet ") }
    try rot(world, 0, lost)
    try notice(world, 0, lost)
    let (one, other) = (world.nodes[0].store, world.nodes[1].store)
    let parts = try other.documentParts(of: lost)
    #expect(try one.takeLost(lost, from: parts) == [lost])
    #expect(try text(world, 0, lost) == "all know")
    #expect(try one.check() == [])
    #expect(try one.takeLost(lost, from: parts) == nil)
  }

  @Test("are asked for from one after the other, and what is of no use leaves all as it is")
  func another() throws {
    var ids: [DocumentID] = []
    let world = try world(3, seed: 73, compacting: 3) { world in
      ids = try ["lost", "kept"].map { try world.set(0, "title", .string($0)) }
    }
    let (lost, kept) = (ids[0], ids[1])
    try rot(world, 0, lost)
    try rot(world, 1, lost)
    try notice(world, 0, lost)
    let link = world.connect(1, 0)
    #expect(world.runUntil { world.nodes[0].levels.contains(link) })
    for _ in 0..<400 { world.step() }
    #expect(world.nodes[0].store.lostDocuments == [lost])
    #expect(world.streams[link] != nil)

    // What is cut off, of another document or changed on its way is refused and changes nothing.
    let store = world.nodes[0].store
    let parts = try world.nodes[2].store.documentParts(of: lost)
    for length in 0..<parts[0].pieces.count {
      var short = parts[0]
      short.pieces = Array(short.pieces.prefix(length))
      #expect(throws: StoreError.self) { try store.takeLost(lost, from: [short]) }
    }
    let wrong = try world.nodes[2].store.documentParts(of: kept)
    #expect(throws: StoreError.self) { try store.takeLost(lost, from: wrong) }
    for number in parts[0].pieces.indices where parts[0].pieces[number].kind == .document {
      // In the middle there is the state, which has a checksum.
      var changed = parts[0]
      changed.pieces[number].bytes[changed.pieces[number].bytes.count / 2] ^= 1
      #expect(throws: StoreError.self) { try store.takeLost(lost, from: [changed]) }
    }
    #expect(throws: StoreError.self) { try store.document(lost) }
    #expect(store.lostDocuments == [lost])

    _ = world.connect(2, 0)
    #expect(world.runUntil { store.damagedCount == 0 })
    #expect(try store.document(lost) != nil)
  }

  @Test("what is stored here and signed outweighs what comes, and has to fit it")
  func lies() throws {
    var id: DocumentID?
    let world = try world(2, seed: 74, compacting: 2) { world in
      id = try world.set(0, "title", "all know")
    }
    let lost = try #require(id)
    // Written since, and held by both in segments.
    try world.edit(1, lost) { try $0.set(["title"], to: "as it was signed") }
    let link = world.connect(1, 0)
    #expect(try world.runUntil { try world.isConverged() && world.nodes[0].levels.contains(link) })
    world.cut(link)
    try rot(world, 0, lost)
    try notice(world, 0, lost)
    let (store, giver) = (world.nodes[0].store, world.nodes[1].store)
    let parts = try giver.documentParts(of: lost)

    func forged(_ change: (inout SnapshotDocument) -> Void) throws -> [SnapshotPart] {
      let pieces = parts.flatMap(\.pieces)
      var document = try SnapshotDocument(
        decoding: pieces.filter { $0.kind == .document }.flatMap(\.bytes))
      change(&document)
      var part = parts[0]
      part.pieces = pieces.filter { $0.kind != .document }
      part.pieces.append(
        SnapshotPart.Piece(kind: .document, key: lost.bytes, number: 0, bytes: document.encoded()))
      return [part]
    }
    func swapped(_ block: [UInt8]) -> [UInt8] {
      let (real, lie) = (Array("as it was signed".utf8), Array("what nobody said".utf8))
      guard let found = block.firstRange(of: real) else { return block }
      var writer = ByteWriter()
      writer.write(raw: Array(block[..<found.lowerBound]) + lie)
      writer.write(raw: Array(block[found.upperBound...].dropLast(4)))
      writer.write(fixed: CRC32C.checksum(writer.bytes))
      return writer.bytes
    }
    let lie = try forged { document in
      document.tail = document.tail.map { .init(position: $0.position, block: swapped($0.block)) }
      document.history = document.history.map(swapped)
    }
    let told = { (parts: [SnapshotPart]) in parts.flatMap(\.pieces).flatMap(\.bytes) }
    #expect(told(lie).firstRange(of: Array("what nobody said".utf8)) != nil)
    #expect(try store.takeLost(lost, from: lie) == [lost])
    #expect(try store.document(lost)?.json(at: ["title"]) == "as it was signed")
    #expect(try store.document(lost)?.json() == giver.document(lost)?.json())
    #expect(store.lostDocuments.isEmpty)
  }

  @Test("are given to a peer one in a turn; what is nothing of a document is not taken for one")
  func bounds() throws {
    var id: DocumentID?
    let world = try world(2, seed: 75, compacting: 2) { world in
      id = try world.set(0, "title", "all know")
    }
    let lost = try #require(id)
    let link = world.connect(1, 0)
    #expect(world.runUntil { world.nodes[1].levels.contains(link) })
    let giver = world.nodes[1].engine
    let connection = try #require(giver.links[link])
    giver.work = []
    giver.giveDocument(lost.bytes, connection)
    let once = giver.work.count
    #expect(once > 0)
    for _ in 0..<3 { giver.giveDocument(lost.bytes, connection) }
    #expect(giver.work.count == once)

    try rot(world, 0, lost)
    try notice(world, 0, lost)
    let again = world.connect(1, 0)
    let engine = world.nodes[0].engine
    #expect(world.runUntil { engine.fetching.arriving[again] != nil })
    let asking = try #require(engine.links[again])
    engine.keepDocument([], isLast: false, asking)
    #expect(engine.fetching.arriving.isEmpty)
    let asked = try #require(engine.fetching.documents[lost])
    #expect(asked.nextAt > world.now && asked.pause == 2 * DamageFetching.patienceMilliseconds)
    // Nothing more is taken before it is asked for again.
    engine.keepDocument(Array(repeating: 1, count: 100), isLast: false, asking)
    #expect(engine.fetching.arriving.isEmpty)
    #expect(world.runUntil { world.nodes[0].store.damagedCount == 0 })
    #expect(try world.nodes[0].store.document(lost)?.json(at: ["title"]) == "all know")
  }
}
