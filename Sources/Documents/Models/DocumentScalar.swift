import ByteCoding

/// A type whose values stand in a document as one value: a register holds it whole, and of two that
/// were written at once a plain read shows one.
///
/// Numbers, `Bool`, `String`, ``Timestamp`` and `[UInt8]` are such, and with the module `Skerry`
/// Foundation's `Date`, `Data` and `URL`. Let a type of your own conform, beside `Codable`, when it
/// is to be read and written as one.
public protocol DocumentScalar {
  /// Nil when what a document holds is nothing like it, or does not fit.
  init?(documentValue: Value)
  /// Nil when no value of a document can stand for it.
  var documentValue: Value? { get }
}

extension Bool: DocumentScalar {
  public init?(documentValue: Value) {
    guard case .bool(let flag) = documentValue else { return nil }
    self = flag
  }

  public var documentValue: Value? { .bool(self) }
}

extension String: DocumentScalar {
  public init?(documentValue: Value) {
    guard case .string(let text) = documentValue else { return nil }
    self = text
  }

  public var documentValue: Value? { .string(self) }
}

/// JSON has no type for moments, so that one may have been written as text (RFC 3339).
extension Timestamp: DocumentScalar {
  public init?(documentValue: Value) {
    switch documentValue {
    case .timestamp(let moment): self = moment
    case .string(let text): self.init(text: text)
    default: return nil
    }
  }

  public var documentValue: Value? { .timestamp(self) }
}

/// JSON has no type for bytes, so that they may have been written as text (base64url).
extension Array: DocumentScalar where Element == UInt8 {
  public init?(documentValue: Value) {
    switch documentValue {
    case .bytes(let bytes): self = bytes
    case .string(let text):
      guard let bytes = try? Base64URL.decode(text) else { return nil }
      self = bytes
    default: return nil
    }
  }

  public var documentValue: Value? { .bytes(self) }
}

// MARK: Numbers

/// A document's whole numbers have 64 bits and a sign; of other types that is written which fits.
extension FixedWidthInteger {
  fileprivate init?(exactly value: Value) {
    switch value {
    case .integer(let number): self.init(exactly: number)
    // JSON makes little of the difference between 1 and 1.0.
    case .double(let number): self.init(exactly: number)
    default: return nil
    }
  }

  fileprivate var exactValue: Value? { Int64(exactly: self).map { .integer($0) } }
}

extension Int: DocumentScalar {
  public init?(documentValue: Value) { self.init(exactly: documentValue) }
  public var documentValue: Value? { exactValue }
}

extension Int8: DocumentScalar {
  public init?(documentValue: Value) { self.init(exactly: documentValue) }
  public var documentValue: Value? { exactValue }
}

extension Int16: DocumentScalar {
  public init?(documentValue: Value) { self.init(exactly: documentValue) }
  public var documentValue: Value? { exactValue }
}

extension Int32: DocumentScalar {
  public init?(documentValue: Value) { self.init(exactly: documentValue) }
  public var documentValue: Value? { exactValue }
}

extension Int64: DocumentScalar {
  public init?(documentValue: Value) { self.init(exactly: documentValue) }
  public var documentValue: Value? { exactValue }
}

extension UInt: DocumentScalar {
  public init?(documentValue: Value) { self.init(exactly: documentValue) }
  public var documentValue: Value? { exactValue }
}

extension UInt8: DocumentScalar {
  public init?(documentValue: Value) { self.init(exactly: documentValue) }
  public var documentValue: Value? { exactValue }
}

extension UInt16: DocumentScalar {
  public init?(documentValue: Value) { self.init(exactly: documentValue) }
  public var documentValue: Value? { exactValue }
}

extension UInt32: DocumentScalar {
  public init?(documentValue: Value) { self.init(exactly: documentValue) }
  public var documentValue: Value? { exactValue }
}

extension UInt64: DocumentScalar {
  public init?(documentValue: Value) { self.init(exactly: documentValue) }
  public var documentValue: Value? { exactValue }
}

extension Double: DocumentScalar {
  public init?(documentValue: Value) {
    switch documentValue {
    case .double(let number): self = number
    case .integer(let number): self.init(exactly: number)
    default: return nil
    }
  }

  public var documentValue: Value? { isFinite ? .double(self) : nil }
}

/// A double is rounded to what a `Float` can hold, and refused when it is too large.
extension Float: DocumentScalar {
  public init?(documentValue: Value) {
    guard let number = Double(documentValue: documentValue) else { return nil }
    self.init(number)
    guard isFinite else { return nil }
  }

  public var documentValue: Value? { isFinite ? .double(Double(self)) : nil }
}
