/// How much a relay takes on. Whatever goes beyond is refused with a sentence; nothing is cut
/// short.
package struct RelayLimits: Sendable, Equatable {
  /// Workspaces stored, whoever founded them.
  package var workspacesMax = 100_000
  /// Bytes of segments and membership records stored for one workspace; nil for no limit.
  package var workspaceBytesMax: Int? = nil
  /// What one connection may move in a second, both directions together; nil for no limit.
  package var rateBytesPerSecond: Int? = nil
  /// Links at one time; fewer where the system does not let a process have so many.
  package var linksMax = 16_384
  /// Membership records of one workspace.
  package var recordsMax = 16_384
  /// Workspaces whose files are open at one time. The one that was used longest ago is closed.
  package var openWorkspacesMax = 128
  /// Bytes that wait to leave on one link before no more segments are read for it.
  package var queuedBytesPause = 1 << 20
  /// Bytes that wait to leave on one link before it is closed: the peer asks and does not read.
  package var queuedBytesMax = 16 << 20
  /// How long a device that no stored record names has time to show the records that name it.
  package var admissionMilliseconds: UInt64 = 10_000

  package init() {}
}

/// The time at which something happens, handed in by whoever drives the relay.
package struct RelayInstant: Sendable, Hashable {
  /// Milliseconds of a clock that never goes back; decides time-outs and rates.
  package var monotonic: UInt64
  /// Milliseconds since 1970; decides only whether an invitation has expired.
  package var wall: UInt64

  package init(monotonic: UInt64, wall: UInt64) {
    self.monotonic = monotonic
    self.wall = wall
  }
}
