import Foundation
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
      // Where the machine is busy, reads may go on for longer than others are held up.
      var isDone = 0
      for _ in 0..<20 {
        let wasDone = await replica.readers.whenNobodyReads {
          #expect(counter.active.load(ordering: .acquiring) == 0)
          await Task.yield()
          #expect(counter.active.load(ordering: .acquiring) == 0)
        }
        isDone += wasDone ? 1 : 0
        let before = counter.done.load(ordering: .relaxed)
        while counter.done.load(ordering: .relaxed) < before + 5 { await Task.yield() }
      }
      #expect(isDone > 0)
      counter.isOver.store(true, ordering: .releasing)
      try await group.waitForAll()
    }
    await replica.close()
    #expect(await !replica.readers.whenNobodyReads { Issue.record("the pool is closed") })
  }

  @Test("go on where one read takes long, and do not pause for what cannot be")
  func longReads() async throws {
    let replica = try await Replica.create(at: folder.path("a"), name: "a")
    let counter = Counter()
    let long = Task {
      try await replica.read { _ in
        counter.active.store(1, ordering: .releasing)
        while !counter.isOver.load(ordering: .acquiring) {}
      }
    }
    while counter.active.load(ordering: .acquiring) == 0 { await Task.yield() }
    #expect(await !replica.readers.whenNobodyReads { Issue.record("somebody reads") })
    #expect(try await replica.documents().isEmpty)
    counter.isOver.store(true, ordering: .releasing)
    try await long.value
    #expect(await replica.readers.whenNobodyReads {})
    await replica.close()
  }

  @Test("the log begins anew though there is always somebody who reads")
  func log() async throws {
    let path = folder.path("a")
    let replica = try await Replica.create(at: path, name: "a")
    let id = try await replica.transaction { $0.createDocument() }.value
    let counter = Counter()
    let text = String(repeating: "high water ", count: 20_000)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          while !counter.isOver.load(ordering: .acquiring) {
            // One begins before the other ends.
            _ = try await replica.read { try $0.json(id, path: ["n"]) }
          }
        }
      }
      var longest = 0
      for number in 0..<500 {
        try await replica.transaction { transaction in
          try transaction.set(.integer(Int64(number)), at: ["n"], of: id)
          try transaction.set(.string(text), at: ["text"], of: id)
        }
        let size = try FileManager.default.attributesOfItem(atPath: path + "-wal")[.size]
        longest = max(longest, (size as? Int) ?? 0)
      }
      counter.isOver.store(true, ordering: .releasing)
      try await group.waitForAll()
      // 500 times 220,000 bytes, twice each, are more than three times that.
      #expect(longest < 2 * 4_096 * Checkpointer.starvedPages)
    }
    await replica.close()
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
