package import Causality
import ChangeCoding
package import Documents
import SQLiteBridge
import Sealing
import SegmentStore
import Segments

// What a process that serves the store tells the others that use it: how its links are. Opaque
// here, and worth nothing when that process is gone.
extension ReplicaStore {
  static let livePrefix = "live "

  /// Another number whenever another process has committed.
  package func versionOfOthers() throws(StoreError) -> Int64 {
    try sql { () throws(SQLiteError) in try connection.dataVersion() }
  }

  /// The reports of all processes, by the names that they chose.
  package func liveReports() throws(StoreError) -> [(process: String, report: [UInt8])] {
    try reading { () throws(StoreError) in
      let found = try stored { () throws(SegmentStoreError) in
        try segments.settings(beginning: Self.livePrefix)
      }
      return found.map { (String($0.name.dropFirst(Self.livePrefix.count)), $0.value) }
    }
  }

  /// Sets the report of a process, durably; nil removes it.
  package func setLiveReport(_ report: [UInt8]?, of process: String) throws(StoreError) {
    try write { () throws(StoreError) in
      try stored { () throws(SegmentStoreError) in
        try segments.setSetting(Self.livePrefix + process, to: report)
      }
    }
  }

  /// When the first change of this device that a vector lacks was committed, by this device's
  /// clock. Nil when it lacks none, or where the change is not held any more.
  ///
  /// Complexity: O(origins of this device), and the bytes of a segment for each.
  package func oldestOwn(beyond known: VersionVector) throws(StoreError) -> Timestamp? {
    let device = membership.device(identity.device.publicKey)
    let origins = Set(device?.origins ?? []).union([identity.origin]).sorted()
    do {
      return try read {
        var oldest: Timestamp?
        for origin in origins where known[origin] < state.applied[origin] {
          let first = ChangeID(origin: origin, sequence: known[origin] + 1)
          guard let change = try appliedBlock(with: first).first(where: { $0.id == first })
          else { continue }
          oldest = min(oldest ?? change.time, change.time)
        }
        return oldest
      }
    } catch {
      // What is folded or damaged has no time any more; the damage is told elsewhere.
      return nil
    }
  }
}
