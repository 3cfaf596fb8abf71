import Causality
import SQLiteBridge
import Sabotages

/// How far a store has applied changes: what the table `applied_origin` says, in memory.
struct StoreState {
  struct Row {
    let id: Int64
    /// The Lamport time of the origin's last applied change.
    var lamport: UInt64 = 0
    /// The place of that change in the local order.
    var position: Int64 = 0
    var stalled: String?
  }

  /// How many changes were applied.
  var position: Int64 = 0
  /// The maximal changes, sorted.
  var heads: [ChangeID] = []
  var applied = VersionVector()
  /// The highest Lamport time of all applied changes.
  var lamportMax: UInt64 = 0
  /// The row of the origin whose change was applied last; nil when none was.
  var lastRunOrigin: Int64?
  private(set) var rows: [Origin: Row] = [:]
  /// Origins whose rows in the file are behind.
  private(set) var unwritten: Set<Origin> = []
  private var recentLamports = RecentLamports()

  func row(of origin: Origin) -> Row? { rows[origin] }

  mutating func setRow(_ row: Row, of origin: Origin) { rows[origin] = row }

  /// Takes a change that is ready as applied.
  mutating func advance(to change: ChangeID, lamport: UInt64, dependencies: [ChangeID]) {
    position += 1
    applied.advance(to: change)
    lamportMax = max(lamportMax, lamport)
    if Sabotage.forgetConcurrentHeads.isPlanted { renameHeads { _ in change } }
    var kept = 0
    for head in heads {
      if head.origin == change.origin, head.sequence < change.sequence { continue }
      if dependencies.contains(head) {
        unwritten.insert(head.origin)
        continue
      }
      heads[kept] = head
      kept += 1
    }
    heads.removeSubrange(kept...)
    let index = heads.firstIndex { change < $0 } ?? heads.count
    heads.insert(change, at: index)
    if var row = rows[change.origin] {
      row.lamport = lamport
      row.position = position
      rows[change.origin] = row
    }
    unwritten.insert(change.origin)
    recentLamports.note(lamport, of: change)
  }

  /// Takes these as the maximal changes.
  mutating func setHeads(_ changes: some Collection<ChangeID>) {
    for head in heads { unwritten.insert(head.origin) }
    heads = changes.sorted()
    for head in heads { unwritten.insert(head.origin) }
  }

  /// Gives the heads other names.
  mutating func renameHeads(_ name: (ChangeID) -> ChangeID) {
    setHeads(heads.map(name))
  }

  /// The Lamport time of an applied change that was applied not long ago; nil when it is not known.
  func recentLamport(of change: ChangeID) -> UInt64? { recentLamports.lamport(of: change) }

  func isHead(_ origin: Origin) -> Bool { heads.contains { $0.origin == origin } }

  mutating func noteWritten() { unwritten.removeAll(keepingCapacity: true) }

  // MARK: Rows

  static func load(from connection: SQLiteConnection) throws(StoreError) -> StoreState {
    var state = StoreState()
    do {
      var rows = try connection.query(
        """
        SELECT id, origin, applied, lamport, stalled, position, is_head FROM applied_origin
        ORDER BY origin
        """)
      var entries: [VersionVector.Entry] = []
      while try rows.next() {
        // Without the row the origin would be applied again from its first change.
        guard let origin = Origin(bytes: try rows.blob(1, count: 16)) else {
          throw StoreError.damaged("the table of applied origins names one that cannot be")
        }
        let (sequence, lamport) = (try rows.counter(2), try rows.counter(3))
        let position = try rows.integer(5)
        entries.append(VersionVector.Entry(origin: origin, sequence: sequence))
        if try rows.integer(6) != 0 {
          state.heads.append(ChangeID(origin: origin, sequence: sequence))
        }
        state.rows[origin] = Row(
          id: try rows.integer(0), lamport: lamport, position: position,
          stalled: try rows.optionalText(4))
        state.position = max(state.position, position)
        state.lamportMax = max(state.lamportMax, lamport)
      }
      state.applied = VersionVector(entries)
      state.lastRunOrigin = try lastRunOrigin(of: connection)
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

/// The Lamport times of changes that were applied not long ago: what new changes mostly build on.
/// They go with the state that they belong to.
private struct RecentLamports {
  static let countMax = 1_024

  /// Each change has one place, which the next one of that place takes over.
  private var places: [(change: ChangeID, lamport: UInt64)?] = []

  private static func place(of change: ChangeID) -> Int {
    Int(truncatingIfNeeded: (change.origin.low &+ change.sequence) % UInt64(countMax))
  }

  func lamport(of change: ChangeID) -> UInt64? {
    guard !places.isEmpty, let found = places[Self.place(of: change)], found.change == change
    else { return nil }
    return found.lamport
  }

  mutating func note(_ lamport: UInt64, of change: ChangeID) {
    if places.isEmpty { places = Array(repeating: nil, count: Self.countMax) }
    places[Self.place(of: change)] = (change, lamport)
  }
}
