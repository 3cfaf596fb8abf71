internal import CSQLite

/// A compiled statement.
final class PreparedStatement {
  let handle: OpaquePointer
  let sql: String
  let parameterCount: Int
  /// Whether rows of it are being read just now.
  var isInUse = false
  /// When it was last asked for, in requests to the cache.
  var lastUse: UInt64 = 0

  init(handle: OpaquePointer, sql: String) {
    self.handle = handle
    self.sql = sql
    self.parameterCount = Int(sqlite3_bind_parameter_count(handle))
  }

  deinit {
    sqlite3_finalize(handle)
  }

  /// Makes it ready for the next use, and lets go of what was bound.
  func finish() {
    sqlite3_reset(handle)
    sqlite3_clear_bindings(handle)
    isInUse = false
  }
}

/// The compiled statements of a connection by their text, bounded by number.
struct StatementCache {
  static let countMax = 256

  private var bySQL: [String: PreparedStatement] = [:]
  private var requests: UInt64 = 0

  /// A statement that nobody is using.
  mutating func idle(_ sql: String) -> PreparedStatement? {
    guard let found = bySQL[sql], !found.isInUse else { return nil }
    requests &+= 1
    found.lastUse = requests
    return found
  }

  /// Keeps a new statement, unless one with that text is kept already.
  mutating func insert(_ statement: PreparedStatement) {
    guard bySQL[statement.sql] == nil else { return }
    if bySQL.count >= Self.countMax {
      let oldest = bySQL.values.filter { !$0.isInUse }.min { $0.lastUse < $1.lastUse }
      guard let oldest else { return }
      bySQL[oldest.sql] = nil
    }
    requests &+= 1
    statement.lastUse = requests
    bySQL[statement.sql] = statement
  }

  mutating func removeAll() {
    bySQL.removeAll()
  }

  var count: Int { bySQL.count }
}
