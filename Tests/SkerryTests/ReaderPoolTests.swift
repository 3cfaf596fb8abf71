import Synchronization
import Testing

@testable import Skerry

@Suite("Connections that read")
struct ReaderPoolTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// How many reads are under way.
  private final class Counter: Sendable {
    let active = Atomic(0)
    let done = Atomic(0)
    let isOver = Atomic(false)
  }

  @Test("pause for whoever needs a moment without any, and go on")
  func quiet() async throws {
    let replica = try await Replica.create(at: folder.path("a"), name: "a")
    let counter = Counter()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<ReaderPool.countMax + 4 {
        group.addTask {
          while !counter.isOver.load(ordering: .acquiring) {
            try await replica.read { reading in
              counter.active.add(1, ordering: .acquiringAndReleasing)
              _ = try reading.documentCount()
              counter.active.subtract(1, ordering: .acquiringAndReleasing)
            }
            counter.done.add(1, ordering: .relaxed)
          }
        }
      }
      for _ in 0..<20 {
        var wasDone = false
        await replica.readers.whenNobodyReads {
          #expect(counter.active.load(ordering: .acquiring) == 0)
          await Task.yield()
          #expect(counter.active.load(ordering: .acquiring) == 0)
          wasDone = true
        }
        #expect(wasDone)
        let before = counter.done.load(ordering: .relaxed)
        while counter.done.load(ordering: .relaxed) < before + 5 { await Task.yield() }
      }
      counter.isOver.store(true, ordering: .releasing)
      try await group.waitForAll()
    }
    await replica.close()
    await replica.readers.whenNobodyReads { Issue.record("the pool is closed") }
  }

  @Test("a log that is too long is complained of once, and again when it has grown as much")
  func logLength() {
    let log = LogLength()
    let starved = Checkpointer.starvedPages
    log.note(starved - 1)
    #expect(!log.isTooLong())
    log.note(starved)
    #expect(log.isTooLong() && !log.isTooLong())
    log.note(2 * starved - 1)
    #expect(!log.isTooLong())
    log.note(2 * starved)
    #expect(log.isTooLong())
    // It began anew.
    log.note(3)
    log.note(starved)
    #expect(log.isTooLong())
  }
}
