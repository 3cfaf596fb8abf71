/// A number to which people add at once: in a document it is a counter, and what they added is all
/// in it, where of two plain numbers one would win.
///
///     struct Poll: Codable {
///       var question = ""
///       @Counter var votes = 0
///     }
///
/// Writing a model adds the difference to what it was. A counter that nobody has touched yet reads
/// as 0. With any other coder it is a plain number.
@propertyWrapper
public struct Counter: Hashable, Sendable {
  public var wrappedValue: Int

  public init(wrappedValue: Int) {
    self.wrappedValue = wrappedValue
  }

  public init(_ count: Int = 0) {
    wrappedValue = count
  }
}

extension Counter: Codable {
  public init(from decoder: any Decoder) throws {
    wrappedValue = try decoder.singleValueContainer().decode(Int.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(wrappedValue)
  }
}

extension Counter: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: Int) { self.init(value) }
}

extension Counter: CustomStringConvertible {
  public var description: String { String(wrappedValue) }
}
