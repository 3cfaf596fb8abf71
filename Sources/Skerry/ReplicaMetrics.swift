internal import CoreMetrics

/// What a replica measures, through swift-metrics: nothing until the app bootstraps a metrics
/// system. Gauges are recorded when the health is looked at: at most once in a second, while the
/// replica is served or its health is followed.
///
/// | gauge | dimensions | what |
/// |---|---|---|
/// | `skerry_peer_connected` | workspace, peer | 1 while linked, else 0 |
/// | `skerry_peer_changes_behind` | workspace, peer | changes that it has not acknowledged |
/// | `skerry_peer_bytes_behind` | workspace, peer | the bytes of their segments |
/// | `skerry_peer_oldest_unacknowledged_seconds` | workspace, peer | since when the oldest waits |
/// | `skerry_peer_stalled` | workspace, peer | 1 while something does not move, else 0 |
/// | `skerry_changes_unsealed` | workspace | own changes that are in no segment yet |
/// | `skerry_changes_waiting` | workspace | changes that wait for others that they depend on |
/// | `skerry_origins_stalled` | workspace | origins of which nothing more can be applied |
///
/// `workspace` and `peer` are the first 16 hexadecimal digits of their ids.
enum ReplicaMetrics {
  private static let idDigits = 16

  static func record(_ status: Status, in factory: any MetricsFactory = MetricsSystem.factory) {
    let workspace = ("workspace", String(status.identity.workspace.prefix(idDigits)))
    for peer in status.peers {
      let dimensions = [workspace, ("peer", String(peer.device.prefix(idDigits)))]
      func record(_ name: String, _ value: Double) {
        Gauge(label: "skerry_peer_\(name)", dimensions: dimensions, factory: factory)
          .record(value)
      }
      record("connected", peer.isConnected ? 1 : 0)
      record("changes_behind", Double(peer.changesBehind))
      record("bytes_behind", Double(peer.bytesBehind))
      record(
        "oldest_unacknowledged_seconds", peer.oldestUnacknowledged.map { $0 / .seconds(1) } ?? 0)
      record("stalled", peer.stalledBecause == nil ? 0 : 1)
    }
    func record(_ name: String, _ value: Int) {
      Gauge(label: "skerry_\(name)", dimensions: [workspace], factory: factory)
        .record(Double(value))
    }
    record("changes_unsealed", status.unsealedChangeCount)
    record("changes_waiting", status.waitingChangeCount)
    record("origins_stalled", status.stalled.count)
  }
}
