import Causality
import Documents
import ReplicaStore

/// The changes that replicas have dropped, kept by the world: what a replica shows is compared with
/// what all of them make, whoever still holds them.
struct ChangeArchive {
  private var changes: [ChangeID: Change] = [:]

  var isEmpty: Bool { changes.isEmpty }

  /// Keeps what a replica holds now.
  mutating func keep(_ store: ReplicaStore) throws {
    try store.changes { change, _ in
      changes[change.id] = change
      return true
    }
  }

  /// All changes that a replica shows, newest first: those that it holds, and from here those below
  /// its floor. One that is in neither is missing in the answer.
  func all(of store: ReplicaStore) throws -> [Change] {
    var all: [Change] = []
    try store.changes { change, _ in
      all.append(change)
      return true
    }
    let floor = try store.segmentFloor()
    guard !floor.isEmpty else { return all }
    for entry in floor.entries {
      let shown = min(entry.sequence, store.appliedVector[entry.origin])
      var sequence: UInt64 = 0
      while sequence < shown {
        sequence += 1
        let id = ChangeID(origin: entry.origin, sequence: sequence)
        if let change = changes[id] { all.append(change) }
      }
    }
    return all.sorted { ($1.lamport, $1.id.origin) < ($0.lamport, $0.id.origin) }
  }
}
