/// A text that people write at once: in a document it is a text, and what they typed is merged
/// letter by letter, where of two plain strings one would win.
///
///     struct Note: Codable {
///       var title = ""
///       @CollaborativeText var body = ""
///     }
///
/// Writing a model finds out what was changed in the text and inserts and removes only that. A text
/// that nobody has made yet reads as empty. With any other coder it is a plain string.
@propertyWrapper
public struct CollaborativeText: Hashable, Sendable {
  public var wrappedValue: String

  public init(wrappedValue: String) {
    self.wrappedValue = wrappedValue
  }

  public init(_ text: String = "") {
    wrappedValue = text
  }
}

extension CollaborativeText: Codable {
  public init(from decoder: any Decoder) throws {
    wrappedValue = try decoder.singleValueContainer().decode(String.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(wrappedValue)
  }
}

extension CollaborativeText: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { self.init(value) }
}

extension CollaborativeText: CustomStringConvertible {
  public var description: String { wrappedValue }
}
