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

/// Backups, and stores that are made of them.
@Suite("Backups")
struct BackupTests {
  let folder = TemporaryFolder()
  let workspace: TestWorkspace

  init() throws {
    workspace = try TestWorkspace(2, folder: folder)
  }

  private var file: String { folder.file("b.backup") }

  @discardableResult
  private func backUp(_ index: Int = 0) throws -> BackupReport {
    let store = try ReplicaStore.open(
      SQLiteOptions(location: workspace[index].options.location, access: .read))
    defer { store.close() }
    return try store.backUp(to: file)
  }

  private func restore(
    _ restoration: ReplicaStore.Restoration, as name: String = "restored.db"
  ) throws -> ReplicaStore {
    try ReplicaStore.restore(
      file, to: SQLiteOptions(location: .file(folder.file(name))), as: restoration,
      now: workspace.tick(), entropy: workspace.entropy)
  }

  private func canonical(_ store: ReplicaStore) throws -> [String] {
    var lines: [String] = []
    try store.exportCanonical { lines.append(String(decoding: $0, as: UTF8.self)) }
    return lines
  }

  /// A store with sealed, unsealed, received and folded changes.
  private func fill() throws -> DocumentID {
    let id = try workspace.edit(0) { try $0.createNote("a") }.value
    try workspace.level()
    try workspace.edit(1) { try $0.insert("from the other ", of: id) }
    try workspace.level()
    for _ in 0..<30 {
      try workspace.edit(0) { try $0.insert(String(repeating: "text ", count: 60), of: id) }
    }
    let gone = try workspace.edit(0) { try $0.createNote("gone") }.value
    try workspace.edit(0) { try $0.edit(gone).deleteDocument() }
    try workspace[0].acknowledge("indexer", through: 4)
    while try !workspace[0].project().isDone {}
    return id
  }

  @Test("hold everything and no key")
  func content() throws {
    _ = try fill()
    let report = try backUp()
    #expect(report.documents == 1)
    #expect(report.note.version == workspace[0].appliedVector)
    let bytes = try Data(contentsOf: URL(filePath: file))
    for secret in [
      workspace[0].identity.key.encoded().array, workspace[0].identity.device.encoded().array,
      Array(workspace[0].identity.device.encoded().array.dropFirst()),
    ] {
      #expect(bytes.range(of: Data(secret)) == nil)
    }
    let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions]
    #expect(mode as? Int == 0o600)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
        $0.contains("backup")
      } == ["b.backup"])
    // Its key finds it whole.
    workspace[0].close()
    let original = try Data(contentsOf: URL(filePath: folder.file("0.db")))
    #expect(original.range(of: Data(workspace[0].identity.key.encoded().array)) != nil)
  }

  @Test("are no stores, and say what to do")
  func opening() throws {
    _ = try fill()
    try backUp()
    do {
      _ = try ReplicaStore.open(SQLiteOptions(location: .file(file), access: .write))
      Issue.record("it was opened")
    } catch {
      #expect(error == .isBackup(path: file))
      #expect(error.description.contains("--backup"))
    }
    #expect(throws: StoreError.exists(path: file)) { try backUp() }
  }

  @Test("are one state while the store is written")
  func running() throws {
    let id = try fill()
    let before = try canonical(workspace[0])
    // A reader that began before keeps nobody from writing meanwhile.
    let store = try ReplicaStore.open(
      SQLiteOptions(location: workspace[0].options.location, access: .read))
    try store.read {
      try workspace.edit(0) { try $0.insert("during ", of: id) }
    }
    store.close()
    try backUp()
    try workspace.edit(0) { try $0.insert("after ", of: id) }
    let restored = try restore(.device(workspace[0].recoveryKey))
    #expect(try canonical(restored) != before)
    #expect(try restored.body(id).hasPrefix("during "))
    #expect(try restored.check() == [])
  }

  @Test("restored as the device: a new origin, nothing lost, level with the others")
  func device() throws {
    let id = try fill()
    _ = try workspace[0].group(now: workspace.tick(), entropy: workspace.entropy) {
      $0.transaction { try $0.insert("never sent ", of: id) }
    }.get()
    let shown = try canonical(workspace[0])
    try backUp()
    let (origin, code) = (workspace[0].identity.origin, workspace[0].recoveryKey.code)
    workspace[0].close()
    for suffix in ["", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: folder.file("0.db") + suffix)
    }

    let restored = try restore(.device(RecoveryKey(code: code)))
    #expect(restored.identity.origin != origin)
    #expect(restored.isAdmitted)
    #expect(try canonical(restored).dropFirst() == shown.dropFirst())
    #expect(try restored.identityNotes().first?.contains("restored from a backup") == true)
    #expect(try restored.feedPosition(of: "indexer") == 4)
    #expect(try !restored.hasProjection())
    #expect(try restored.check() == [])
    workspace.replace(0, with: restored)
    try workspace.edit(0) { try $0.insert("restored ", of: id) }
    _ = try restored.seal(entropy: workspace.entropy)
    _ = try workspace[1].addRecords(restored.membership.records)
    try workspace.level()
    try workspace.expectEqual("after the restore")
    #expect(try workspace[1].body(id).contains("never sent "))
    #expect(try workspace[1].body(id).hasPrefix("restored "))
    // What the file was restored from is still one.
    #expect(try restore(.device(RecoveryKey(code: code)), as: "again.db").isAdmitted)
  }

  @Test("older than what others have: what the old store sent after it comes back from them")
  func older() throws {
    let id = try fill()
    try backUp()
    try workspace.edit(0) { try $0.insert("after the backup ", of: id) }
    try workspace.level()
    let key = workspace[0].recoveryKey
    workspace[0].close()
    let restored = try restore(.device(key))
    workspace.replace(0, with: restored)
    _ = try workspace[1].addRecords(restored.membership.records)
    let known = VersionVector(
      try restored.storedTips().map { .init(origin: $0.origin, sequence: $0.position.sequence) })
    let segments = try workspace[1].segments.segments(
      beyond: known, limitBytes: .max, limitCount: .max
    ).map { try Segment(parsing: $0.bytes) }
    _ = try restored.receive(segments, entropy: workspace.entropy)
    try workspace.level()
    try workspace.expectEqual("after the restore")
    #expect(try restored.body(id).hasPrefix("after the backup "))
  }

  @Test("restored as a new device that somebody invites")
  func joining() throws {
    let id = try fill()
    _ = try workspace[0].group(now: workspace.tick(), entropy: workspace.entropy) {
      $0.transaction { try $0.insert("never sent ", of: id) }
    }.get()
    try backUp()
    workspace[0].close()
    let invitation = try workspace[1].invite(
      role: .writer, expiresMillis: .max, entropy: workspace.entropy)
    let restored = try restore(.joining(invitation, name: "new"))
    #expect(!restored.isAdmitted)
    #expect(try restored.body(id).hasPrefix("never sent "))
    workspace.replace(0, with: restored)
    _ = try workspace[1].addRecords(restored.membership.records)
    _ = try workspace[1].makeRecords { (membership, identity) throws(MembershipError) in
      var records: [MembershipRecord] = []
      for request in membership.requests(for: identity.device.publicKey) {
        records.append(try membership.admit(request.hash, by: identity.device, nowMillis: 0))
      }
      return records
    }
    _ = try restored.addRecords(workspace[1].membership.records)
    #expect(restored.isAdmitted)
    try workspace.edit(0) { try $0.insert("joined ", of: id) }
    _ = try restored.seal(entropy: workspace.entropy)
    _ = try workspace[1].addRecords(restored.membership.records)
    try workspace.level()
    try workspace.expectEqual("after joining")
    #expect(try workspace[1].body(id).hasPrefix("joined never sent "))
    #expect(try restored.check() == [])
  }

  @Test("are refused with the key or the invitation of somebody else, and leave nothing behind")
  func refusals() throws {
    _ = try fill()
    try backUp()
    let stranger = try TestWorkspace(1, seed: 9)
    let invitation = try stranger[0].invite(
      role: .writer, expiresMillis: .max, entropy: stranger.entropy)
    for restoration in [
      ReplicaStore.Restoration.device(workspace[1].recoveryKey),
      .device(stranger[0].recoveryKey), .joining(invitation, name: "x"),
    ] {
      #expect(throws: StoreError.self) { try restore(restoration) }
      #expect(!FileManager.default.fileExists(atPath: folder.file("restored.db")))
    }
    let code = workspace[0].recoveryKey.code
    for text in ["", "x", String(code.dropLast()), code + "A", "skerrykey1", code.uppercased()] {
      #expect(throws: RecoveryKeyError.self) { try RecoveryKey(code: text) }
    }
    #expect(try RecoveryKey(code: " " + code + "\n").code == code)
    // A store is no backup.
    #expect(throws: StoreError.self) {
      try ReplicaStore.restore(
        folder.file("1.db"), to: SQLiteOptions(location: .file(folder.file("x.db"))),
        as: .device(workspace[1].recoveryKey), now: workspace.tick(), entropy: workspace.entropy)
    }
    #expect(throws: StoreError.missing(path: "nowhere")) {
      try ReplicaStore.restore(
        "nowhere", to: SQLiteOptions(location: .file(folder.file("x.db"))),
        as: .device(workspace[0].recoveryKey), now: workspace.tick(), entropy: workspace.entropy)
    }
  }
}
