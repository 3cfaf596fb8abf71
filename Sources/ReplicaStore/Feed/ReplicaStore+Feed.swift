package import Causality
import ChangeCoding
package import Documents
import SQLiteBridge
import Segments

/// One applied change, and its place in the order in which changes were applied here.
package struct FeedEntry: Hashable, Sendable {
  /// From 1 on, without gaps.
  package let position: Int64
  package let change: ChangeID
  package let lamport: UInt64
  /// The author's wall clock.
  package let time: Timestamp
  /// The documents that it edits, sorted.
  package let documents: [DocumentID]
}

// What a position means: position n is the n-th change that became visible in this store. It is of
// this store alone; another replica has applied the same changes in another order. It never comes
// to stand for other edits. The name of a change can become another one once, at the same position,
// as long as nobody else can have seen it: when the store turns out to be a copy and its private
// changes are written again under a new origin, see `Renaming`.
extension ReplicaStore {
  /// Hands out the applied changes behind a position, in the order in which they were applied,
  /// until `body` returns false.
  ///
  /// Position 0 is before the first change that is still held: those before it may have been
  /// dropped by a compaction, or the store began with a snapshot. What they did is in the
  /// documents.
  ///
  /// Complexity: O(log n) to begin, then O(bytes of the segments that hold them).
  ///
  /// - Throws: `.refused` when the position is beyond the last one, as it then belongs to another
  ///   store or to a later state of this one, or when changes behind it are not held any more; what
  ///   `body` throws.
  package func feed(after position: Int64, _ body: (FeedEntry) throws -> Bool) throws {
    try read {
      guard position >= 0, position <= state.position else {
        throw StoreError.refused(
          "There is no position \(position): the feed ends at \(state.position). The position "
            + "belongs to another store, or this one was restored from a backup since.")
      }
      let floor = try feedFloor()
      guard position == 0 || position >= floor else {
        throw StoreError.refused(
          "The changes behind position \(position) are not held any more: the feed begins behind "
            + "\(floor). Read the documents as they are, and go on from there.")
      }
      var blocks = FeedBlocks(self)
      var next = max(position, floor) + 1
      while next <= state.position {
        let runs = try feedRuns(from: next, limit: Self.runsAtOnce)
        guard !runs.isEmpty else { throw StoreError.damaged("position \(next) is missing") }
        for run in runs {
          next = max(next, run.position)
          while next <= run.end {
            let change = try blocks.change(run.change(at: next))
            let entry = FeedEntry(
              position: next, change: change.id, lamport: change.lamport, time: change.time,
              documents: change.edits.map(\.document))
            guard try body(entry) else { return }
            next += 1
          }
        }
      }
    }
  }

  private static let runsAtOnce = 256

  /// What the store showed when it had applied the changes up to a position.
  ///
  /// Complexity: O(runs up to there).
  package func version(atPosition position: Int64) throws(StoreError) -> VersionVector {
    try reading { () throws(StoreError) in
      if position >= state.position { return state.applied }
      var version = VersionVector()
      var next: Int64 = 1
      while next <= position {
        let runs = try feedRuns(from: next, limit: Self.runsAtOnce)
        guard let end = runs.last?.end else { return version }
        for run in runs where run.position <= position {
          version.set(run.origin, to: run.sequence(at: min(run.end, position)))
        }
        next = end + 1
      }
      return version
    }
  }

  // MARK: Consumers

  package static let consumersMax = 1_000
  private static let consumerNameBytesMax = 255

  /// The named followers of the feed and the position up to which each has dealt with it, by name.
  package func feedConsumers() throws(StoreError) -> [(name: String, position: Int64)] {
    try reading { () throws(StoreError) in
      try sql { () throws(SQLiteError) in
        var found: [(name: String, position: Int64)] = []
        var rows = try connection.query("SELECT name, position FROM feed_consumer ORDER BY name")
        while try rows.next() { found.append((try rows.text(0), try rows.integer(1))) }
        return found
      }
    }
  }

  /// The position up to which a follower has dealt with the feed; nil when there is none of that
  /// name.
  package func feedPosition(of consumer: String) throws(StoreError) -> Int64? {
    try reading { () throws(StoreError) in
      try sql { () throws(SQLiteError) in
        try connection.queryInteger(
          "SELECT position FROM feed_consumer WHERE name = ?", .text(consumer))
      }
    }
  }

  /// Notes, durably, that a follower has dealt with all up to a position: it is not told of that
  /// again. Until then it is, so each change reaches it at least once. A name that is new becomes a
  /// follower; a position before the noted one changes nothing.
  ///
  /// - Throws: `.refused` for a position that does not exist, a name that is empty or too long, or
  ///   too many followers.
  package func acknowledge(_ consumer: String, through position: Int64) throws(StoreError) {
    try write { () throws(StoreError) in
      guard position >= 0, position <= state.position else {
        throw .refused(
          "There is no position \(position) to acknowledge: the feed ends at \(state.position).")
      }
      guard !consumer.isEmpty, consumer.utf8.count <= Self.consumerNameBytesMax,
        !consumer.utf8.contains(0)
      else {
        throw .refused("A consumer has a name of 1 to \(Self.consumerNameBytesMax) bytes.")
      }
      let known = try sql { () throws(SQLiteError) in
        try connection.queryInteger(
          "SELECT count(*) FROM feed_consumer WHERE name <> ?",
          .text(consumer))
      }
      guard known ?? 0 < Self.consumersMax else {
        throw .refused("There are \(Self.consumersMax) consumers already; remove one first.")
      }
      try sql { () throws(SQLiteError) in
        try connection.execute(
          """
          INSERT INTO feed_consumer VALUES (?, ?)
          ON CONFLICT DO UPDATE SET position = max(position, excluded.position)
          """, .text(consumer), .integer(position))
      }
    }
  }

  /// Forgets a follower. One that is not there is no error.
  package func removeConsumer(_ consumer: String) throws(StoreError) {
    try write { () throws(StoreError) in
      try sql { () throws(SQLiteError) in
        try connection.execute("DELETE FROM feed_consumer WHERE name = ?", .text(consumer))
      }
    }
  }
}

/// Changes by name, decoded a block at a time: the last block of each of a few origins is kept, as
/// the feed goes to and fro between them.
struct FeedBlocks {
  private static let originsMax = 16

  private let store: ReplicaStore
  private var held: [Origin: [Change]] = [:]

  init(_ store: ReplicaStore) {
    self.store = store
  }

  mutating func change(_ id: ChangeID) throws -> Change {
    if let found = Self.find(id, in: held[id.origin]) { return found }
    let changes = try store.appliedBlock(with: id)
    guard let found = Self.find(id, in: changes) else {
      throw StoreError.damaged("change \(id) is missing")
    }
    if held.count >= Self.originsMax { held.removeAll(keepingCapacity: true) }
    held[id.origin] = changes
    return found
  }

  private static func find(_ id: ChangeID, in changes: [Change]?) -> Change? {
    guard let changes, let first = changes.first?.id.sequence, id.sequence >= first,
      id.sequence - first < UInt64(changes.count)
    else { return nil }
    let found = changes[Int(id.sequence - first)]
    return found.id == id ? found : nil
  }
}

extension ReplicaStore {
  /// The changes that were written together with an applied one. Complexity: O(log n + bytes).
  func appliedBlock(with id: ChangeID) throws -> [Change] {
    let isPrivate = try privateOrigins()[id.origin].map { id.sequence >= $0 } ?? false
    guard isPrivate else { return try openWhole(storedSegment(with: id)) }
    let sequence = try SQLiteValue(counter: id.sequence)
    let block = try sql { () throws(SQLiteError) in
      if id.origin == identity.origin {
        return try connection.queryBlob(
          """
          SELECT block FROM unsealed WHERE first_sequence <= ?
          ORDER BY first_sequence DESC LIMIT 1
          """, sequence)
      }
      return try connection.queryBlob(
        """
        SELECT block FROM inherited
        WHERE origin = ? AND first_sequence <= ? AND last_sequence >= ?
        """, .blob(id.origin.bytes), sequence, sequence)
    }
    guard let block else { throw StoreError.damaged("change \(id) is missing") }
    return try KeptBlock.open(block, in: language).changes
  }
}
