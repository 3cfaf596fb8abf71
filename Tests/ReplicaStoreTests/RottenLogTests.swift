import SQLiteBridge
import TestSupport
import Testing

@testable import ReplicaStore

/// The log of the file, which a crash has left, rots at its beginning.
@Suite("A log of a store that has rotted at its beginning")
struct RottenLogTests {
  private let folder = TemporaryFolder()

  private func open(_ spoil: (inout [UInt8]) -> Void) throws -> (ReplicaStore, TestWorkspace) {
    let workspace = try TestWorkspace(1, folder: folder)
    for number in 0..<9 { try workspace.edit(0) { try $0.createNote("note \(number)") } }
    folder.write(folder.read("0.db"), to: "c.db")
    var log = folder.read("0.db-wal")
    spoil(&log)
    folder.write(log, to: "c.db-wal")
    let store = try ReplicaStore.open(
      SQLiteOptions(location: .file(folder.file("c.db")), access: .write))
    return (store, workspace)
  }

  @Test("costs nothing where the rest tells what it was, and is told")
  func header() throws {
    let (store, workspace) = try open { log in
      log.replaceSubrange(0..<32, with: repeatElement(9, count: 32))
    }
    #expect(try store.stateDigest() == workspace[0].stateDigest())
    #expect(store.appliedVector == workspace[0].appliedVector)
    #expect(try store.mendedNotes().count == 1)
    #expect(try store.check().isEmpty)
  }

  @Test("is told to be lost where it does not")
  func lost() throws {
    let workspace = try TestWorkspace(1, folder: folder)
    try workspace.edit(0) { try $0.createNote("kept") }
    _ = try workspace[0].connection.checkpoint(.truncate)
    for number in 0..<9 { try workspace.edit(0) { try $0.createNote("lost \(number)") } }
    folder.write(folder.read("0.db"), to: "c.db")
    var log = folder.read("0.db-wal")
    // Its first pages.
    for place in 0..<9_000 { log[place] ^= 0x5A }
    folder.write(log, to: "c.db-wal")
    let store = try ReplicaStore.open(
      SQLiteOptions(location: .file(folder.file("c.db")), access: .write))
    #expect(store.position == 1)
    #expect(try store.documentCount() == 1)
    let notes = try store.mendedNotes()
    #expect(notes.count == 1 && notes[0].contains("is lost"))
  }
}
