/// Why bytes could not be read: what was expected, where, and what was found instead.
///
/// Two errors are equal when their codes are equal; the offset and the field are for people.
public struct ByteDecodingError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: Sendable {
    /// The bytes end before the value does.
    case truncated
    /// A second encoding of a value that has a shorter or different canonical one.
    case notCanonical
    /// A value outside what the field allows.
    case invalidValue
    /// A length or count above the named limit.
    case limitExceeded
    /// Text that is not well-formed UTF-8.
    case invalidUTF8
    /// Bytes after the end of the value.
    case trailingBytes
    /// A checksum that does not match its bytes.
    case checksumMismatch
    /// A format version that this build does not know.
    case unsupportedVersion
  }

  public var code: Code
  /// What was being read, in words: `"segment header"`, `"change count"`.
  public var field: String
  /// Bytes from the start of the buffer that was being read.
  public var offset: Int

  public init(_ code: Code, _ field: String, at offset: Int = 0) {
    self.code = code
    self.field = field
    self.offset = offset
  }

  public static func == (left: ByteDecodingError, right: ByteDecodingError) -> Bool {
    left.code == right.code
  }

  public var description: String {
    let reason =
      switch code {
      case .truncated: "ends too early"
      case .notCanonical: "is not in canonical form"
      case .invalidValue: "has a value that is not allowed"
      case .limitExceeded: "is larger than the limit"
      case .invalidUTF8: "is not well-formed UTF-8"
      case .trailingBytes: "is followed by bytes that do not belong to it"
      case .checksumMismatch: "does not match its checksum"
      case .unsupportedVersion: "has a version that this program does not know"
      }
    return "\(field) \(reason) (byte \(offset))"
  }
}
