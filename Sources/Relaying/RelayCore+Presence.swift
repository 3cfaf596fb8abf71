internal import ByteCoding
internal import Segments
internal import SyncProtocol

// Presence notes of members, passed on unread. They are never stored.
extension RelayCore {
  func accept(presence bytes: [UInt8], hops: UInt8, _ link: RelayLink, _ now: RelayInstant) {
    guard case .member = link.stage, hops > 0, let workspace = link.workspace,
      link.presenceLimit.take(now: now.monotonic)
    else { return }
    let note: PresenceNote
    do throws(ByteDecodingError) { note = try PresenceNote(parsing: bytes) } catch { return }
    // What is known costs no look at the workspace.
    guard note.workspace == workspace, presence[workspace]?.knows(note) != true,
      let found = find(link, now), found.membership.device(note.device) != nil,
      presence[workspace, default: PresenceFilter()].admits(note, now: now.monotonic)
    else { return }
    for other in links(of: workspace) where other.id != link.id {
      guard case .member = other.stage, !other.isEnding else { continue }
      perform(other, now) { $0.tell(presence: bytes, hops: hops - 1, now: now.monotonic) }
    }
  }
}
