import ByteCoding
public import JSONCoding

/// What a register or a list element holds when it is not a container.
///
/// Two values are equal when their bytes are: "é" in one scalar and in two are different strings,
/// and 0.0 is not -0.0. Doubles are finite.
public enum Value: Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case double(Double)
  case string(String)
  case bytes([UInt8])
  case timestamp(Timestamp)
}

extension Value: Hashable {
  public static func == (left: Value, right: Value) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let left), .bool(let right)): left == right
    case (.integer(let left), .integer(let right)): left == right
    case (.double(let left), .double(let right)): left.bitPattern == right.bitPattern
    case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
    case (.bytes(let left), .bytes(let right)): left == right
    case (.timestamp(let left), .timestamp(let right)): left == right
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0)
    case .bool(let flag): hasher.combine(flag)
    case .integer(let number): hasher.combine(number)
    case .double(let number): hasher.combine(number.bitPattern)
    case .string(let text): for byte in text.utf8 { hasher.combine(byte) }
    case .bytes(let bytes): hasher.combine(bytes)
    case .timestamp(let moment): hasher.combine(moment)
    }
  }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral
{
  public init(stringLiteral text: String) { self = .string(text) }
  public init(booleanLiteral flag: Bool) { self = .bool(flag) }
  public init(integerLiteral number: Int64) { self = .integer(number) }
  public init(floatLiteral number: Double) { self = .double(number) }
}

extension Value {
  /// The value as a reader of JSON sees it: bytes as base64url, a timestamp in RFC 3339.
  public var json: JSONValue {
    switch self {
    case .null: .null
    case .bool(let flag): .bool(flag)
    case .integer(let number): .integer(number)
    case .double(let number): .double(number)
    case .string(let text): .string(text)
    case .bytes(let bytes): .string(Base64URL.encode(bytes))
    case .timestamp(let moment): .string(moment.text)
    }
  }

  /// The value apart from all others: what JSON has no type for stands in an object of one member.
  var canonicalJSON: JSONValue {
    switch self {
    // Whole numbers beyond 2^53 would be written as strings and could be taken for one.
    case .integer(let number) where number.magnitude > 1 << 53:
      ["integer": .string(String(number))]
    case .bytes(let bytes): ["bytes": .string(Base64URL.encode(bytes))]
    case .timestamp(let moment): ["timestamp": .string(moment.text)]
    default: json
    }
  }

  /// About how many bytes it takes.
  var approximateBytes: Int {
    switch self {
    case .string(let text): 16 + text.utf8.count
    case .bytes(let bytes): 16 + bytes.count
    default: 16
    }
  }
}
