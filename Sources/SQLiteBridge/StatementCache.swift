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
///
/// They lie in buckets by the length of the text: constant texts are the same storage, so that
/// finding one compares two addresses, where a dictionary would hash the whole text each time.
struct StatementCache {
  static let countMax = 256
  private static let bucketCount = 128

  private var buckets: [[PreparedStatement]] = Array(repeating: [], count: bucketCount)
  private var requests: UInt64 = 0
  private(set) var count = 0

  private static func bucket(of sql: String) -> Int { sql.utf8.count % bucketCount }

  /// A statement that nobody is using.
  mutating func idle(_ sql: String) -> PreparedStatement? {
    for found in buckets[Self.bucket(of: sql)] where found.sql == sql {
      guard !found.isInUse else { return nil }
      requests &+= 1
      found.lastUse = requests
      return found
    }
    return nil
  }

  /// Keeps a new statement, unless one with that text is kept already.
  mutating func insert(_ statement: PreparedStatement) {
    let bucket = Self.bucket(of: statement.sql)
    guard !buckets[bucket].contains(where: { $0.sql == statement.sql }) else { return }
    if count >= Self.countMax {
      let oldest = buckets.joined().filter { !$0.isInUse }.min { $0.lastUse < $1.lastUse }
      guard let oldest else { return }
      buckets[Self.bucket(of: oldest.sql)].removeAll { $0 === oldest }
      count -= 1
    }
    requests &+= 1
    statement.lastUse = requests
    buckets[bucket].append(statement)
    count += 1
  }

  mutating func removeAll() { self = StatementCache() }
}
