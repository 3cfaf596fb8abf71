import ByteCoding
import Causality
import SQLiteBridge
import Sabotages

/// How far a store has applied changes: what the tables `progress` and `applied_origin` say, in
/// memory.
struct StoreState {
  struct Row {
    let id: Int64
    /// The Lamport time of the origin's last applied change.
    var lamport: UInt64
    var stalled: String?
  }

  /// How many changes were applied.
  var position: Int64 = 0
  /// The maximal changes, sorted.
  var heads: [ChangeID] = []
  var applied = VersionVector()
  /// The highest Lamport time of all applied changes.
  var lamportMax: UInt64 = 0
  private(set) var rows: [Origin: Row] = [:]

  func row(of origin: Origin) -> Row? { rows[origin] }

  mutating func setRow(_ row: Row, of origin: Origin) { rows[origin] = row }

  /// Takes a change that is ready as applied.
  mutating func advance(to change: ChangeID, lamport: UInt64, dependencies: [ChangeID]) {
    position += 1
    applied.advance(to: change)
    lamportMax = max(lamportMax, lamport)
    if Sabotage.forgetConcurrentHeads.isPlanted { heads = [] }
    heads.removeAll {
      ($0.origin == change.origin && $0.sequence < change.sequence) || dependencies.contains($0)
    }
    let index = heads.firstIndex { change < $0 } ?? heads.count
    heads.insert(change, at: index)
    rows[change.origin]?.lamport = lamport
  }

  // MARK: Rows

  static func load(from connection: SQLiteConnection) throws(StoreError) -> StoreState {
    var state = StoreState()
    do {
      let progress = try connection.first("SELECT position, heads FROM progress") {
        (row) throws(SQLiteError) in (try row.integer(0), try row.blob(1))
      }
      guard let (position, heads) = progress else {
        throw StoreError.damaged("the table of progress is empty")
      }
      state.position = position
      state.heads = try decode(heads: heads)
      var rows = try connection.query(
        "SELECT id, origin, applied, lamport, stalled FROM applied_origin ORDER BY origin")
      var entries: [VersionVector.Entry] = []
      while try rows.next() {
        // Without the row the origin would be applied again from its first change.
        guard let origin = Origin(bytes: try rows.blob(1, count: 16)) else {
          throw StoreError.damaged("the table of applied origins names one that cannot be")
        }
        let lamport = try rows.counter(3)
        entries.append(VersionVector.Entry(origin: origin, sequence: try rows.counter(2)))
        state.rows[origin] = Row(
          id: try rows.integer(0), lamport: lamport, stalled: try rows.optionalText(4))
        state.lamportMax = max(state.lamportMax, lamport)
      }
      state.applied = VersionVector(entries)
      return state
    } catch let error as StoreError {
      throw error
    } catch let error as SQLiteError {
      throw StoreError(error)
    } catch {
      throw .damaged("the heads are unreadable (\(error))")
    }
  }

  /// The origin and sequence of each head.
  var encodedHeads: [UInt8] {
    var writer = ByteWriter()
    for head in heads {
      head.origin.write(to: &writer)
      writer.write(varint: head.sequence)
    }
    return writer.bytes
  }

  private static func decode(heads bytes: [UInt8]) throws(ByteDecodingError) -> [ChangeID] {
    var reader = ByteReader(bytes)
    var heads: [ChangeID] = []
    while !reader.isAtEnd {
      let origin = try Origin(from: &reader)
      heads.append(ChangeID(origin: origin, sequence: try reader.readVarint("head")))
    }
    return heads
  }
}
