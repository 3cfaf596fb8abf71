import ReplicaStore
import SQLiteBridge
import Testing

@testable import SimulationKit

@Suite("The disk: faults")
struct FaultTests {
  @Test(
    "a failing operation is a typed error, and after healing nothing acknowledged is lost",
    arguments: VirtualDisk.Operation.allCases)
  func failures(_ operation: VirtualDisk.Operation) throws {
    var fired = 0
    for isForever in [false, true] {
      for count in isForever ? [0, 1, 2, 3, 5, 8, 13] : Array(0..<40) {
        let disk = VirtualDisk(seed: UInt64(count), name: "fault")
        let session = try DiskSession(disk)
        for _ in 1...3 { try session.write() }
        disk.fail(operation, after: count, forever: isForever)
        for number in 1...12 {
          do {
            try session.write()
          } catch let error as StoreError {
            guard case .database(let cause) = error else {
              Issue.record("\(operation) \(count): \(error)")
              break
            }
            let expected: [SQLiteError.Code] = [
              .ioFailure, .closed, .cannotOpen, .deadTransaction, .damaged,
            ]
            #expect(expected.contains(cause.code), "\(operation) \(count): \(cause)")
          }
          // Closing and opening deletes, opens and truncates.
          if number == 8 { try? session.reopen() }
        }
        fired += disk.counters.failedOperations
        disk.healFaults()
        session.close()
        let acknowledged = session.acknowledged
        let found = complaint(about: disk, after: session, acknowledged: acknowledged)
        #expect(found == nil, "\(operation), \(count), for ever: \(isForever)")
        disk.crash(.power)
        let later = complaint(about: disk, after: session, acknowledged: acknowledged)
        #expect(later == nil, "\(operation), \(count), for ever: \(isForever), then power loss")
      }
    }
    #expect(operation == .truncate || fired > 0)
  }

  @Test("after a commit that failed the same store goes on, and power loss takes nothing of it")
  func goesOnAfterFailedCommit() throws {
    var failed = 0
    var dropped = 0
    for seed in UInt64(0)..<60 {
      let disk = VirtualDisk(seed: seed, name: "sync")
      let session = try DiskSession(disk)
      try session.write()
      disk.fail(seed % 3 == 2 ? .write : .sync, after: Int(seed / 3 % 6), forever: false)
      for _ in 1...8 {
        do {
          try session.write()
        } catch {
          failed += 1
          // The failed one can have come through.
          session.resume(at: try #require(try session.shown(by: session.store)))
        }
      }
      #expect(session.acknowledged >= 8, "seed \(seed)")
      disk.crash(.power)
      let found = complaint(about: disk, after: session, acknowledged: session.acknowledged)
      #expect(found == nil, "seed \(seed)")
      dropped += disk.counters.droppedWrites
    }
    #expect(failed > 30 && dropped > 10)
  }

  @Test(
    "what a restart shows after a failed sync is durable by then, written to or not",
    arguments: [0, 3])
  func restartAfterFailedSync(_ laterWrites: Int) throws {
    for seed in UInt64(0)..<25 {
      let disk = VirtualDisk(seed: seed, name: "restart")
      let session = try DiskSession(disk)
      try session.write()
      disk.fail(.sync, after: Int(seed % 4), forever: false)
      for _ in 1...8 {
        do { try session.write() } catch { break }
      }
      disk.crash(.process)
      try session.reopen()
      session.resume(at: try #require(try session.shown(by: session.store)))
      for _ in 0..<laterWrites { try session.write() }
      disk.crash(.power)
      let found = complaint(about: disk, after: session, acknowledged: session.acknowledged)
      #expect(found == nil, "seed \(seed)")
    }
  }

  @Test("a full disk says so, changes nothing, and goes on when there is room again")
  func fullDisk() throws {
    let disk = VirtualDisk(seed: 1, name: "full")
    let session = try DiskSession(disk)
    for _ in 1...5 { try session.write() }
    for spare in [0, 1, 511, 512, 5_000, 20_000] {
      disk.capacityBytes =
        disk.image.fileNames.reduce(0) {
          $0 + (disk.image.bytes(of: $1)?.count ?? 0)
        } + spare
      var error: SQLiteError?
      for _ in 1...200 where error == nil {
        do {
          try session.write()
        } catch let failure as StoreError {
          guard case .database(let cause) = failure else { throw failure }
          error = cause
        }
      }
      #expect(error?.code == .diskFull)
      #expect(try session.shown(by: session.store) == session.acknowledged)
      disk.healFaults()
      try session.write()
    }
    #expect(disk.counters.fullErrors > 0)
    session.close()
    let acknowledged = session.acknowledged
    #expect(complaint(about: disk, after: session, acknowledged: acknowledged) == nil)
  }

  @Test("after a failed sync the unsynced may never reach the platter, though it can be read")
  func failedSync() throws {
    var dropped = 0
    for seed in UInt64(1)...40 {
      var file = DiskFile()
      var chance = RandomStream(seed: seed, "test")
      var counters = DiskCounters()
      let old = [UInt8](repeating: 1, count: 2_048)
      old.withUnsafeBytes { file.write($0, at: 0) }
      file.sync()
      let new = [UInt8](repeating: 2, count: 2_048)
      new.withUnsafeBytes { file.write($0, at: 0) }
      file.failSync(&chance, &counters)
      file.sync()
      if file.platter != new {
        dropped += 1
        #expect(counters.droppedWrites == 1)
      }
      for sector in 0..<4 {
        #expect([1, 2].contains(file.platter[sector * 512]))
        #expect(Set(file.platter[(sector * 512)..<(sector * 512 + 512)]).count == 1)
      }
    }
    #expect(dropped > 10)
  }

  @Test("a byte that rots in the file is damage that the store reports, or harms nothing")
  func rot() throws {
    var reported = 0
    for seed in UInt64(1)...30 {
      let disk = VirtualDisk(seed: seed, name: "rot")
      let session = try DiskSession(disk)
      for _ in 1...20 { try session.write() }
      session.close()
      let place = try #require(disk.rot("store.skerry"))
      #expect(place.name == "store.skerry")
      #expect(disk.counters.rottenBytes == 1)
      do {
        try session.reopen()
        _ = try session.shown(by: session.store)
        session.close()
      } catch is StoreError {
        reported += 1
      }
    }
    #expect(reported > 0)
    #expect(VirtualDisk(seed: 1, name: "empty").rot() == nil)
  }
}
