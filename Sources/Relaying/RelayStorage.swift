internal import ByteCoding
package import SQLiteBridge
internal import Sealing
internal import SegmentStore
package import Segments

/// Where a relay keeps its workspaces: one database each. A folder for a server; whatever a virtual
/// disk offers for the simulator.
package struct RelayStorage {
  /// "SKRY" and the relay's own number, as `application_id`.
  static let schema = SQLiteSchema(
    applicationID: 0x534B_5252, migrations: SegmentSchema.migrations, whole: SegmentSchema.whole)

  /// How the database of a workspace is opened. It must not make a file unless the access says so.
  package let options: (WorkspaceID, SQLiteOptions.Access) -> SQLiteOptions
  /// Whether there is a database for the workspace.
  package let contains: (WorkspaceID) -> Bool
  /// Every workspace that has one, sorted.
  package let workspaces: () throws(RelayError) -> [WorkspaceID]

  package init(
    options: @escaping (WorkspaceID, SQLiteOptions.Access) -> SQLiteOptions,
    contains: @escaping (WorkspaceID) -> Bool,
    workspaces: @escaping () throws(RelayError) -> [WorkspaceID]
  ) {
    self.options = options
    self.contains = contains
    self.workspaces = workspaces
  }

  package func open(
    _ workspace: WorkspaceID, _ access: SQLiteOptions.Access
  ) throws(RelayError) -> SQLiteConnection {
    do throws(SQLiteError) {
      return try SQLiteConnection(options(workspace, access), schema: RelayStorage.schema)
    } catch {
      throw RelayError(error, at: "workspace \(workspace.description)")
    }
  }
}
