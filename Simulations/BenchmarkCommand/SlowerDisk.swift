import CSQLite
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Makes each sync of a file that SQLite opens take at least so long, so that what is measured on
/// one disk can be told for another: the engine and what it is held against wait alike, and what
/// either computes is not touched.
///
/// It wraps the file system that is SQLite's default one. Only for a program that measures, which
/// calls it once, before it opens anything.
enum SlowerDisk {
  nonisolated(unsafe) private static var syncTime = Duration.zero
  nonisolated(unsafe) private static var original: UnsafeMutablePointer<sqlite3_vfs>?
  /// Tables that stand in for others, by the address of those. Never freed, as files point to them.
  private static let tables = Mutex<[UInt: UInt]>([:])

  /// What a file calls: SQLite's part first, as C asks for.
  private struct Methods {
    var base: sqlite3_io_methods
    let original: UnsafePointer<sqlite3_io_methods>
  }

  static func begin(syncTime time: Duration) {
    guard original == nil, let found = sqlite3_vfs_find(nil) else { return }
    (original, syncTime) = (found, time)
    let wrapper = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    wrapper.initialize(to: found.pointee)
    wrapper.pointee.pNext = nil
    wrapper.pointee.zName = name
    wrapper.pointee.xOpen = { _, path, file, flags, outFlags in
      guard let original = SlowerDisk.original, let open = original.pointee.xOpen, let file else {
        return SQLITE_CANTOPEN
      }
      let code = open(original, path, file, flags, outFlags)
      if let methods = file.pointee.pMethods {
        file.pointee.pMethods = SlowerDisk.slower(methods)
      }
      return code
    }
    sqlite3_vfs_register(wrapper, 1)
  }

  private static func slower(
    _ methods: UnsafePointer<sqlite3_io_methods>
  ) -> UnsafePointer<sqlite3_io_methods>? {
    let address = tables.withLock { tables in
      let key = UInt(bitPattern: methods)
      if let known = tables[key] { return known }
      let table = UnsafeMutablePointer<Methods>.allocate(capacity: 1)
      table.initialize(to: Methods(base: methods.pointee, original: methods))
      table.pointee.base.xSync = { file, flags in SlowerDisk.sync(file, flags) }
      tables[key] = UInt(bitPattern: table)
      return UInt(bitPattern: table)
    }
    return UnsafePointer(bitPattern: address)
  }

  private static func sync(_ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32) -> Int32 {
    guard let file, let methods = file.pointee.pMethods else { return SQLITE_IOERR }
    let began = ContinuousClock.now
    let original = UnsafeRawPointer(methods).assumingMemoryBound(to: Methods.self).pointee.original
    let code = original.pointee.xSync?(file, flags) ?? SQLITE_IOERR
    let rest = syncTime - (ContinuousClock.now - began)
    if rest > .zero { usleep(UInt32(rest / .microseconds(1))) }
    return code
  }

  nonisolated(unsafe) private static let name: UnsafePointer<CChar> = {
    let bytes = Array("slower".utf8CString)
    let name = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    name.initialize(from: bytes, count: bytes.count)
    return UnsafePointer(name)
  }()
}
