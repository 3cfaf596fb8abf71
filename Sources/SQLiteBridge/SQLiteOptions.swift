/// How a database is opened. Every connection uses WAL with full synchronisation; that is no
/// option.
package struct SQLiteOptions: Sendable, Equatable {
  package enum Location: Sendable, Equatable {
    case file(String)
    /// A private database that ends with its connection.
    case memory
  }

  package enum Access: Sendable, Equatable {
    /// Reads and writes, and makes the file when there is none.
    case create
    /// Reads and writes a file that exists.
    case write
    /// Reads a file that exists, and writes nothing.
    case read
  }

  package var location: Location
  package var access: Access
  /// The name of a registered SQLite VFS; the default one when nil.
  package var vfs: String?
  /// How long a statement waits for another connection's lock.
  package var busyTimeoutMilliseconds: Int32
  /// The WAL is copied back into the file when it has this many pages; 0 leaves that to the caller.
  package var walAutocheckpointPages: Int32
  /// The page cache of the connection, in KiB.
  package var cacheKibibytes: Int32
  /// Locks the file for this connection alone. The WAL index then lives in memory, so the VFS
  /// needs no shared memory.
  package var isExclusive: Bool

  package init(
    location: Location, access: Access = .create, vfs: String? = nil,
    busyTimeoutMilliseconds: Int32 = 5_000, walAutocheckpointPages: Int32 = 1_000,
    cacheKibibytes: Int32 = 4_096, isExclusive: Bool = false
  ) {
    self.location = location
    self.access = access
    self.vfs = vfs
    self.busyTimeoutMilliseconds = busyTimeoutMilliseconds
    self.walAutocheckpointPages = walAutocheckpointPages
    self.cacheKibibytes = cacheKibibytes
    self.isExclusive = isExclusive
  }
}
