/// Why a text is not JSON: a reason in words and the place.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  public var reason: String
  /// Bytes from the start of the text.
  public var offset: Int

  public init(_ reason: String, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  public var description: String { "not valid JSON: \(reason) (byte \(offset))" }
}
