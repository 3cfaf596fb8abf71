import ReplicaStore
import SQLiteBridge
import TestSupport
import Testing

@testable import SimulationKit

@Suite("The disk: crashes in the midst of work")
struct CrashTests {
  @Test("a store on the disk does real work and is found again")
  func worksAndReopens() throws {
    let disk = VirtualDisk(seed: 1, name: "work")
    let session = try DiskSession(disk)
    for _ in 1...30 { try session.write() }
    try session.seal()
    try session.reopen()
    #expect(try session.shown(by: session.store) == 30)
    session.close()
    // The last connection takes its WAL along.
    #expect(disk.image.fileNames == ["store.skerry"])
    #expect(disk.counters.syncs > 30 && disk.counters.failedOperations == 0)
  }

  @Test("a process that dies leaves every acknowledged commit behind, wherever it dies")
  func processCrash() throws {
    for steps in stride(from: 0, through: 60, by: 3) {
      let disk = VirtualDisk(seed: UInt64(steps), name: "process")
      let session = try DiskSession(disk)
      disk.planCrash(.process, afterSteps: steps)
      while !disk.isDown { try? session.write() }
      #expect(throws: (any Error).self) { try session.write() }
      disk.crash(.process)
      try session.reopen()
      let shown = try #require(try session.shown(by: session.store))
      #expect(shown == session.acknowledged || shown == session.acknowledged + 1, "after \(steps)")
      session.close()
    }
  }

  @Test("power that fails in the midst of work, again and again, takes nothing acknowledged")
  func powerFailsAgainAndAgain() throws {
    var totals = DiskCounters()
    for seed in UInt64(1)...12 {
      var generator = SeededGenerator(seed: seed)
      let disk = VirtualDisk(seed: seed, name: "power")
      let session = try DiskSession(disk)
      var acknowledged = 0
      for _ in 1...8 {
        disk.planCrash(.power, afterSteps: Int.random(in: 0...80, using: &generator))
        while !disk.isDown {
          try? session.write()
          if !disk.isDown, Int.random(in: 0...9, using: &generator) == 0 { try? session.seal() }
        }
        disk.crash(.process)
        acknowledged = session.acknowledged
        let found = complaint(about: disk, after: session, acknowledged: acknowledged)
        #expect(found == nil, "seed \(seed)")
        try session.reopen()
        session.resume(at: try #require(try session.shown(by: session.store)))
      }
      totals.tornWrites += disk.counters.tornWrites
      totals.lostWrites += disk.counters.lostWrites
      session.close()
    }
    #expect(totals.tornWrites > 0 && totals.lostWrites > 0)
  }

  @Test("handles of a dead process are errors and write nothing; locks are gone")
  func deadHandles() throws {
    let disk = VirtualDisk(seed: 1, name: "dead")
    let session = try DiskSession(disk)
    try session.write()
    let dead = session.store
    disk.crash(.process)
    let writes = disk.counters.writes
    #expect(throws: StoreError.self) {
      try dead.write { () throws(StoreError) in _ = try dead.storedTips() }
    }
    let other = try ReplicaStore.open(DiskSession.options(disk))
    try other.write { () throws(StoreError) in }
    dead.close()
    #expect(try session.shown(by: other) == 1)
    other.close()
    #expect(disk.counters.writes >= writes)
    #expect(disk.image.fileNames == ["store.skerry"])
  }

  @Test("an image is a value, and the disk can be put back to it")
  func images() throws {
    let disk = VirtualDisk(seed: 1, name: "backup")
    let session = try DiskSession(disk)
    for _ in 1...5 { try session.write() }
    let backup = disk.image
    for _ in 1...5 { try session.write() }
    let copy = VirtualDisk(seed: 2, name: "copy")
    copy.restore(disk.image.synced)
    copy.crash(.power)
    #expect(complaint(about: copy, after: session, acknowledged: 10) == nil)

    disk.crash(.process)
    disk.restore(backup)
    try session.reopen()
    #expect(try session.shown(by: session.store) == 5)
    session.close()
  }

  @Test("with its own chance seeded, SQLite writes the same bytes again")
  func sameBytes() async {
    // In a process of its own, as the source of chance is one for all.
    await #expect(processExitsWith: .success) {
      var runs: [[UInt8]] = []
      for _ in 1...2 {
        SQLiteRandomness.seed(5)
        let disk = VirtualDisk(seed: 3, name: "bytes")
        let session = try DiskSession(disk)
        for _ in 1...3 { try session.write() }
        runs.append(try #require(disk.image.bytes(of: "store.skerry-wal")))
      }
      SQLiteRandomness.restore()
      try #require(runs[0] == runs[1] && !runs[0].isEmpty)
    }
  }

  @Test("the same seed gives the same disk after the same session")
  func repeats() throws {
    func run() throws -> DiskCounters {
      let disk = VirtualDisk(seed: 3, name: "twice")
      let session = try DiskSession(disk)
      for steps in [5, 17, 40] {
        disk.planCrash(.power, afterSteps: steps)
        while !disk.isDown { try? session.write() }
        disk.crash(.process)
        try session.reopen()
        session.resume(at: try session.shown(by: session.store) ?? 0)
      }
      return disk.counters
    }
    #expect(try run() == run())
  }
}
