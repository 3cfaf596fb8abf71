import ByteCoding
import SQLiteBridge
import Sealing
import SegmentStore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What is in a backup that was made.
package struct BackupReport: Equatable, Sendable {
  package let note: BackupNote
  /// That are not deleted.
  package let documents: Int
  package let rows: Int
  package let fileBytes: Int
}

extension ReplicaStore {
  /// Writes a copy of everything that the store holds, but for its keys and what can be derived,
  /// into a new file, which can be made a store again with ``restore(_:to:as:now:entropy:)``.
  ///
  /// It is one state that a transaction has left. Others may read and write the store meanwhile, in
  /// this process and in others; nobody waits. The file comes to be under its name when it is
  /// whole, on the disk, and has been read back and checked.
  ///
  /// Complexity: O(bytes of the store). Call it on a store that is opened for this alone.
  ///
  /// - Throws: `.exists`; `.refused` on a device that is not a member yet; `.database`, `.damaged`.
  package func backUp(to path: String) throws(StoreError) -> BackupReport {
    guard isAdmitted else {
      throw .refused(
        "This device is not a member of the workspace yet, so that a backup of it could not be "
          + "restored; sync with whoever invited it first.")
    }
    var about = stat()
    guard lstat(path, &about) != 0 else { throw .exists(path: path) }
    let partial = path + ".partial"
    for file in SQLiteConnection.files(of: partial) { unlink(file) }
    do throws(StoreError) {
      let report = try write(backup: partial)
      // A link is made only where there is nothing yet, unlike a renaming.
      guard link(partial, path) == 0 else {
        throw errno == EEXIST ? .exists(path: path) : Self.fileFailure(path)
      }
      unlink(partial)
      try Self.syncFolder(of: path)
      return report
    } catch {
      for file in SQLiteConnection.files(of: partial) { unlink(file) }
      throw error
    }
  }

  private func write(backup path: String) throws(StoreError) -> BackupReport {
    guard case .file(let source) = options.location else {
      throw .refused("A store in memory has no backup.")
    }
    let target = SQLiteOptions(
      location: .file(path), access: .create, vfs: options.vfs,
      busyTimeoutMilliseconds: options.busyTimeoutMilliseconds)
    _ = try Self.makePrivateFile(target)
    let copy = try sql { () throws(SQLiteError) in
      try SQLiteConnection(target, schema: StoreSchema.schema)
    }
    defer { copy.close() }
    try sql { () throws(SQLiteError) in
      // Rows come in the order of the tables, and are checked when all are there.
      try copy.execute("PRAGMA foreign_keys = OFF")
      try copy.execute("ATTACH DATABASE ? AS source", .text(Self.plainPath(source)))
    }
    // Not `BEGIN IMMEDIATE`, which would lock the source for writing as well.
    let copied = try copy.transaction(.read) { () throws(StoreError) in
      let counts = try sql { () throws(SQLiteError) in try Self.copyTables(on: copy) }
      let note = try note(of: copy)
      try sql { () throws(SQLiteError) in
        try copy.execute(
          "INSERT INTO main.setting VALUES (?, ?)", .text(BackupNote.setting),
          .blob(note.encoded()))
      }
      return (counts: counts, note: note)
    }
    try sql { () throws(SQLiteError) in
      try copy.execute("DETACH DATABASE source")
      // One file, without a log beside it.
      try copy.execute("PRAGMA journal_mode = DELETE")
    }
    copy.close()
    return try Self.verified(
      SQLiteOptions(location: .file(path), access: .read, vfs: options.vfs), copied.note,
      copied.counts)
  }

  private func note(of copy: SQLiteConnection) throws(StoreError) -> BackupNote {
    let origin = try sql { () throws(SQLiteError) in
      try copy.first("SELECT origin FROM source.identity") { (row) throws(SQLiteError) in
        try Self.origin(0, of: row)
      }
    }
    guard let origin else { throw .damaged("the store has no identity") }
    let state = try StoreState.load(from: copy, own: origin)
    try sql { () throws(SQLiteError) in
      // What is unsealed is not of the origin under which a restored store writes.
      try state.origins.first { $0.origin == origin }?.update(in: copy)
    }
    return BackupNote(
      workspace: identity.workspace, origin: origin, device: identity.device.publicKey,
      name: identity.name, version: state.applied)
  }

  /// SQLite gives these beginnings a meaning of their own.
  private static func plainPath(_ path: String) -> String {
    path.hasPrefix(":") || path.hasPrefix("file:") ? "./" + path : path
  }

  /// What is not copied of the settings: where the store is. Nor is what processes that use it tell
  /// each other at the moment.
  private static let ownSettings = "'\(placementSetting)', '\(suspicionSetting)'"

  /// - Returns: how many rows there are of each table.
  private static func copyTables(
    on copy: SQLiteConnection
  ) throws(SQLiteError) -> [String: Int64] {
    var names: [String] = []
    var tables = try copy.query(
      """
      SELECT name FROM main.sqlite_schema
      WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'identity'
        AND name NOT IN ('snapshot_piece', 'snapshot_source') ORDER BY rowid
      """)
    while try tables.next() { names.append(try tables.text(0)) }
    var counts: [String: Int64] = [:]
    for name in names {
      var columns: [String] = []
      var rows = try copy.query("SELECT name FROM pragma_table_info(?, 'main')", .text(name))
      while try rows.next() { columns.append("\"\(try rows.text(0))\"") }
      let list = columns.joined(separator: ", ")
      try copy.execute(
        "INSERT INTO main.\"\(name)\" (\(list)) SELECT \(list) FROM source.\"\(name)\"")
      if name == "setting" {
        try copy.execute(
          """
          DELETE FROM main.setting
          WHERE name IN (\(ownSettings)) OR name GLOB '\(livePrefix)*'
          """)
      }
      counts[name] = try copy.queryInteger("SELECT count(*) FROM main.\"\(name)\"")
    }
    return counts
  }

  /// Opens the finished file and checks it: its pages, its references, every segment and every
  /// state, and that each table has the rows that were copied.
  private static func verified(
    _ options: SQLiteOptions, _ note: BackupNote, _ counts: [String: Int64]
  ) throws(StoreError) -> BackupReport {
    do {
      let file = try SQLiteConnection(options, schema: StoreSchema.schema)
      defer { file.close() }
      if let finding = try file.integrityCheck().first {
        throw StoreError.damaged("the backup does not read back as it was written: \(finding)")
      }
      var rows = 0
      for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
        let extra: Int64 = name == "setting" ? 1 : 0
        guard try file.queryInteger("SELECT count(*) FROM \"\(name)\"") == count + extra else {
          throw StoreError.damaged("rows of \(name) are missing in the backup")
        }
        rows += Int(clamping: count)
      }
      if let finding = try SegmentStore(file).check(limit: 1).first {
        throw StoreError.damaged("\(finding)")
      }
      var states = try file.query("SELECT document, checksum, state FROM document_state")
      while try states.next() {
        let checksum = try states.integer(1)
        let found = try states.withBlob(2) { (bytes) throws(SQLiteError) in
          CRC32C.checksum(Array(bytes))
        }
        guard Int64(found) == checksum else {
          throw StoreError.damaged("the state of document number \(try states.integer(0))")
        }
      }
      guard try BackupNote.load(from: file) == note else {
        throw StoreError.damaged("what the backup says about itself is not what was written")
      }
      let documents = try file.queryInteger("SELECT count(*) FROM document WHERE NOT is_deleted")
      return BackupReport(
        note: note, documents: Int(clamping: documents ?? 0), rows: rows,
        fileBytes: try file.byteCount())
    } catch let error as StoreError {
      throw error
    } catch let error as SQLiteError {
      throw StoreError(error)
    } catch let error as SegmentStoreError {
      throw StoreError(error)
    } catch {
      throw .damaged("\(error)")
    }
  }

  // MARK: Files

  static func fileFailure(_ path: String) -> StoreError {
    .database(
      SQLiteError(
        code: errno == ENOSPC ? .diskFull : .cannotOpen,
        message: "the file cannot be written (\(String(cString: strerror(errno))))",
        statement: path))
  }

  /// Brings the name of a file to the disk.
  static func syncFolder(of path: String) throws(StoreError) {
    let end = path.lastIndex(of: "/")
    let folder = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = folder.withCString { openFolder($0) }
    guard descriptor >= 0 else { throw fileFailure(folder) }
    defer { _ = closeDescriptor(descriptor) }
    guard fsync(descriptor) == 0 else { throw fileFailure(folder) }
  }
}

// The class has functions of the same names.
private func openFolder(_ path: UnsafePointer<CChar>) -> Int32 { open(path, O_RDONLY | O_CLOEXEC) }
private func closeDescriptor(_ descriptor: Int32) -> Int32 { close(descriptor) }
