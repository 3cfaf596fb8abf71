import ReplicaStore
import SQLiteBridge
import Testing

@testable import SimulationKit

@Suite("The disk: power loss")
struct PowerLossTests {
  /// A session of `count` transactions, recorded after the store was made.
  private func recorded(
    _ count: Int
  ) throws -> (DiskSession, DiskRecording) {
    let disk = VirtualDisk(seed: 7, name: "session")
    let session = try DiskSession(disk)
    disk.startRecording()
    for number in 1...count {
      try session.write()
      if number % 20 == 0 { try session.seal() }
    }
    session.close()
    return (session, try #require(disk.stopRecording()))
  }

  /// Cuts the power after each step of a recording and looks at what a restart finds.
  ///
  /// - Returns: the first complaints.
  private func complaints(
    _ session: DiskSession, _ recording: DiskRecording, seeds: [UInt64],
    totals: inout DiskCounters
  ) -> [String] {
    var found: [String] = []
    for (step, image) in recording.enumerated() {
      for seed in seeds {
        let disk = VirtualDisk(seed: seed &* 1_000_003 &+ UInt64(step), name: "cut")
        disk.restore(image)
        disk.crash(.power)
        totals.add(disk.counters)
        let acknowledged = step == 0 ? 0 : session.acknowledgedAtStep[step - 1]
        let said = complaint(
          about: disk, after: session, acknowledged: acknowledged, checksFile: step % 7 == 0)
        if let said {
          found.append("step \(step), seed \(seed): \(said)")
          if found.count >= 3 { return found }
        }
      }
    }
    return found
  }

  @Test("at every write and sync a power loss takes nothing acknowledged and leaves no half")
  func everyBoundary() throws {
    let session = try PairSession(transactionCount: 80)
    #expect(session.recording.steps.count > 400)
    var totals = DiskCounters()
    for (step, image) in session.recording.enumerated() {
      for seed in UInt64(1)...2 {
        let disk = VirtualDisk(seed: seed &* 1_000_003 &+ UInt64(step), name: "cut")
        disk.restore(image)
        disk.crash(.power)
        totals.add(disk.counters)
        let acknowledged = session.acknowledged(at: step)
        let complaint = PairSession.complaint(about: disk, acknowledged: acknowledged)
        #expect(complaint == nil, "step \(step), seed \(seed)")
      }
    }
    #expect(totals.tornWrites > 0 && totals.lostWrites > 0 && totals.keptWrites > 0)
    #expect(totals.lostNames > 0)
  }

  /// Two operations on each of two documents are a transaction, so these are 1,000 of them.
  @Test("at every write and sync of a replica's long session a power loss takes nothing promised")
  func replica() throws {
    let (session, recording) = try recorded(250)
    #expect(recording.steps.count > 2_000)
    #expect(session.acknowledgedAtStep.count == recording.steps.count)
    var totals = DiskCounters()
    let found = complaints(session, recording, seeds: [1], totals: &totals)
    #expect(found == [])
    #expect(totals.tornWrites > 0 && totals.lostWrites > 0 && totals.keptWrites > 0)
  }

  @Test("on a disk whose syncs are lies the same look finds what was lost")
  func lyingSyncsAreFound() throws {
    let session = try PairSession(transactionCount: 20, ignoringSync: true)
    var found = 0
    for (step, image) in session.recording.enumerated() {
      let disk = VirtualDisk(seed: UInt64(step), name: "cut")
      disk.restore(image)
      disk.crash(.power)
      let acknowledged = session.acknowledged(at: step)
      if PairSession.complaint(about: disk, acknowledged: acknowledged) != nil { found += 1 }
    }
    #expect(found > 20)
  }
}

/// Connections that write numbers into two tables at once, all steps recorded from the first on.
private struct PairSession {
  let recording: DiskRecording
  /// How many steps had been made when each transaction was acknowledged; the first one makes the
  /// tables.
  private let stepsAtAcknowledgement: [Int]

  init(transactionCount: Int, ignoringSync: Bool = false) throws {
    let disk = VirtualDisk(seed: 11, name: "pairs")
    disk.ignoresSync = ignoringSync
    disk.startRecording()
    var acknowledgements: [Int] = []
    var connection = try Self.connect(disk)
    try connection.transaction { () throws(SQLiteError) in
      try connection.execute("CREATE TABLE one (n INTEGER PRIMARY KEY, filler BLOB)")
      try connection.execute("CREATE TABLE two (filler BLOB, n INTEGER UNIQUE)")
    }
    acknowledgements.append(disk.recording?.steps.count ?? 0)
    for number in 1...transactionCount {
      let filler = SQLiteValue.blob(
        [UInt8](repeating: UInt8(number), count: number % 5 * number % 9 * 300))
      try connection.transaction { () throws(SQLiteError) in
        try connection.execute("INSERT INTO one VALUES (?, ?)", .integer(Int64(number)), filler)
        try connection.execute(
          "UPDATE one SET filler = NULL WHERE n = ?", .integer(Int64(number - 9)))
        try connection.execute("INSERT INTO two VALUES (?, ?)", filler, .integer(Int64(number)))
      }
      acknowledgements.append(disk.recording?.steps.count ?? 0)
      if number % 30 == 0 { try connection.checkpoint(.truncate) }
      if number % 35 == 0 {
        connection.close()
        connection = try Self.connect(disk)
      }
    }
    connection.close()
    recording = try #require(disk.stopRecording())
    stepsAtAcknowledgement = acknowledgements
  }

  static func connect(_ disk: VirtualDisk) throws(SQLiteError) -> SQLiteConnection {
    try SQLiteConnection(
      SQLiteOptions(
        location: .file("pairs.db"), vfs: disk.vfsName, busyTimeoutMilliseconds: 20,
        walAutocheckpointPages: 25))
  }

  /// -1 before the tables.
  func acknowledged(at step: Int) -> Int {
    stepsAtAcknowledgement.count { $0 <= step } - 1
  }

  static func complaint(about disk: VirtualDisk, acknowledged: Int) -> String? {
    do throws(SQLiteError) {
      let connection = try connect(disk)
      defer { connection.close() }
      let findings = try connection.integrityCheck()
      guard findings.isEmpty else { return findings.joined(separator: "; ") }
      let tables = try connection.queryInteger(
        "SELECT count(*) FROM sqlite_schema WHERE type='table'")
      guard tables == 2 else {
        return tables == 0 && acknowledged < 0 ? nil : "\(tables ?? -1) tables"
      }
      let one = try connection.queryInteger("SELECT count(*) FROM one") ?? -1
      let two = try connection.queryInteger("SELECT count(*) FROM two") ?? -1
      let last = try connection.queryInteger("SELECT max(n) FROM one") ?? 0
      guard one == two, one == last else { return "half a transaction: \(one), \(two), \(last)" }
      return one >= acknowledged ? nil : "\(acknowledged) were acknowledged, \(one) are there"
    } catch {
      return "\(error)"
    }
  }
}

extension DiskCounters {
  fileprivate mutating func add(_ other: DiskCounters) {
    tornWrites += other.tornWrites
    lostWrites += other.lostWrites
    keptWrites += other.keptWrites
    lostNames += other.lostNames
  }
}
