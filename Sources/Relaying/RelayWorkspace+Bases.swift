internal import ByteCoding
internal import Causality
internal import SQLiteBridge
internal import Sealing
internal import SegmentStore
internal import Segments
internal import SyncProtocol

// A relay that has lost what it stored, or is new, in a workspace whose members have dropped the
// beginnings of their chains: it goes on behind them, if every member has signed that it has them.
extension RelayWorkspace {
  /// What all members have that have told what they have.
  private func commonVersion() throws(RelayError) -> VersionVector {
    var seen: [SigningKey.Public: VersionVector] = [:]
    for bytes in try receipts() {
      do throws(ByteDecodingError) {
        let receipt = try Receipt(parsing: bytes)
        seen[receipt.device] = receipt.seen
      } catch {
        continue
      }
    }
    var common: VersionVector?
    for device in membership.devices {
      // One that has told nothing has joined and got nothing yet: it needs a replica anyway.
      guard let vector = seen[device.key] else { continue }
      common = common.map { $0.intersection(vector) } ?? vector
    }
    return common ?? VersionVector()
  }

  /// Where chains begin that were not taken from their beginning.
  func floor() throws(RelayError) -> VersionVector {
    try read { () throws(SegmentStoreError) in try store.floor() }
  }

  /// Begins chains behind what members have dropped.
  ///
  /// - Returns: where they begin now, and the origins that were refused.
  func begin(
    _ bases: [ChainBase]
  ) throws(RelayError) -> (begun: [ChainTip], refused: [Origin]) {
    let common = try commonVersion()
    var begun: [ChainTip] = []
    var refused: [Origin] = []
    for base in bases where try position(of: base.origin).sequence < base.sequence {
      guard common[base.origin] >= base.sequence, let hash = Digest(base.hash) else {
        refused.append(base.origin)
        continue
      }
      let position = ChainPosition(sequence: base.sequence, hash: hash)
      do throws(SegmentStoreError) {
        try connection.transaction { () throws(SegmentStoreError) in
          _ = try store.begin(base.origin, after: position)
        }
      } catch {
        throw RelayError(error, at: "workspace \(id.description)")
      }
      note(position, of: base.origin)
      begun.append(ChainTip(base.origin, position))
    }
    return (begun, refused)
  }
}

extension RelayCore {
  func accept(_ bases: [ChainBase], _ link: RelayLink, _ now: RelayInstant) {
    guard case .member = link.stage, let workspace = find(link, now) else { return }
    // What is staged comes first.
    commit(workspace.id, now)
    guard !link.isEnding else { return }
    do throws(RelayError) {
      let (begun, refused) = try workspace.begin(bases)
      if !begun.isEmpty {
        log(.info, link, "has dropped the beginnings of \(begun.count) chains")
        let floor = try workspace.floor()
        for other in links(of: workspace.id) where !other.isEnding {
          perform(other, now) { $0.dropped(through: floor, now: now.monotonic) }
        }
      }
      for origin in refused {
        let status = Status(
          .refused, origin: origin,
          "not every member is known to have what \(origin) wrote first; the relay needs it from "
            + "the beginning, or the receipts of all members")
        perform(link, now) { $0.report(status, now: now.monotonic) }
      }
    } catch {
      fail(link, error, now)
    }
  }
}
