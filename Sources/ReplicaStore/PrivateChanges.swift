import Causality
import SQLiteBridge
import SegmentStore

/// The own changes that no segment holds: what the tables `unsealed` and `inherited` say, in
/// memory.
struct PrivateChanges {
  /// Under the origin in use: the first and the last, nil when there are none.
  private(set) var unsealed: ClosedRange<UInt64>?
  private(set) var unsealedCount: UInt64 = 0
  /// Those that lie as they were committed.
  var loose = Loose()
  /// Under origins that the store has left: the first of each.
  private(set) var inheritedFirsts: [Origin: UInt64] = [:]
  private(set) var inheritedCount: UInt64 = 0
  /// Whether a device that is no member yet needs an origin that it cannot claim.
  private(set) var isSuspect = false

  struct Loose {
    var rows = 0
    var changes = 0
    var bytes = 0

    mutating func add(changes more: Int, bytes moreBytes: Int) {
      rows += 1
      // As rows say it, which may have rotted.
      changes += min(more, .max - changes)
      bytes += moreBytes
    }

    /// Of what is unsealed these rows are no more.
    mutating func subtract(_ other: Loose) {
      rows = max(0, rows - other.rows)
      changes = max(0, changes - other.changes)
      bytes = max(0, bytes - other.bytes)
    }
  }

  var count: UInt64 { unsealedCount + inheritedCount }

  /// The first private change of each origin that has some.
  func firsts(under origin: Origin) -> [Origin: UInt64] {
    guard let unsealed else { return inheritedFirsts }
    var firsts = inheritedFirsts
    firsts[origin] = unsealed.lowerBound
    return firsts
  }

  mutating func commit(_ sequences: ClosedRange<UInt64>, bytes: Int) {
    loose.add(changes: sequences.count, bytes: bytes)
    unsealed = (unsealed?.lowerBound ?? sequences.lowerBound)...sequences.upperBound
    unsealedCount += sequences.upperBound - sequences.lowerBound + 1
  }

  /// Takes the unsealed changes up to `last` as sealed, among them these that lay as they were
  /// committed.
  mutating func seal(through last: UInt64, loose sealed: Loose) {
    guard let range = unsealed, last >= range.lowerBound else { return }
    unsealed = last < range.upperBound ? (last + 1)...range.upperBound : nil
    loose.subtract(sealed)
    if unsealed == nil { loose = Loose() }
    unsealedCount -= min(unsealedCount, min(last, range.upperBound) - range.lowerBound + 1)
  }

  static func load(
    from connection: SQLiteConnection, isSuspect: Bool
  ) throws(SQLiteError) -> PrivateChanges {
    var found = PrivateChanges()
    found.isSuspect = isSuspect
    var rows = try connection.query(
      """
      SELECT origin, min(first_sequence), sum(last_sequence - first_sequence + 1)
      FROM inherited GROUP BY origin
      """)
    while try rows.next() {
      found.inheritedFirsts[try ReplicaStore.origin(0, of: rows)] = try rows.counter(1)
      found.inheritedCount += try rows.counter(2)
    }
    var unsealed = try connection.query(
      """
      SELECT min(first_sequence), max(last_sequence), sum(last_sequence - first_sequence + 1)
      FROM unsealed
      """)
    if try unsealed.next(), try !unsealed.isNull(0) {
      let (first, last) = (try unsealed.counter(0), try unsealed.counter(1))
      found.unsealed = first...max(first, last)
      found.unsealedCount = try unsealed.counter(2)
      guard last >= first, found.unsealedCount == last - first + 1 else {
        throw SQLiteError(
          code: .damaged, message: "own changes between \(first) and \(last) are missing")
      }
    }
    // One that begins elsewhere adds up all the same.
    var first = try connection.query(
      "SELECT \(UnsealedRange.columns) FROM unsealed ORDER BY first_sequence LIMIT 1")
    do throws(SQLiteError) {
      if try first.next() { _ = try UnsealedRange(first) }
    } catch {
      guard error.code == .unexpectedValue else { throw error }
      throw SQLiteError(code: .damaged, message: "the first of the own changes has rotted")
    }
    var loose = try connection.query(
      """
      SELECT count(*), sum(last_sequence - first_sequence + 1), sum(length(block)) FROM unsealed
      WHERE \(UnsealedRange.isLoose)
      """)
    if try loose.next(), try !loose.isNull(1) {
      found.loose = Loose(
        rows: try loose.count(0), changes: try loose.count(1), bytes: try loose.count(2))
    }
    return found
  }
}

extension ReplicaStore {
  /// The private changes. Complexity: O(1) unless another process has committed.
  func privateChanges() throws(StoreError) -> PrivateChanges {
    if let known = knownPrivateChanges, try isCurrent() { return known }
    do throws(StoreError) {
      return try loadPrivateChanges()
    } catch {
      guard case .damaged = error, options.access != .read else { throw error }
      if connection.isInTransaction {
        guard connection.isWriting, try mendUnsealed() else { throw error }
      } else {
        guard try write({ () throws(StoreError) in try mendUnsealed() }) else { throw error }
      }
      return try loadPrivateChanges()
    }
  }

  /// Reads the private changes anew when they are asked for next, as somebody has changed them.
  func forgetPrivateChanges() {
    knownPrivateChanges = nil
    vainLooksAtPrivateChanges = 0
  }

  /// The private changes, for a commit that puts more behind them; nil where rows of them have
  /// rotted and nothing tells what they were: writing goes on all the same. What a commit has put
  /// behind the last row can tell what that was, so the next one looks once more; one that would be
  /// sealed looks twice. Those after it do not, as each look reads all rows.
  ///
  /// Complexity: O(1), but for the first commits after something has rotted.
  func privateChangesToFollow() throws(StoreError) -> PrivateChanges? {
    guard vainLooksAtPrivateChanges < Self.vainLooksMax else { return nil }
    do throws(StoreError) {
      return try privateChanges()
    } catch {
      guard case .damaged = error else { throw error }
      vainLooksAtPrivateChanges += 1
      return nil
    }
  }

  private static let vainLooksMax = 3

  private func loadPrivateChanges() throws(StoreError) -> PrivateChanges {
    try reading { () throws(StoreError) in
      let isSuspect = try stored { () throws(SegmentStoreError) in
        try segments.setting(Self.suspicionSetting) != nil
      }
      let found = try sql { () throws(SQLiteError) in
        try PrivateChanges.load(from: connection, isSuspect: isSuspect)
      }
      knownPrivateChanges = found
      vainLooksAtPrivateChanges = 0
      return found
    }
  }

  /// How many own changes no segment holds yet.
  package func unsealedCount() throws(StoreError) -> UInt64 { try privateChanges().count }

  /// Whether there are private changes under an origin that the store has left: whether somebody
  /// else has sent them must be known before they are sealed.
  package func hasInherited() throws(StoreError) -> Bool {
    try privateChanges().inheritedCount > 0
  }
}
