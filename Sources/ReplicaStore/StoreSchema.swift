import ByteCoding
import Causality
import SQLiteBridge
import SegmentStore

/// The tables of a replica's file. Steps are added at the end, never changed.
enum StoreSchema {
  /// "Skry": what marks a file as one of ours.
  static let applicationID: Int32 = 0x536B_7279

  static let schema = SQLiteSchema(
    applicationID: applicationID,
    migrations: [
      SegmentSchema.version1, version1, version2, SegmentSchema.version2, version3, version4,
      version5, version6, version7, SegmentSchema.version3, version8, SegmentSchema.version4,
      version9, SegmentSchema.version5, version10, SegmentSchema.version6, version11,
    ],
    whole: SQLiteMigration("replica") { (connection) throws(SQLiteError) in
      try SegmentSchema.whole.run(connection)
      try connection.script(newestTables)
    })

  private static let version1 = SQLiteMigration(
    "replica 1",
    script: identityTable + """

      -- How far the documents are. One row, written with every commit: position counts the changes
      -- applied, heads are the maximal ones.
      CREATE TABLE progress (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        position INTEGER NOT NULL,
        heads BLOB NOT NULL
      ) STRICT;
      INSERT INTO progress VALUES (1, 0, x'');

      -- What is applied of each origin, the Lamport time of its last applied change, and why the
      -- next one cannot be applied, if it cannot.
      CREATE TABLE applied_origin (
        id INTEGER PRIMARY KEY,
        origin BLOB NOT NULL UNIQUE CHECK (length(origin) = 16),
        applied INTEGER NOT NULL,
        lamport INTEGER NOT NULL,
        stalled TEXT
      ) STRICT;

      """ + orderTables + """

        -- One small row for each document, rewritten with every edit of it.
        CREATE TABLE document (
          id INTEGER PRIMARY KEY,
          document BLOB NOT NULL UNIQUE CHECK (length(document) = 16),
          position INTEGER NOT NULL,
          tail_bytes INTEGER NOT NULL,
          state_bytes INTEGER NOT NULL,
          is_deleted INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX document_by_position ON document (position);

        CREATE TABLE document_tail (
          id INTEGER PRIMARY KEY,
          document INTEGER NOT NULL REFERENCES document (id),
          block BLOB NOT NULL
        ) STRICT;
        CREATE INDEX document_tail_by_document ON document_tail (document);
        """ + foldedTables)

  private static let version2 = SQLiteMigration("replica 2", script: incarnationTables)

  /// What every commit writes is in as few places as possible.
  private static let version3 = SQLiteMigration("replica 3") { (connection) throws(SQLiteError) in
    try connection.script(
      """
      -- position is that of the last applied change in the local order: the highest one counts the
      -- changes applied. A head is a last change on which no applied change builds.
      ALTER TABLE applied_origin ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE applied_origin ADD COLUMN is_head INTEGER NOT NULL DEFAULT 0;

      -- The row of a document is written when it is made, folded or deleted. What was edited since
      -- is in the tail alone, in the order in which it came: the ids of what is left only grow.
      ALTER TABLE document DROP COLUMN tail_bytes;
      CREATE TABLE tail (
        id INTEGER PRIMARY KEY,
        document INTEGER NOT NULL REFERENCES document (id),
        position INTEGER NOT NULL,
        block BLOB NOT NULL
      ) STRICT;
      INSERT INTO tail SELECT t.id, t.document, d.position, t.block
        FROM document_tail AS t JOIN document AS d ON d.id = t.document;
      """)
    let lost = try connection.first(
      "SELECT (SELECT count(*) FROM document_tail) - (SELECT count(*) FROM tail)"
    ) { (row) throws(SQLiteError) in try row.integer(0) }
    guard lost == 0 else {
      throw SQLiteError(
        code: .damaged, message: "the tail has \(lost ?? 0) rows of documents that are not there")
    }
    try connection.script(
      """
      DROP TABLE document_tail;
      ALTER TABLE tail RENAME TO document_tail;
      CREATE INDEX document_tail_by_document ON document_tail (document);
      """)
    try takeProgress(of: connection)
    try connection.execute("DROP TABLE progress")
  }

  /// Which documents can have conflicts. Of those there are it is not known, so all may.
  private static let version4 = SQLiteMigration(
    "replica 4",
    script: "ALTER TABLE document ADD COLUMN is_branched INTEGER NOT NULL DEFAULT 0;\n"
      + branchedIndex + "UPDATE document SET is_branched = 1;")

  /// Which documents have operations that whoever folded them did not understand. Of those there
  /// are it is not known, but what they understood is.
  private static let version5 = SQLiteMigration(
    "replica 5",
    script: "ALTER TABLE document ADD COLUMN understood INTEGER;\n"
      + "UPDATE document SET understood = 16;")

  /// Own changes can be packed, which earlier releases cannot read.
  private static let version6 = SQLiteMigration(
    "replica 6", script: "-- Blocks in unsealed and inherited can be packed.")

  private static let version7 = SQLiteMigration("replica 7", script: baseTables)

  /// In which order changes were applied, who follows it, and what queries look up.
  private static let version8 = SQLiteMigration("replica 8") { (connection) throws(SQLiteError) in
    try connection.script(feedTables)
    var reconstruction = try FeedReconstruction(connection)
    try reconstruction.write(to: connection)
  }

  private static let version9 = SQLiteMigration("replica 9", script: snapshotTables)

  /// The tail of a document lies side by side. The rows that count, and the identity, have
  /// checksums, and the row of the own origin can be behind what is
  /// unsealed, which earlier releases do not know.
  private static let version10 = SQLiteMigration("replica 10") { (connection) throws(SQLiteError) in
    try CounterChecksums.fill(connection)
    try StoreIdentity.addChecksum(to: connection)
    try DocumentTail.checkNumbers(
      connection.first("SELECT min(document), max(document) FROM document_tail") {
        (row) throws(SQLiteError) in
        (try row.optionalInteger(0) ?? 0, try row.optionalInteger(1) ?? 0)
      })
    try connection.script(
      """
      ALTER TABLE document_tail RENAME TO old_tail;
      DROP INDEX document_tail_by_document;
      \(tailTable)
      INSERT INTO document_tail SELECT
        (document << \(DocumentTail.rowBits))
          + row_number() OVER (PARTITION BY document ORDER BY id) - 1,
        position, block FROM old_tail;
      DROP TABLE old_tail;
      ALTER TABLE unsealed RENAME TO old_unsealed;
      \(unsealedTable)
      INSERT INTO unsealed (first_sequence, last_sequence, checksum, block)
        SELECT first_sequence, last_sequence, checksum, block FROM old_unsealed;
      DROP TABLE old_unsealed;
      """)
  }

  /// Own changes that were committed together can lie as they lie in the tails of their documents,
  /// which earlier releases cannot read. Which rows are packed is told without reading them.
  private static let version11 = SQLiteMigration("replica 11", script: UnsealedRange.markPacked)

  private static let unsealedTable = """

    -- Own changes that no segment holds yet: one change block for each commit. What is looked at
    -- alone stands before the block, which may be long.
    CREATE TABLE unsealed (
      first_sequence INTEGER PRIMARY KEY,
      last_sequence INTEGER NOT NULL,
      checksum INTEGER NOT NULL DEFAULT 0,
      block BLOB NOT NULL
    ) STRICT;
    """

  private static let tailTable = """

    -- What was edited since the last fold, in the order in which it came. The numbers of the rows
    -- of a document begin with that of its own row.
    CREATE TABLE document_tail (
      id INTEGER PRIMARY KEY,
      position INTEGER NOT NULL,
      block BLOB NOT NULL
    ) STRICT;
    """

  /// Writes what the table `progress` says into the rows of the origins. It has one position for
  /// all heads: only the highest is ever asked for.
  private static func takeProgress(of connection: SQLiteConnection) throws(SQLiteError) {
    let progress = try connection.first("SELECT position, heads FROM progress") {
      (row) throws(SQLiteError) in (try row.integer(0), try row.blob(1))
    }
    guard let (position, bytes) = progress else {
      throw SQLiteError(code: .damaged, message: "the table of progress is empty")
    }
    var heads: [ChangeID] = []
    do throws(ByteDecodingError) {
      var reader = ByteReader(bytes)
      while !reader.isAtEnd {
        let origin = try Origin(from: &reader)
        heads.append(ChangeID(origin: origin, sequence: try reader.readVarint("head")))
      }
    } catch {
      throw SQLiteError(code: .damaged, message: "the heads are unreadable (\(error))")
    }
    for head in heads {
      try connection.execute(
        "UPDATE applied_origin SET is_head = 1 WHERE origin = ? AND applied = ?",
        .blob(head.origin.bytes), try SQLiteValue(counter: head.sequence))
      guard connection.changedRowCount == 1 else {
        throw SQLiteError(code: .damaged, message: "\(head) is a head and is not applied")
      }
    }
    try connection.execute(
      "UPDATE applied_origin SET position = ? WHERE is_head", .integer(position))
  }

  // MARK: The newest format

  private static let newestTables =
    identityTable + """

      -- What is applied of each origin, the Lamport time of its last applied change, why the next
      -- one cannot be applied, if it cannot, and the place of the last one in the local order: the
      -- highest is how many changes are applied. A head is a last change on which no applied
      -- change builds. Of the own origin, what is in unsealed follows the row.
      CREATE TABLE applied_origin (
        id INTEGER PRIMARY KEY,
        origin BLOB NOT NULL UNIQUE CHECK (length(origin) = 16),
        applied INTEGER NOT NULL,
        lamport INTEGER NOT NULL,
        stalled TEXT,
        position INTEGER NOT NULL DEFAULT 0,
        is_head INTEGER NOT NULL DEFAULT 0,
        checksum INTEGER NOT NULL DEFAULT 0
      ) STRICT;

      """ + orderTables + """

      -- One small row for each document, written when it is made, folded or deleted. Where it was
      -- edited since, the tail knows the position of its last change.
      CREATE TABLE document (
        id INTEGER PRIMARY KEY,
        document BLOB NOT NULL UNIQUE CHECK (length(document) = 16),
        position INTEGER NOT NULL,
        state_bytes INTEGER NOT NULL,
        is_deleted INTEGER NOT NULL,
        -- Whether anything in it was ever done at once, so that there can be conflicts.
        is_branched INTEGER NOT NULL DEFAULT 0,
        -- The highest number of an operation that whoever wrote the state understood; null where it
        -- has none that they did not understand.
        understood INTEGER
      ) STRICT;
      CREATE INDEX document_by_position ON document (position);

      """ + branchedIndex + """

      """ + tailTable + foldedTables + incarnationTables + baseTables + feedTables
    + snapshotTables + counterChecksums

  private static let counterChecksums = """

    -- Of the numbers in the row, or of the vector.
    ALTER TABLE lamport_step ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE feed_run ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE floor ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE identity ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
    DROP TABLE unsealed;
    """ + unsealedTable

  private static let branchedIndex = """
    CREATE INDEX document_branched ON document (document) WHERE is_branched;

    """

  // MARK: Tables that are as they were made first

  private static let identityTable = """
    -- Who we are. One row, written when the file is made.
    CREATE TABLE identity (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      workspace BLOB NOT NULL,
      key_epoch INTEGER NOT NULL,
      workspace_key BLOB NOT NULL,
      device_keys BLOB NOT NULL,
      origin BLOB NOT NULL,
      name TEXT NOT NULL,
      invitation TEXT,
      request BLOB,
      created_milliseconds INTEGER NOT NULL
    ) STRICT;
    """

  private static let orderTables = """
    -- Lamport times, where they are not one more than that of the change before.
    CREATE TABLE lamport_step (
      origin INTEGER NOT NULL REFERENCES applied_origin (id),
      sequence INTEGER NOT NULL,
      lamport INTEGER NOT NULL,
      PRIMARY KEY (origin, sequence)
    ) STRICT, WITHOUT ROWID;

    -- Own changes that no segment holds yet: one change block for each commit.
    CREATE TABLE unsealed (
      first_sequence INTEGER PRIMARY KEY,
      last_sequence INTEGER NOT NULL,
      block BLOB NOT NULL
    ) STRICT;
    """

  /// The state at the last fold; and all edits before, which opening a document never reads. The
  /// edits since are the tail, as change blocks.
  private static let foldedTables = """

    CREATE TABLE document_state (
      document INTEGER PRIMARY KEY REFERENCES document (id),
      checksum INTEGER NOT NULL,
      state BLOB NOT NULL
    ) STRICT;
    CREATE TABLE document_history (
      id INTEGER PRIMARY KEY,
      document INTEGER NOT NULL REFERENCES document (id),
      block BLOB NOT NULL
    ) STRICT;
    CREATE INDEX document_history_by_document ON document_history (document);
    """

  private static let baseTables = """

    -- The versions at which histories were folded.
    CREATE TABLE floor (
      id INTEGER PRIMARY KEY,
      vector BLOB NOT NULL
    ) STRICT;

    -- What the history of a document begins with that was folded: its state at the version. Without
    -- one that is the state in document_state, as nothing has been folded into that since.
    CREATE TABLE document_base (
      document INTEGER PRIMARY KEY REFERENCES document (id),
      floor INTEGER NOT NULL REFERENCES floor (id),
      checksum INTEGER,
      state BLOB
    ) STRICT;
    """

  private static let incarnationTables = """

    -- Own changes that no segment here holds, under origins that the store has left, in the order
    -- in which they were committed and before those in unsealed.
    CREATE TABLE inherited (
      id INTEGER PRIMARY KEY,
      origin BLOB NOT NULL CHECK (length(origin) = 16),
      first_sequence INTEGER NOT NULL,
      last_sequence INTEGER NOT NULL,
      block BLOB NOT NULL
    ) STRICT;

    -- The origins under which the store has gone on, and why.
    CREATE TABLE incarnation (
      id INTEGER PRIMARY KEY,
      origin BLOB NOT NULL CHECK (length(origin) = 16),
      previous BLOB NOT NULL CHECK (length(previous) = 16),
      reason TEXT NOT NULL
    ) STRICT;

    -- Changes that have other names than they were committed under.
    CREATE TABLE renaming (
      id INTEGER PRIMARY KEY,
      origin BLOB NOT NULL CHECK (length(origin) = 16),
      first INTEGER NOT NULL,
      last INTEGER NOT NULL,
      target BLOB NOT NULL CHECK (length(target) = 16),
      target_first INTEGER NOT NULL
    ) STRICT;

    -- Origins of which another history than the stored one was met, and where it begins.
    CREATE TABLE fork (
      origin BLOB PRIMARY KEY NOT NULL CHECK (length(origin) = 16),
      sequence INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """

  private static let feedTables = """

    -- The order in which changes were applied, in runs: from this position on stand the changes of
    -- one origin from this one on, up to the position of the next row.
    CREATE TABLE feed_run (
      position INTEGER PRIMARY KEY,
      origin INTEGER NOT NULL REFERENCES applied_origin (id),
      first_sequence INTEGER NOT NULL
    ) STRICT;

    -- Who follows the changes, and up to which position they have dealt with them.
    CREATE TABLE feed_consumer (
      name TEXT PRIMARY KEY NOT NULL,
      position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- Places in documents that queries look up.
    CREATE TABLE declared_index (
      name TEXT PRIMARY KEY NOT NULL,
      path TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """

  private static let snapshotTables = """

    -- A snapshot that is being taken over from another replica: where it goes on, of how many
    -- documents, and what has come of it.
    CREATE TABLE snapshot_source (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      cursor BLOB NOT NULL,
      documents INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE snapshot_piece (
      kind INTEGER NOT NULL,
      key BLOB NOT NULL,
      number INTEGER NOT NULL,
      bytes BLOB NOT NULL,
      PRIMARY KEY (kind, key, number)
    ) STRICT;

    -- What was changed on both sides when own work was merged into documents of which others had
    -- folded what it was done to, in sentences.
    CREATE TABLE return_note (
      id INTEGER PRIMARY KEY,
      sentence TEXT NOT NULL
    ) STRICT;
    """
}
