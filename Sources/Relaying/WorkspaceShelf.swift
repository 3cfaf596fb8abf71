internal import SQLiteBridge
internal import Segments

/// The workspaces that are open at present, of all that are stored.
///
/// A database is opened when a link needs it and closed when it has been unused for longest and
/// another needs the room. Sessions remember what their peers have, so a link does not notice.
struct WorkspaceShelf {
  private let storage: RelayStorage
  private let openMax: Int
  private let workspacesMax: Int
  /// The one used last stands last.
  private var open: [RelayWorkspace] = []
  /// Workspaces stored, open or not.
  private(set) var count: Int

  init(_ storage: RelayStorage, openMax: Int, workspacesMax: Int) throws(RelayError) {
    self.storage = storage
    self.openMax = max(openMax, 1)
    self.workspacesMax = workspacesMax
    count = try storage.workspaces().count
  }

  var openCount: Int { open.count }

  /// The workspace, if it is stored here. Complexity: O(open workspaces) when it is open.
  mutating func find(_ id: WorkspaceID) throws(RelayError) -> RelayWorkspace? {
    if let index = open.lastIndex(where: { $0.id == id }) {
      let workspace = open[index]
      if index != open.count - 1 {
        open.remove(at: index)
        open.append(workspace)
      }
      return workspace
    }
    guard storage.contains(id) else { return nil }
    return try place(id, .write)
  }

  /// Makes the database of a workspace that has none; nil when there is no room for another.
  mutating func make(_ id: WorkspaceID) throws(RelayError) -> RelayWorkspace? {
    guard count < workspacesMax else { return nil }
    let workspace = try place(id, .create)
    count += 1
    return workspace
  }

  /// Closes those that were used longest ago. One with staged segments stays until they are stored.
  mutating func trim() {
    while open.count > openMax, let index = open.dropLast().firstIndex(where: { !$0.hasStaged }) {
      open.remove(at: index).close()
    }
  }

  /// Forgets what a failed commit has left behind.
  mutating func drop(_ id: WorkspaceID) {
    guard let index = open.firstIndex(where: { $0.id == id }) else { return }
    open.remove(at: index).close()
  }

  mutating func closeAll() {
    for workspace in open { workspace.close() }
    open = []
  }

  private mutating func place(
    _ id: WorkspaceID, _ access: SQLiteOptions.Access
  ) throws(RelayError) -> RelayWorkspace {
    let workspace = try RelayWorkspace(id, try storage.open(id, access))
    open.append(workspace)
    trim()
    return workspace
  }
}
