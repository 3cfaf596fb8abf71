package import SQLiteBridge

/// The tables of a segment store, for the schema of the file that they live in.
///
/// A file may hold other tables beside them. Its owner lists these steps among its own and adds
/// each later one at the end of its list.
package enum SegmentSchema {
  package static let version1 = SQLiteMigration(
    "segments 1",
    script: """
      -- What is held of each origin. The numbers sum up the origin's rows in segment.
      CREATE TABLE segment_origin (
        id INTEGER PRIMARY KEY,
        origin BLOB NOT NULL UNIQUE CHECK (length(origin) = 16),
        last_sequence INTEGER NOT NULL CHECK (last_sequence > 0),
        last_hash BLOB NOT NULL CHECK (length(last_hash) = 32),
        segment_count INTEGER NOT NULL,
        byte_count INTEGER NOT NULL
      ) STRICT;
      """ + unchangedTables)

  package static let version2 = SQLiteMigration(
    "segments 2",
    script: """
      -- The last segment of an origin says all this: it need not be written with each.
      ALTER TABLE segment_origin DROP COLUMN last_sequence;
      ALTER TABLE segment_origin DROP COLUMN last_hash;
      ALTER TABLE segment_origin DROP COLUMN segment_count;
      ALTER TABLE segment_origin DROP COLUMN byte_count;
      """)

  package static let version3 = SQLiteMigration("segments 3", script: receiptTable)

  package static let version4 = SQLiteMigration(
    "segments 4",
    script: """
      -- A segment that was dropped stays as a row whose first_sequence is 0, if it was the last of
      -- them: earlier releases cannot read that.
      """)

  package static let version5 = SQLiteMigration("segments 5", script: branchTable)

  package static let version6 = SQLiteMigration(
    "segments 6",
    script: """
      -- What a peer has acknowledged can end with a checksum, which earlier releases cannot read.
      """)

  /// All steps, for a file that has no other tables.
  package static let migrations = [version1, version2, version3, version4, version5, version6]

  /// What all steps lead to, for a new file.
  package static let whole = SQLiteMigration(
    "segments",
    script: """
      -- The origins of which there are segments. What is held of one says its last segment.
      CREATE TABLE segment_origin (
        id INTEGER PRIMARY KEY,
        origin BLOB NOT NULL UNIQUE CHECK (length(origin) = 16)
      ) STRICT;
      """ + unchangedTables + receiptTable + branchTable)

  private static let receiptTable = """

    -- What each device has said last that it has: a signed receipt.
    CREATE TABLE receipt (
      device BLOB PRIMARY KEY NOT NULL CHECK (length(device) = 32),
      number INTEGER NOT NULL,
      bytes BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    """

  private static let branchTable = """

    -- Chains that go on from a fork: how they are called is in segment_origin. The root is what
    -- their segments name, start the last of its changes before them; parent is the chain that
    -- they go on from, first_hash that of the segment that they begin with.
    CREATE TABLE segment_branch (
      origin INTEGER PRIMARY KEY REFERENCES segment_origin (id),
      root BLOB NOT NULL CHECK (length(root) = 16),
      start INTEGER NOT NULL,
      parent BLOB NOT NULL CHECK (length(parent) = 16),
      first_hash BLOB NOT NULL CHECK (length(first_hash) = 32)
    ) STRICT;
    """

  /// As they were made first and are still.
  private static let unchangedTables = """

    -- position is the order of arrival; it is causal. ordinal and bytes_through count the origin's
    -- segments and bytes up to this row, so that what lies beyond a row is a subtraction. The
    -- checksum covers origin, sequences, hash and bytes.
    CREATE TABLE segment (
      position INTEGER PRIMARY KEY,
      origin INTEGER NOT NULL REFERENCES segment_origin (id),
      first_sequence INTEGER NOT NULL,
      last_sequence INTEGER NOT NULL,
      ordinal INTEGER NOT NULL,
      bytes_through INTEGER NOT NULL,
      hash BLOB NOT NULL,
      checksum INTEGER NOT NULL,
      bytes BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX segment_by_sequence ON segment (origin, last_sequence, first_sequence);

    CREATE TABLE membership_record (
      position INTEGER PRIMARY KEY,
      hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
      bytes BLOB NOT NULL
    ) STRICT;

    CREATE TABLE peer (
      key BLOB PRIMARY KEY NOT NULL,
      acknowledged BLOB,
      contact_milliseconds INTEGER,
      error TEXT
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE setting (
      name TEXT PRIMARY KEY NOT NULL,
      value BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    """
}
