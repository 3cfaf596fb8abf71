private import ReplicaStore
private import SQLiteBridge

/// Copies a store's write-ahead log back into its file beside the work, on a connection and a
/// thread of its own: a commit that did it would take ten times as long as others, and what waits
/// behind it, too.
actor Checkpointer {
  nonisolated let executor: QueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let path: String
  private var connection: SQLiteConnection?

  /// From so many pages on the log is worth it.
  static let pagesMin = 500
  /// With so many the commit does it after all. While one commit follows the other the log is never
  /// copied to its end, which is when it begins anew; what is left to that commit is little then.
  static let pagesMax = 4_000

  init(path: String) {
    self.path = path
    executor = QueueExecutor(label: "checkpoints of \(path)")
  }

  /// Copies what others leave it. What fails is left to the commit that comes to ``pagesMax``.
  func run() {
    do throws(SQLiteError) {
      if connection == nil { connection = try SQLiteConnection(.store(at: path, .write)) }
      _ = try connection?.checkpoint(.passive)
    } catch {
      close()
    }
  }

  func close() {
    connection?.close()
    connection = nil
  }
}

extension ReplicaCore {
  /// Sees to it that the log is copied when it has become long.
  func checkpointSoon() {
    guard let pages = state?.store.logPages, !isCheckpointing else { return }
    if pages < copiedPages { copiedPages = 0 }
    guard pages - copiedPages >= Checkpointer.pagesMin else { return }
    copiedPages = pages
    isCheckpointing = true
    let checkpointer = checkpointer
    Task { [weak self] in
      await checkpointer.run()
      await self?.checkpointed()
    }
  }

  private func checkpointed() { isCheckpointing = false }
}
