import Causality
import ReplicaStore
import Sabotages
import Sealing
import SegmentStore
import Segments
import SyncProtocol

// Receipts: what this device says that it has, and what others say. They are small, few, and never
// urgent: what they are for, the folding of history, waits for the slowest member anyway.
extension Engine {
  /// Of the receipts that are stored here; nil when they cannot be read, or are not wanted.
  var receiptDigest: UInt64? {
    limits.receiptMilliseconds == nil ? nil : storedReceipts.map { Receipt.digest(of: $0) }
  }

  private var storedReceipts: [[UInt8]]? {
    do throws(StoreError) {
      return try records { () throws(SegmentStoreError) in try store.segments.receipts() }
    } catch {
      log(.error, "receipts could not be read: \(error)")
      return nil
    }
  }

  /// A peer that has other receipts gets all that are here, and sends its own.
  func compareReceipts(with connection: Connection, havingThose digest: UInt64?) {
    guard limits.receiptMilliseconds != nil, let digest, let receipts = storedReceipts,
      Receipt.digest(of: receipts) != digest
    else { return }
    // Who has none, as a device that is new, cannot show that this store is an earlier one.
    connection.awaitsReceipts = digest != Receipt.digest(of: [])
    session(connection.id) { $0.tell(receipts: receipts, now: now) }
  }

  /// Looks whether this device has once told that it has more than there is here: its store is an
  /// earlier one that was put back. Others may have folded history since on the strength of that
  /// receipt, so that what it writes without knowing all of it cannot be sent as it is: it takes a
  /// snapshot, and merges that.
  func noteReturn() {
    guard limits.snapshotChangesMin != nil, !Sabotage.sendWhileReturning.isPlanted else { return }
    do throws(StoreError) {
      isReturning = try store.noteReturning()
    } catch {
      log(.error, "receipts could not be read: \(error)")
    }
    guard isReturning, taking == nil else { return }
    let givers = sortedLinks.filter { id in
      guard let connection = links[id], !connection.isRelay,
        let session = connection.link.session
      else { return false }
      return session.isRunning && session.peerVector.covers(stored)
    }
    guard let first = givers.first else { return }
    session(first) { $0.askForSnapshot(now: now) }
  }

  /// Something was applied, or a link is level: this device may have something new to say.
  func writeReceiptSoon(isAtRest: Bool) {
    guard let interval = limits.receiptMilliseconds else { return }
    let due = lastReceiptAt.map { $0 + interval }
    if isAtRest, due.map({ $0 <= now }) ?? true { return writeReceipt() }
    receiptAt = receiptAt ?? max(due ?? 0, now + interval)
  }

  /// Seals what is not sealed yet, even if there is nobody to send it to, and says what this device
  /// has: history is about to be folded, and only what others can know of may be.
  package func sealForGood(at instant: EngineInstant) -> [Effect] {
    input(at: instant) {
      seal(forNobody: true)
      writeReceipt()
    }
  }

  func writeReceipt() {
    receiptAt = nil
    do throws(StoreError) {
      guard let receipt = try store.makeReceipt() else { return }
      lastReceiptAt = now
      for id in sortedLinks { session(id) { $0.tell(receipts: [receipt.bytes], now: now) } }
    } catch {
      log(.warning, "no receipt could be written: \(error)")
    }
  }

  func keep(receipts: [[UInt8]], _ connection: Connection) {
    do throws(StoreError) {
      connection.awaitsReceipts = false
      let new = try store.addReceipts(receipts).map(\.bytes)
      guard !new.isEmpty else { return }
      noteReturn()
      for id in sortedLinks where id != connection.id {
        // As with segments: in a mesh whoever writes one sends it to all.
        guard let other = links[id],
          connection.isFirstHand || other.gauges.peerWish == .everything
        else { continue }
        session(id) { $0.tell(receipts: new, now: now) }
      }
    } catch {
      log(.warning, "receipts could not be kept: \(error)")
    }
  }
}
