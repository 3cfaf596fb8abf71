internal import CSQLite

/// A file that SQLite has open: what lies in it, whatever SQLite makes of that.
struct OpenFile {
  private let file: UnsafeMutablePointer<sqlite3_file>
  private let methods: sqlite3_io_methods

  /// Nil when it is not open.
  init?(_ file: UnsafeMutablePointer<sqlite3_file>) {
    guard let methods = file.pointee.pMethods?.pointee else { return nil }
    (self.file, self.methods) = (file, methods)
  }

  func size() -> (code: Int32, bytes: Int64) {
    var size: Int64 = 0
    let code = methods.xFileSize?(file, &size) ?? SQLITE_IOERR
    return (code, size)
  }

  /// Nil when they cannot be read, or the file ends before.
  func read(_ count: Int, at offset: Int64) -> [UInt8]? {
    guard let xRead = methods.xRead else { return nil }
    var bytes = [UInt8](repeating: 0, count: count)
    let code = bytes.withUnsafeMutableBytes {
      xRead(file, $0.baseAddress, Int32(clamping: $0.count), offset)
    }
    return code == SQLITE_OK ? bytes : nil
  }

  func write(_ bytes: [UInt8], at offset: Int64) -> Int32 {
    guard let xWrite = methods.xWrite else { return SQLITE_IOERR }
    return bytes.withUnsafeBytes {
      xWrite(file, $0.baseAddress, Int32(clamping: $0.count), offset)
    }
  }

  func truncate(to size: Int64) -> Int32 { methods.xTruncate?(file, size) ?? SQLITE_IOERR }
}
