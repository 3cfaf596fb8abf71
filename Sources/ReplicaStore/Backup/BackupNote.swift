import ByteCoding
package import Causality
import SQLiteBridge
package import Sealing
package import Segments

/// What a backup says about where it comes from. It stands in the place of an identity, of which a
/// backup has none.
package struct BackupNote: Equatable, Sendable {
  package let workspace: WorkspaceID
  /// The origin under which the store wrote; nobody writes under it again.
  package let origin: Origin
  package let device: SigningKey.Public
  /// What the device was called.
  package let name: String
  /// What the store showed.
  package let version: VersionVector

  static let setting = "backup"
  private static let formatVersion: UInt8 = 1

  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.write(Self.formatVersion)
    workspace.write(to: &writer)
    origin.write(to: &writer)
    device.write(to: &writer)
    writer.write(string: name)
    version.write(to: &writer)
    return writer.bytes
  }

  init(decoding bytes: [UInt8]) throws(StoreError) {
    do {
      var reader = ByteReader(bytes)
      guard try reader.readByte("format") == Self.formatVersion else {
        throw StoreError.refused("The backup was made by a newer version of this program.")
      }
      workspace = try WorkspaceID(from: &reader, "workspace")
      origin = try Origin(from: &reader)
      device = try SigningKey.Public(from: &reader, "device")
      name = try reader.readString("name")
      version = try VersionVector(from: &reader)
      try reader.finish("backup")
    } catch let error as StoreError {
      throw error
    } catch {
      throw .damaged("what the backup says about itself is unreadable (\(error))")
    }
  }

  init(
    workspace: WorkspaceID, origin: Origin, device: SigningKey.Public, name: String,
    version: VersionVector
  ) {
    self.workspace = workspace
    self.origin = origin
    self.device = device
    self.name = name
    self.version = version
  }

  /// Nil for a file that is no backup.
  static func load(from connection: SQLiteConnection) throws(StoreError) -> BackupNote? {
    let bytes: [UInt8]?
    do throws(SQLiteError) {
      bytes = try connection.queryBlob(
        "SELECT value FROM setting WHERE name = ?", .text(setting))
    } catch {
      throw StoreError(error)
    }
    return try bytes.map { (bytes) throws(StoreError) in try BackupNote(decoding: bytes) }
  }
}
