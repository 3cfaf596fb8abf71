import ByteCoding
package import Causality
import Documents
import SQLiteBridge
package import Sealing
package import Segments

/// Who a replica is: its workspace and key, its device, and the origin under which it writes.
package struct StoreIdentity: Sendable {
  package let workspace: WorkspaceID
  package let keyEpoch: UInt32
  package let key: WorkspaceKey
  package let device: DeviceKeys
  package internal(set) var origin: Origin
  package let name: String
  /// The invitation with which a joiner came; it is kept after the admission.
  package let invitation: Invitation?
  /// The hash of the record with which a joiner asks to be admitted.
  package let request: Digest?
}

extension StoreIdentity {
  func insert(into connection: SQLiteConnection, now: Timestamp) throws(SQLiteError) {
    try connection.execute(
      "INSERT INTO identity VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      .blob(workspace.array), .integer(Int64(keyEpoch)), .blob(key.encoded().array),
      .blob(device.encoded().array), .blob(origin.bytes), .text(name),
      SQLiteValue(invitation?.code), SQLiteValue(request?.array), .integer(now.milliseconds),
      .integer(checksum))
  }

  /// Writes the origin, under which the store goes on.
  func updateOrigin(in connection: SQLiteConnection) throws(SQLiteError) {
    try connection.execute(
      "UPDATE identity SET origin = ?, checksum = ?", .blob(origin.bytes), .integer(checksum))
  }

  /// Writes the checksum into a file that has none.
  static func addChecksum(to connection: SQLiteConnection) throws(SQLiteError) {
    try connection.execute("ALTER TABLE identity ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0")
    let checksum = try connection.first("SELECT \(columns) FROM identity") {
      (row) throws(SQLiteError) in try Self.checksum(row)
    }
    guard let checksum else { return }
    try connection.execute("UPDATE identity SET checksum = ?", .integer(checksum))
  }

  private static let columns =
    "workspace, key_epoch, workspace_key, device_keys, origin, name, invitation, request"

  private var checksum: Int64 {
    Self.checksum(
      [
        workspace.array, key.encoded().array, device.encoded().array, origin.bytes,
        Array(name.utf8), (invitation?.code).map { Array($0.utf8) } ?? [], request?.array ?? [],
      ], keyEpoch: Int64(keyEpoch))
  }

  private static func checksum(_ row: borrowing SQLiteRows) throws(SQLiteError) -> Int64 {
    let (name, code) = (try row.text(5), try row.optionalText(6))
    let request = try row.optionalBlob(7)
    return checksum(
      [
        try row.blob(0), try row.blob(2), try row.blob(3), try row.blob(4), Array(name.utf8),
        code.map { Array($0.utf8) } ?? [], request ?? [],
      ], keyEpoch: try row.integer(1))
  }

  private static func checksum(_ fields: [[UInt8]], keyEpoch: Int64) -> Int64 {
    var writer = ByteWriter()
    writer.write(fixed: UInt64(bitPattern: keyEpoch))
    for field in fields { writer.write(lengthPrefixed: field) }
    return Int64(CRC32C.checksum(writer.bytes))
  }

  /// Nil when the making of the file was never finished.
  static func load(from connection: SQLiteConnection) throws(StoreError) -> StoreIdentity? {
    try connection.first(
      "SELECT \(columns), checksum FROM identity"
    ) { (row) throws(StoreError) in try StoreIdentity(row) }
  }

  private init(_ row: borrowing SQLiteRows) throws(StoreError) {
    do {
      guard try row.integer(8) == Self.checksum(row) else {
        throw StoreError.damaged("the identity does not match its checksum")
      }
      let epoch = UInt32(exactly: try row.integer(1))
      guard let workspace = WorkspaceID(try row.blob(0, count: 32)), let epoch, epoch > 0,
        let origin = Origin(bytes: try row.blob(4, count: 16))
      else { throw StoreError.damaged("the identity is unreadable") }
      self.workspace = workspace
      keyEpoch = epoch
      key = try WorkspaceKey(decoding: try row.blob(2))
      device = try DeviceKeys(decoding: try row.blob(3))
      self.origin = origin
      name = try row.text(5)
      invitation = try row.optionalText(6).map { try Invitation(code: $0) }
      request = try row.optionalBlob(7).flatMap { Digest($0) }
    } catch let error as StoreError {
      throw error
    } catch let error as SQLiteError {
      throw StoreError(error)
    } catch {
      throw .damaged("the identity is unreadable (\(error))")
    }
  }
}
