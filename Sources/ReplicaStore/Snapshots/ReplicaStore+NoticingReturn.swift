import Causality
import Sealing
import SegmentStore
import Segments

// How a store comes to know that it is an earlier one that was put back, while others may have
// folded history since.
extension ReplicaStore {
  private static let returningSetting = "returning"

  /// Whether the store is known to be an earlier one that was put back, and has not been merged
  /// into what others have, see ``installSnapshot(now:entropy:)``.
  package func isReturning() throws(StoreError) -> Bool {
    try stored { () throws(SegmentStoreError) in
      try segments.setting(Self.returningSetting) != nil
    }
  }

  /// Looks whether this device has once told that it has more than there is here, and notes it:
  /// what is written from then on is written without knowing what others may have folded. That is
  /// over when there is nothing of the kind that nobody has, and all is here.
  ///
  /// - Returns: whether the store has to be merged into what others have.
  package func noteReturning() throws(StoreError) -> Bool {
    let device = identity.device.publicKey
    let last = try receipts().first { $0.device == device }
    let settled = try settledReceipt()
    let hasTold = last.map { $0.number > settled && !appliedVector.covers($0.seen) } ?? false
    let isRestored = try hasInherited()
    let isBehind = hasTold || isRestored ? try knowsFolding() : false
    let isKnown = try isReturning()
    let hasPrivate = try privateChanges().count > 0
    let isOver = !isBehind && !hasPrivate
    guard isKnown ? isOver : isBehind else { return isKnown }
    try write { () throws(StoreError) in
      try stored { () throws(SegmentStoreError) in
        try segments.setSetting(Self.returningSetting, to: isKnown ? nil : [1])
      }
    }
    return !isKnown
  }

  private static let foldingSetting = "folding"

  /// Whether anybody is known to have folded history in this workspace. Until then whoever comes
  /// back from an earlier state can send what it wrote meanwhile as it is.
  package func knowsFolding() throws(StoreError) -> Bool {
    try stored { () throws(SegmentStoreError) in try segments.setting(Self.foldingSetting) != nil }
  }

  /// Notes that somebody has folded history.
  ///
  /// - Returns: whether that is new.
  package func noteFolding() throws(StoreError) -> Bool {
    guard try !knowsFolding() else { return false }
    try write { () throws(StoreError) in try keepFolding() }
    return true
  }

  func keepFolding() throws(StoreError) {
    try stored { () throws(SegmentStoreError) in
      try segments.setSetting(Self.foldingSetting, to: [1])
    }
  }

  private static let settledSetting = "settled receipt"

  /// The number of the last receipt of this device that is of no more concern: what it names and is
  /// not here only the store had that is gone. 0 when there is none.
  private func settledReceipt() throws(StoreError) -> UInt64 { try counter(Self.settledSetting) }

  /// The store has been merged into what others have: whoever folds has what they have.
  func forgetReturning() throws(StoreError) {
    let device = identity.device.publicKey
    let last = try receipts().first { $0.device == device }
    try stored { () throws(SegmentStoreError) in
      try segments.setSetting(Self.returningSetting, to: nil)
    }
    try setCounter(Self.settledSetting, to: last?.number ?? 0)
  }
}
