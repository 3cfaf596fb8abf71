import ByteCoding
package import Causality
package import Documents
import SQLiteBridge
import Sabotages
package import Sealing
import SegmentStore
package import Segments

/// What every member is known to have, and by whom more is held back.
package struct StableCut: Sendable {
  /// Whatever anybody writes from now on is written knowing of all that it covers.
  package var version = VersionVector()
  /// The members without whom it would cover more, sorted by their keys.
  package var holders: [Holder] = []

  package struct Holder: Hashable, Sendable {
    package let device: SigningKey.Public
    package let reason: Reason
  }

  package enum Reason: Hashable, Sendable {
    /// It has never told what it has.
    case noReceipt
    /// It has told, and changes that it made before have not arrived here.
    case changesUnderWay
    /// It lacks so many changes that are here.
    case behind(changes: UInt64)
  }
}

extension ReplicaStore {
  /// The last receipt of each device that is a member, sorted by device.
  package func receipts() throws(StoreError) -> [Receipt] {
    try reading { () throws(StoreError) in
      let all = try stored { () throws(SegmentStoreError) in try segments.receipts() }
      var receipts: [Receipt] = []
      for bytes in all {
        do throws(ByteDecodingError) {
          receipts.append(try Receipt(parsing: bytes))
        } catch {
          throw .damaged("a receipt is unreadable (\(error))")
        }
      }
      return receipts.filter { membership.device($0.device) != nil }
    }
  }

  /// Keeps receipts of others. Those of strangers and those that are older than what is known are
  /// left out; so are those that cannot be read: a later release may write others.
  ///
  /// - Returns: those that are new.
  package func addReceipts(_ bytes: [[UInt8]]) throws(StoreError) -> [Receipt] {
    let read = bytes.compactMap { bytes -> Receipt? in
      do throws(ByteDecodingError) { return try Receipt(parsing: bytes) } catch { return nil }
    }.filter {
      $0.workspace == identity.workspace && membership.device($0.device) != nil
    }
    guard !read.isEmpty else { return [] }
    return try write { () throws(StoreError) in
      var new: [Receipt] = []
      for receipt in read where try keep(receipt) { new.append(receipt) }
      return new
    }
  }

  /// Writes a receipt for what is applied here, if that is more than the last one says. Not while
  /// there are own changes that nobody else can know yet.
  ///
  /// - Returns: nil when there is nothing new to say.
  package func makeReceipt() throws(StoreError) -> Receipt? {
    guard isAdmitted, options.access != .read else { return nil }
    return try write { () throws(StoreError) in
      guard try privateChanges().count == 0 else { return nil }
      let device = identity.device
      let last = try receipts().first { $0.device == device.publicKey }
      let (number, overflow) = (last?.number ?? 0).addingReportingOverflow(1)
      guard !(last?.seen.covers(state.applied) ?? state.applied.isEmpty), !overflow,
        let receipt = Receipt(
          state.applied, number: number, workspace: identity.workspace, by: device.signing)
      else { return nil }
      return try keep(receipt) ? receipt : nil
    }
  }

  private func keep(_ receipt: Receipt) throws(StoreError) -> Bool {
    try stored { () throws(SegmentStoreError) in
      try segments.keepReceipt(receipt.bytes, number: receipt.number, of: receipt.device)
    }
  }

  /// What every member is known to have applied: below it, history may be folded.
  ///
  /// A member counts with its last receipt, and only if all that it had written before is here: so
  /// whatever else comes from it was written knowing of what the receipt covers. What is here and
  /// was not written so is looked at document by document, see ``compact(below:progress:)``.
  ///
  /// Complexity: O(members · origins).
  package func stableCut() throws(StoreError) -> StableCut {
    try reading { () throws(StoreError) in
      let receipts = try receipts()
      let own = try publicVector()
      var cut = StableCut(version: own)
      if Sabotage.foldTooMuch.isPlanted { return cut }
      for device in membership.devices where device.key != identity.device.publicKey {
        guard let receipt = receipts.first(where: { $0.device == device.key }) else {
          cut.version = VersionVector()
          cut.holders.append(.init(device: device.key, reason: .noReceipt))
          continue
        }
        let isHere = device.origins.allSatisfy { receipt.seen[$0] <= own[$0] }
        guard isHere else {
          cut.version = VersionVector()
          cut.holders.append(.init(device: device.key, reason: .changesUnderWay))
          continue
        }
        cut.version = cut.version.intersection(receipt.seen)
        let missing = own.changeCount(beyond: receipt.seen)
        if missing > 0 {
          cut.holders.append(.init(device: device.key, reason: .behind(changes: missing)))
        }
      }
      return cut
    }
  }

  /// What is applied, without own changes that nobody else can know yet.
  func publicVector() throws(StoreError) -> VersionVector {
    var vector = state.applied
    for (origin, first) in try privateOrigins() where vector[origin] >= first {
      vector.set(origin, to: first - 1)
    }
    return vector
  }
}

extension ReplicaStore {
  /// The part of a cut that leaves out what was written at or after a moment, by its authors'
  /// clocks, and all that builds on it.
  ///
  /// - Complexity: O(changes in the log), which it reads; more often where clocks contradict the
  ///   order of changes.
  package func cut(_ cut: VersionVector, before moment: Timestamp) throws -> VersionVector {
    var kept = cut
    var isSettled = false
    while !isSettled {
      isSettled = true
      try changes { change, _ in
        guard kept.contains(change.id) else { return true }
        let isOld = change.time < moment && change.dependencies.allSatisfy(kept.contains)
        if !isOld {
          kept.set(change.id.origin, to: change.id.sequence - 1)
          isSettled = false
        }
        return true
      }
    }
    return kept
  }
}
