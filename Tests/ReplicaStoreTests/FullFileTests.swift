import Causality
import Documents
import SQLiteBridge
import TestSupport
import Testing

@testable import ReplicaStore

@Suite("A file that cannot grow")
struct FullFileTests {
  /// Whichever statement of a group it is that finds no room, nothing of the group remains.
  @Test("ends the transaction at whatever statement meets it, and all goes on with room again")
  func everyPage() throws {
    var statements: Set<String> = []
    for spare in 0..<60 {
      let folder = TemporaryFolder()
      let workspace = try TestWorkspace(1, folder: folder)
      let store = workspace[0]
      let id = try workspace.edit(0) { try $0.createNote("first") }.value
      let pages = try #require(try store.connection.queryInteger("PRAGMA page_count"))
      // A statement of its own: the limit is this connection's.
      _ = try store.connection.queryInteger("PRAGMA max_page_count = \(pages + Int64(spare))")
      var acknowledged = 0
      var failure: SQLiteError?
      while failure == nil, acknowledged < 200 {
        let number = acknowledged + 1
        do {
          _ = try store.group(
            now: workspace.tick(), entropy: workspace.entropy, isSealing: number % 3 == 0
          ) { group in
            group.transaction { transaction in
              try transaction.createNote("note \(number)")
              try transaction.insert(
                String(repeating: "wave \(number) ", count: number % 5 * 200), of: id)
            }
          }.get()
          if number % 4 == 0 { _ = try store.seal(entropy: workspace.entropy) }
          acknowledged = number
        } catch let error as StoreError {
          guard case .database(let cause) = error else { throw error }
          failure = cause
        }
      }
      let cause = try #require(failure, "\(spare) pages were enough")
      #expect(cause.code == .diskFull || cause.code == .deadTransaction, "\(cause)")
      statements.insert(cause.statement ?? "")
      let shown = try store.documentCount() - 1
      // A commit stands when only the sealing behind it failed.
      #expect(shown == acknowledged || shown == acknowledged + 1, "\(spare)")
      _ = try store.connection.queryInteger("PRAGMA max_page_count = 1000000")
      try workspace.edit(0) { try $0.insert("there is room again ", of: id) }
      #expect(try store.body(id).hasPrefix("there is room again"))
      #expect(try store.check() == [], "\(spare)")
      store.close()
      let again = try ReplicaStore.open(store.options)
      #expect(try again.documentCount() - 1 == shown)
    }
    // It was met in several of them.
    #expect(statements.count >= 4, "\(statements)")
  }
}
