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
        let wasDone = await replica.readers.whenNobodyReads { isQuiet in
          guard isQuiet() else { return false }
          #expect(counter.active.load(ordering: .acquiring) == 0)
          await Task.yield()
          #expect(!isQuiet() || counter.active.load(ordering: .acquiring) == 0)
          return true
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
    #expect(await !replica.readers.whenNobodyReads { _ in true })
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
    #expect(await !replica.readers.whenNobodyReads { $0() })
    #expect(try await replica.documents().isEmpty)
    counter.isOver.store(true, ordering: .releasing)
    try await long.value
    #expect(await replica.readers.whenNobodyReads { $0() })
    await replica.close()
  }

  @Test("the log begins anew though there is always somebody who reads")
  func log() async throws {
    let path = folder.path("a")
    let replica = try await Replica.create(at: path, name: "a")
    let id = try await replica.transaction { transaction in
      let id = transaction.createDocument()
      try transaction.set(0, at: ["n"], of: id)
      return id
    }.value
    replica.core.logLength.pagesMax.store(600, ordering: .relaxed)
    let counter = Counter()
    let text = String(repeating: "high water ", count: 10_000)
    try await withThrowingTaskGroup(of: Void.self) { group in
      // So many that one always begins before the others have ended.
      for _ in 0..<ReaderPool.countMax {
        group.addTask {
          while !counter.isOver.load(ordering: .acquiring) {
            try await replica.read { reading in
              for _ in 0..<50 { _ = try reading.documentCount() }
            }
          }
        }
      }
      defer { counter.isOver.store(true, ordering: .releasing) }
      var longest = 0
      var written = 0
      for number in 0..<60 {
        try await replica.transaction { transaction in
          try transaction.set(.integer(Int64(number)), at: ["n"], of: id)
          try transaction.set(.string(text), at: ["text"], of: id)
        }
        written += text.utf8.count
        let size = try FileManager.default.attributesOfItem(atPath: path + "-wal")[.size]
        longest = max(longest, (size as? Int) ?? 0)
      }
      // The log has all of it at least twice: in the tail of its document, and in a state.
      #expect(longest < 2 * written, "\(longest) of \(written)")
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
