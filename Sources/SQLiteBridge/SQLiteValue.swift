/// A value that is bound to a parameter of a statement.
package enum SQLiteValue: Sendable, Equatable {
  case null
  case integer(Int64)
  case real(Double)
  case text(String)
  case blob([UInt8])

  package init(_ value: Int) { self = .integer(Int64(value)) }
  package init(_ value: Int64) { self = .integer(value) }
  package init(_ value: String) { self = .text(value) }
  package init(_ value: [UInt8]) { self = .blob(value) }

  /// A counter. SQLite's integers are signed, so the upper half of the range cannot be stored.
  ///
  /// - Throws: `.tooBig` above `Int64.max`.
  package init(counter value: UInt64) throws(SQLiteError) {
    guard let signed = Int64(exactly: value) else {
      throw SQLiteError(code: .tooBig, message: "\(value) is too large to be stored")
    }
    self = .integer(signed)
  }

  /// A counter used as a bound in a comparison: values that cannot be stored compare like the
  /// largest that can.
  package init(clampedCounter value: UInt64) {
    self = .integer(Int64(clamping: value))
  }

  package init(_ value: String?) { self = value.map { .text($0) } ?? .null }
  package init(_ value: [UInt8]?) { self = value.map { .blob($0) } ?? .null }
  package init(_ value: Int64?) { self = value.map { .integer($0) } ?? .null }
}

extension SQLiteValue: ExpressibleByIntegerLiteral {
  package init(integerLiteral value: Int64) { self = .integer(value) }
}

extension SQLiteValue: ExpressibleByStringLiteral {
  package init(stringLiteral value: String) { self = .text(value) }
}

extension SQLiteValue: ExpressibleByNilLiteral {
  package init(nilLiteral: ()) { self = .null }
}
