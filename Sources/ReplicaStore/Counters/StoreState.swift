import Causality
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
  /// The last run of the order in which changes were applied; nil when none was.
  var lastRun: StoredRun?
  private(set) var rows: [Origin: Row] = [:]
  /// Origins whose rows in the file are behind.
  private(set) var unwritten: Set<Origin> = []
  /// The row of the own origin as it is in the file, which may be behind.
  var ownInFile: AppliedOrigin?
  /// What did not fit together in the file and was made again, in sentences; the file does not have
  /// it yet.
  var mended: [String] = []
  /// Own changes under the numbers that their rows should have.
  var mendedUnsealed: UnsealedMending?
  /// The order from this position on was made again.
  var mendedRuns: (from: Int64, runs: [StoredRun])?
  private var recentLamports = RecentLamports()

  init() {}

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

  /// Takes the rows of the origins, see ``load(from:own:)``.
  init(_ origins: [AppliedOrigin], lastRun: StoredRun?, ownInFile: AppliedOrigin?) {
    for origin in origins {
      rows[origin.origin] = Row(
        id: origin.id, lamport: origin.lamport, position: origin.position,
        stalled: origin.stalled)
      if origin.isHead {
        heads.append(ChangeID(origin: origin.origin, sequence: origin.applied))
      }
      position = max(position, origin.position)
      lamportMax = max(lamportMax, origin.lamport)
    }
    heads.sort()
    applied = VersionVector(
      origins.map { VersionVector.Entry(origin: $0.origin, sequence: $0.applied) })
    self.lastRun = lastRun
    self.ownInFile = ownInFile
  }

  /// The rows as they are to be written, sorted by origin.
  var origins: [AppliedOrigin] {
    rows.sorted { $0.key < $1.key }.map { origin, row in
      AppliedOrigin(row, origin, applied: applied[origin], isHead: isHead(origin))
    }
  }

  /// A number that no row of an origin has.
  var nextRow: Int64 { (rows.values.lazy.map(\.id).max() ?? 0) + 1 }

  /// Whether what is written of the own origin, and the own changes in `unsealed`, say all that
  /// there is to be written: nothing but own changes came since, one behind the other.
  func followsFromUnsealed(_ own: Origin) -> Bool {
    guard let written = ownInFile, written.origin == own, written.isHead, heads.count == 1,
      heads[0].origin == own, unwritten.allSatisfy({ $0 == own }), let row = rows[own],
      heads[0].sequence > written.applied, row.stalled == written.stalled
    else { return false }
    let count = heads[0].sequence - written.applied
    return row.lamport == written.lamport &+ count
      && row.position == written.position &+ Int64(clamping: count)
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
