import Causality
import SQLiteBridge

// What a file says of how far it is, read and looked at: each row has a checksum, and what one says
// another has to bear out. Where something does not fit it is made again, see `CounterMending`.
extension StoreState {
  /// - Parameter own: the origin under which the store writes, where that is not in the file.
  /// - Throws: `.damaged` when what there is does not say how far the store is.
  /// - Complexity: O(origins), unless something has rotted.
  static func load(
    from connection: SQLiteConnection, own: Origin? = nil
  ) throws(StoreError) -> StoreState {
    do {
      let tables = try CounterTables(connection, own: own)
      var state: StoreState
      if let sound = tables.sound {
        state = sound
      } else {
        state = try CounterMending(tables, connection).mended()
      }
      if let unsealed = tables.mendedUnsealed {
        state.mendedUnsealed = unsealed
        state.mended.append(UnsealedMending.sentence)
      }
      return state
    } catch let error as StoreError {
      throw error
    } catch let error as SQLiteError {
      throw StoreError(error)
    } catch {
      throw .damaged("\(error)")
    }
  }
}

/// The tables that count, as they were read.
struct CounterTables {
  /// Rows of origins that match their checksums, sorted by origin. That of the own origin is as far
  /// as what is unsealed says.
  private(set) var origins: [AppliedOrigin] = []
  /// What could be read of the others: the number of the row, and the origin.
  private(set) var rotten: [(id: Int64?, origin: Origin?)] = []
  /// Nil where there is none, or where it is rotten.
  private(set) var lastRun: StoredRun?
  private(set) var isLastRunRotten = false
  private(set) var ownInFile: AppliedOrigin?
  /// Own changes under their right numbers, where those of the last row had rotted.
  private(set) var mendedUnsealed: UnsealedMending?
  /// Whether positions can stand for changes that were taken back and applied again at later ones,
  /// as origins are forked.
  private(set) var hasTakenBack = false
  let own: Origin?

  init(_ connection: SQLiteConnection, own known: Origin?) throws(SQLiteError) {
    if let known { own = known } else { own = try Self.own(connection) }
    // An index can rot by itself.
    var rows = try connection.query(
      "SELECT \(AppliedOrigin.columns) FROM applied_origin NOT INDEXED")
    while try rows.next() {
      do throws(SQLiteError) {
        origins.append(try AppliedOrigin(rows))
      } catch {
        guard error.code == .unexpectedValue else { throw error }
        rotten.append((try? rows.integer(0), try? ReplicaStore.origin(1, of: rows)))
      }
    }
    origins.sort { $0.origin < $1.origin }
    try followUnsealed(connection)
    hasTakenBack = try connection.queryInteger("SELECT 1 FROM segment_branch LIMIT 1") != nil
    do throws(SQLiteError) {
      lastRun = try StoredRun.last(in: connection)
    } catch {
      guard error.code == .unexpectedValue else { throw error }
      isLastRunRotten = true
    }
  }

  private static func own(_ connection: SQLiteConnection) throws(SQLiteError) -> Origin? {
    try connection.first("SELECT origin FROM identity") { (row) throws(SQLiteError) in
      try ReplicaStore.origin(0, of: row)
    }
  }

  /// Own changes that came one behind the other are counted by what holds them.
  private mutating func followUnsealed(_ connection: SQLiteConnection) throws(SQLiteError) {
    guard let own, let place = origins.firstIndex(where: { $0.origin == own }) else { return }
    ownInFile = origins[place]
    let last: UInt64?
    do throws(SQLiteError) {
      last = try Self.lastUnsealed(connection)
    } catch {
      guard error.code == .unexpectedValue else { throw error }
      let mending = try UnsealedMending(connection, of: own)
      mendedUnsealed = mending
      last = mending.last
    }
    guard let last, last > origins[place].applied else { return }
    let count = last - origins[place].applied
    origins[place].applied = last
    origins[place].lamport = origins[place].lamport &+ count
    origins[place].position = origins[place].position &+ Int64(clamping: count)
  }

  /// The last own change that no segment holds; nil when there is none.
  ///
  /// - Throws: `.unexpectedValue` where its row has rotted.
  private static func lastUnsealed(_ connection: SQLiteConnection) throws(SQLiteError) -> UInt64? {
    try connection.first(
      """
      SELECT \(UnsealedRange.columns) FROM unsealed ORDER BY first_sequence DESC LIMIT 1
      """
    ) { (row) throws(SQLiteError) in try UnsealedRange(row).last }
  }

  /// Whether no row of an origin is rotten or missing: each position stands for one change.
  var areOriginsSound: Bool {
    guard rotten.isEmpty else { return false }
    if hasTakenBack { return true }
    let sum = origins.reduce(UInt64(0)) { $0 &+ $1.applied }
    return sum == UInt64(clamping: origins.lazy.map(\.position).max() ?? 0)
  }

  /// The state that they say, where all of it fits together.
  var sound: StoreState? {
    guard areOriginsSound, !isLastRunRotten else { return nil }
    let state = StoreState(origins, lastRun: lastRun, ownInFile: ownInFile)
    guard let lastRun else { return state.position == 0 ? state : nil }
    guard let origin = origins.first(where: { $0.id == lastRun.origin }),
      lastRun.position <= state.position
    else { return nil }
    let isEnd =
      origin.position == state.position
      && origin.applied == lastRun.lastSequence(through: state.position)
    return isEnd || hasTakenBack ? state : nil
  }
}

extension StoredRun {
  /// The sequence of the change at a position, which is not before the run.
  func lastSequence(through position: Int64) -> UInt64 {
    firstSequence &+ UInt64(clamping: position &- self.position)
  }
}
