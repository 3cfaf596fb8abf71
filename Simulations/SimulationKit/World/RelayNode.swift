import Causality
import Documents
import Relaying
import Replication
import SQLiteBridge
import Sealing
import SegmentStore
import Segments

/// An island with a blind relay.
final class RelayNode: Node {
  private(set) var core: RelayCore?

  override var isUp: Bool { core != nil }

  func relayInstant(at now: Int) -> RelayInstant {
    RelayInstant(
      monotonic: UInt64(now), wall: UInt64(max(0, wall(at: now).milliseconds)))
  }

  override func start(_ configuration: EngineConfiguration, at now: Int) throws {
    try super.start(configuration, at: now)
    // Its key is in a file beside the databases, which no fault here touches.
    let key = SigningKey(entropy: .seeded(seed &+ UInt64(number)))
    core = try RelayCore(
      storage: RelayNode.storage(on: disk), key: key, entropy: .seeded(chance("relay")))
  }

  override func stop(_ loss: VirtualDisk.Loss) {
    core = nil
    super.stop(loss)
  }

  override var heldSegments: ((ChangeID) -> [UInt8]?)? {
    guard core != nil,
      let file = disk.image.fileNames.first(where: { $0.hasSuffix(".relay") }),
      let connection = try? SQLiteConnection(
        SQLiteOptions(location: .file(file), access: .read, vfs: disk.vfsName))
    else { return nil }
    let segments = SegmentStore(connection)
    return { change in try? segments.segment(containing: change)?.bytes }
  }

  private static func storage(on disk: VirtualDisk) -> RelayStorage {
    RelayStorage(
      options: { workspace, access in
        SQLiteOptions(
          location: .file("\(workspace.description).relay"), access: access, vfs: disk.vfsName)
      },
      contains: { disk.image.fileNames.contains("\($0.description).relay") },
      workspaces: { () throws(RelayError) in [] })
  }
}
