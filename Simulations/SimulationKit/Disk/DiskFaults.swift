extension VirtualDisk {
  /// What programs ask of a disk.
  package enum Operation: String, CaseIterable, Sendable {
    case read, write, sync, truncate, open, delete
  }

  /// What becomes of a disk when its machine stops.
  package enum Loss: Sendable {
    /// The process dies. The operating system lives on and keeps all that was written.
    case process
    /// The machine dies. What was not synced is kept, lost or torn at sectors, by chance.
    case power
  }
}

/// What has happened on a virtual disk.
package struct DiskCounters: Sendable, Equatable {
  package var reads = 0
  package var writes = 0
  package var bytesWritten = 0
  package var syncs = 0

  package var processCrashes = 0
  package var powerLosses = 0
  /// Of the unsynced writes at power losses.
  package var keptWrites = 0
  package var lostWrites = 0
  package var tornWrites = 0
  package var lostTruncations = 0
  /// The size of a file reached the platter and its bytes did not.
  package var emptyExtensions = 0
  /// Files whose making or deleting a power loss has undone.
  package var lostNames = 0

  /// By `VirtualDisk.Operation`, in the order of its cases.
  package var failedReads = 0
  package var failedWrites = 0
  package var failedSyncs = 0
  package var failedTruncations = 0
  package var failedOpenings = 0
  package var failedDeletions = 0
  /// Writes that a failed sync left off the platter for good.
  package var droppedWrites = 0
  /// Writes refused as the disk was full.
  package var fullErrors = 0
  package var rottenBytes = 0

  package init() {}

  package var failedOperations: Int {
    failedReads + failedWrites + failedSyncs + failedTruncations + failedOpenings
      + failedDeletions
  }

  mutating func noteWrite(of byteCount: Int) {
    writes += 1
    bytesWritten += byteCount
  }

  mutating func count(failed operation: VirtualDisk.Operation) {
    switch operation {
    case .read: failedReads += 1
    case .write: failedWrites += 1
    case .sync: failedSyncs += 1
    case .truncate: failedTruncations += 1
    case .open: failedOpenings += 1
    case .delete: failedDeletions += 1
    }
  }
}

/// Which operations will fail.
struct ArmedFaults {
  private struct Fault {
    /// So many succeed first.
    var remaining: Int
    var isForever: Bool
  }

  private var faults: [VirtualDisk.Operation: Fault] = [:]

  mutating func arm(_ operation: VirtualDisk.Operation, after count: Int, forever: Bool) {
    faults[operation] = Fault(remaining: max(0, count), isForever: forever)
  }

  mutating func disarm() { faults = [:] }

  /// Counts an operation down, and tells whether this one fails.
  mutating func fails(_ operation: VirtualDisk.Operation) -> Bool {
    guard !faults.isEmpty, let fault = faults[operation] else { return false }
    if fault.remaining > 0 {
      faults[operation]?.remaining -= 1
      return false
    }
    if !fault.isForever { faults[operation] = nil }
    return true
  }
}
