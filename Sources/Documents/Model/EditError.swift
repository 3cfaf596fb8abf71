/// Why an edit or a read was refused: what is wrong, where, and what to do.
///
/// An operation that is refused has changed nothing. Two errors are equal when their codes are.
public struct EditError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: Sendable {
    /// The path leads nowhere.
    case nothingThere
    /// The place holds something else than the operation works on.
    case wrongKind
    /// An index or a position beyond the end.
    case outOfRange
    /// A value that a document cannot hold.
    case invalidValue
    /// A key too long, a nesting too deep, too many events in one transaction.
    case limitExceeded
    /// A node of a tree would stand under itself.
    case cycle
    /// Something that a later release does.
    case notSupported
    /// An operation that cannot be understood.
    case malformed
  }

  public var code: Code
  public var path: DocumentPath?
  /// One sentence without its full stop.
  public var message: String

  public init(_ code: Code, at path: DocumentPath? = nil, _ message: String) {
    self.code = code
    self.path = path
    self.message = message
  }

  public static func == (left: EditError, right: EditError) -> Bool {
    left.code == right.code
  }

  public var description: String { message }
}
