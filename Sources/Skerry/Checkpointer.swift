private import ReplicaStore
private import SQLiteBridge
internal import Synchronization

/// Copies a store's write-ahead log back into its file beside the work, on a connection and a
/// thread of its own: a commit that did it would take ten times as long as others, and what waits
/// behind it, too.
actor Checkpointer {
  nonisolated let executor: QueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let path: String
  private var connection: SQLiteConnection?
  private var isClosed = false

  /// From so many pages on the log is worth it.
  static let pagesMin = 500
  /// With so many the commit does it after all. While one commit follows the other the log is never
  /// copied to its end, which is when it begins anew; what is left to that commit is little then.
  static let pagesMax = 4_000
  /// With so many more it is seen that readers follow one another so closely that the log cannot
  /// begin anew: that needs a moment without any. A read that goes on for long prevents it.
  static let starvedPages = 16_000

  init(path: String) {
    self.path = path
    executor = QueueExecutor(label: "checkpoints of \(path)")
  }

  /// Copies what others leave it. What fails is left to the commit that comes to ``pagesMax``.
  func run() {
    guard !isClosed else { return }
    do throws(SQLiteError) {
      if connection == nil { connection = try SQLiteConnection(.store(at: path, .write)) }
      _ = try connection?.checkpoint(.passive)
    } catch {
      end()
    }
  }

  /// The file is not opened again.
  func close() {
    isClosed = true
    end()
  }

  private func end() {
    connection?.close()
    connection = nil
  }
}

extension ReplicaCore {
  /// Sees to it that the log is copied when it has become long.
  func checkpointSoon() {
    guard let pages = state?.store.logPages else { return }
    logLength.note(pages)
    guard !isCheckpointing else { return }
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

  /// Copies the log to its end, while no commit makes it longer: whoever reads from then on does
  /// without the log, and the next commit begins it anew.
  ///
  /// - Returns: whether that was done.
  func copyWholeLog(if isQuiet: () -> Bool) -> Bool {
    // SQLite lets only one copy at a time.
    guard let store = state?.store, !isCheckpointing, isQuiet() else { return false }
    do throws(StoreError) { return try store.copyLog() } catch { return false }
  }
}

/// How long the log is, for those who read without asking the writer.
final class LogLength: Sendable {
  /// From how many pages on it is too long.
  let pagesMax = Atomic(Checkpointer.starvedPages)
  private let pages = Atomic(0)
  /// How long it was when it was last found too long.
  private let complained = Atomic(0)

  func note(_ pages: Int) {
    if pages < self.pages.load(ordering: .relaxed) { complained.store(0, ordering: .relaxed) }
    self.pages.store(pages, ordering: .relaxed)
  }

  /// Whether it has become too long since this was last true.
  func isTooLong() -> Bool {
    let pages = pages.load(ordering: .relaxed)
    let complained = complained.load(ordering: .relaxed)
    guard pages >= complained + pagesMax.load(ordering: .relaxed) else { return false }
    return self.complained.compareExchange(
      expected: complained, desired: pages, ordering: .relaxed
    ).exchanged
  }

  /// Nothing could be done about it: it is tried again when the log is somewhat longer.
  func tryAgain() {
    let pages = pages.load(ordering: .relaxed)
    complained.store(pages - pagesMax.load(ordering: .relaxed) * 15 / 16, ordering: .relaxed)
  }
}
