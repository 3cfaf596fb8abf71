internal import ByteCoding
internal import SQLiteBridge
internal import Sealing
internal import SegmentStore
internal import Segments
internal import SyncProtocol

// Receipts: small, seldom, and written at once.
extension RelayWorkspace {
  /// The last one of each device, sorted by device.
  func receipts() throws(RelayError) -> [[UInt8]] {
    try read { () throws(SegmentStoreError) in try store.receipts() }
  }

  /// Keeps those of members that are newer than what is here.
  ///
  /// - Returns: those that were kept.
  func keep(receipts: [[UInt8]]) throws(RelayError) -> [[UInt8]] {
    let read = receipts.compactMap { bytes -> Receipt? in
      do throws(ByteDecodingError) { return try Receipt(parsing: bytes) } catch { return nil }
    }.filter { $0.workspace == id && membership.device($0.device) != nil }
    guard !read.isEmpty else { return [] }
    do throws(SegmentStoreError) {
      return try connection.transaction { () throws(SegmentStoreError) in
        var kept: [[UInt8]] = []
        for receipt in read
        where try store.keepReceipt(receipt.bytes, number: receipt.number, of: receipt.device) {
          kept.append(receipt.bytes)
        }
        return kept
      }
    } catch {
      throw RelayError(error, at: "workspace \(id.description)")
    }
  }
}

extension RelayCore {
  /// A member that has other receipts gets all that are here.
  func tellReceipts(_ link: RelayLink, havingThose digest: UInt64?, _ now: RelayInstant) {
    guard let digest, case .member = link.stage, let workspace = find(link, now) else { return }
    do throws(RelayError) {
      let receipts = try workspace.receipts()
      guard Receipt.digest(of: receipts) != digest else { return }
      perform(link, now) { $0.tell(receipts: receipts, now: now.monotonic) }
    } catch {
      fail(link, error, now)
    }
  }

  func accept(receipts: [[UInt8]], _ link: RelayLink, _ now: RelayInstant) {
    guard case .member = link.stage, let workspace = find(link, now) else { return }
    do throws(RelayError) {
      let kept = try workspace.keep(receipts: receipts)
      guard !kept.isEmpty else { return }
      for other in links(of: workspace.id) where other.id != link.id {
        guard case .member = other.stage, !other.isEnding else { continue }
        perform(other, now) { $0.tell(receipts: kept, now: now.monotonic) }
      }
    } catch {
      fail(link, error, now)
    }
  }
}
