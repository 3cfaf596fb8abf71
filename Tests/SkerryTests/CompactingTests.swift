import Skerry
import Synchronization
import Testing

@Suite("Replicas that compact")
struct ReplicaCompactingTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test("segments are dropped, who joins then gets a snapshot, and the log begins behind it")
  func joinsAfterwards() async throws {
    let ada = try await Replica.create(at: folder.path("ada"), name: "Ada")
    let ben = try await Replica.join(
      at: folder.path("ben"), code: ada.invite(), name: "Ben")
    _ = await ben.sync(with: ada)
    var notes: [DocumentID] = []
    for number in 0..<30 {
      notes.append(
        try await ada.transaction { transaction in
          let note = transaction.createDocument()
          try transaction.replaceText(with: "note \(number)", at: ["body"], of: note)
          return note
        }.value)
    }
    // The second time each tells what it has.
    for _ in 0..<2 { #expect(await ben.sync(with: ada).isLevel) }
    let before = try await ada.info()
    let report = try await ada.compact()
    #expect(report.foldedCount == 30)
    #expect(report.droppedSegmentCount == before.segmentCount)
    #expect(report.holders.isEmpty && report.keptForConsumer == nil)
    let after = try await ada.info()
    #expect(after.segmentCount == 0 && after.segmentBytes == 0)
    #expect(after.changeCount == before.changeCount)
    #expect(after.stateDigest == before.stateDigest)

    let cleo = try await Replica.join(
      at: folder.path("cleo"), code: ada.invite(), name: "Cleo")
    let first = await cleo.sync(with: ada)
    let joined = first.isLevel ? first : await cleo.sync(with: ada)
    #expect(joined.isLevel)
    #expect(joined.receivedDocuments == 30 && joined.receivedChanges == 0)
    #expect(try await cleo.info().stateDigest == before.stateDigest)
    #expect(try await cleo.text(notes[7], path: ["body"]) == "note 7")

    let note = notes[7]
    let change = try await cleo.transaction {
      try $0.splice(at: 0, inserting: "a ", in: ["body"], of: note)
    }
    #expect(await cleo.sync(with: ben).isLevel)
    #expect(try await ben.text(notes[7], path: ["body"]) == "a note 7")
    let logged = Mutex<[ChangeID]>([])
    try await cleo.log { entry in
      logged.withLock { $0.append(entry.id) }
      return true
    }
    #expect(logged.withLock { $0 } == [change.change])
    for replica in [ada, ben, cleo] {
      #expect(try await replica.check().isEmpty)
      await replica.close()
    }
  }

  @Test("segments stay for a follower of the feed that has not dealt with them, who is named")
  func consumerHolds() async throws {
    let ada = try await Replica.create(at: folder.path("ada"), name: "Ada")
    for number in 0..<4 {
      _ = try await ada.transaction { transaction in
        let note = transaction.createDocument()
        try transaction.set(.integer(Int64(number)), at: ["n"], of: note)
      }
    }
    try await ada.acknowledge("mirror", through: 2)
    let held = try await ada.compact()
    #expect(held.foldedCount == 4)
    #expect(held.keptForConsumer == "mirror")
    #expect(try await ada.feed(after: 2).count == 2)
    try await ada.acknowledge("mirror", through: 4)
    let freed = try await ada.compact()
    #expect(freed.keptForConsumer == nil)
    #expect(try await ada.info().segmentCount == 0)
    #expect(try await ada.feed(after: 0).isEmpty)
    await #expect(throws: ReplicaError.self) { _ = try await ada.feed(after: 1) }
    await ada.close()
  }
}
