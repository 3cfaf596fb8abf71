import SQLiteBridge
import SegmentStore

/// The tables of a replica's file. Steps are added at the end, never changed.
enum StoreSchema {
  /// "Skry": what marks a file as one of ours.
  static let applicationID: Int32 = 0x536B_7279

  static let schema = SQLiteSchema(
    applicationID: applicationID, migrations: [SegmentSchema.version1, version1, version2])

  private static let version1 = SQLiteMigration(
    "replica 1",
    script: """
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

      -- The state at the last fold; the edits since, as change blocks; and all edits before, which
      -- opening a document never reads.
      CREATE TABLE document_state (
        document INTEGER PRIMARY KEY REFERENCES document (id),
        checksum INTEGER NOT NULL,
        state BLOB NOT NULL
      ) STRICT;
      CREATE TABLE document_tail (
        id INTEGER PRIMARY KEY,
        document INTEGER NOT NULL REFERENCES document (id),
        block BLOB NOT NULL
      ) STRICT;
      CREATE INDEX document_tail_by_document ON document_tail (document);
      CREATE TABLE document_history (
        id INTEGER PRIMARY KEY,
        document INTEGER NOT NULL REFERENCES document (id),
        block BLOB NOT NULL
      ) STRICT;
      CREATE INDEX document_history_by_document ON document_history (document);
      """)

  private static let version2 = SQLiteMigration(
    "replica 2",
    script: """
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
      """)
}
