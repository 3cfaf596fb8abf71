internal import CSQLite

/// SQLite copies the result before the call returns.
private let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

/// A function of one text, kept alive by the connection that it is registered with.
private final class TextFunction {
  let body: (String) -> String?

  init(_ body: @escaping (String) -> String?) { self.body = body }
}

extension SQLiteConnection {
  /// Lets statements call a function that makes one text of another, or null; of anything but a
  /// text it is null. It must be a pure function: views and indexes may use it.
  package func register(
    _ name: String, _ body: @escaping (String) -> String?
  ) throws(SQLiteError) {
    let handle = try liveHandle()
    let context = Unmanaged.passRetained(TextFunction(body)).toOpaque()
    let code = sqlite3_create_function_v2(
      handle, name, 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, context,
      { context, _, arguments in
        guard let user = sqlite3_user_data(context), let argument = arguments?[0],
          sqlite3_value_type(argument) == SQLITE_TEXT, let start = sqlite3_value_text(argument)
        else { return sqlite3_result_null(context) }
        let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_value_bytes(argument)))
        let function = Unmanaged<TextFunction>.fromOpaque(user).takeUnretainedValue()
        guard var text = function.body(String(decoding: bytes, as: UTF8.self)) else {
          return sqlite3_result_null(context)
        }
        text.withUTF8 { utf8 in
          utf8.withMemoryRebound(to: CChar.self) { characters in
            // Without an address the result would be null.
            guard let start = characters.baseAddress, !characters.isEmpty else {
              return sqlite3_result_text64(context, "", 0, copied, UInt8(SQLITE_UTF8))
            }
            sqlite3_result_text64(
              context, start, UInt64(characters.count), copied, UInt8(SQLITE_UTF8))
          }
        }
      }, nil, nil,
      { context in
        if let context { Unmanaged<TextFunction>.fromOpaque(context).release() }
      })
    guard code == SQLITE_OK else { throw failure(code, in: name) }
  }

  /// Checks that the library can search texts and read JSON: it can be built without either.
  ///
  /// - Throws: `.missingFeature`.
  package func requireQueryFeatures() throws(SQLiteError) {
    let modules = try queryInteger(
      "SELECT count(*) FROM pragma_module_list WHERE name IN ('fts5', 'json_tree')")
    guard modules == 2 else {
      throw SQLiteError(
        code: .missingFeature,
        message: "this SQLite (\(String(cString: sqlite3_libversion()))) was built without "
          + "full-text search (FTS5) or JSON")
    }
  }
}
