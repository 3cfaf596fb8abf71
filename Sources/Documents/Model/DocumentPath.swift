public import JSONCoding

/// One step into a document.
public enum PathStep: Hashable, Sendable {
  case key(String)
  case index(Int)
}

/// A place in a document: the steps from its root. A key of decimal digits that meets a list is an
/// index, so that a path can be written as text.
public struct DocumentPath: Hashable, Sendable {
  public var steps: [PathStep]

  public init(_ steps: [PathStep] = []) {
    self.steps = steps
  }

  /// Keys and indices joined by `/`, where `~1` in a key stands for `/` and `~0` for `~` (RFC
  /// 6901). The empty text is the root.
  public init(text: String) {
    guard !text.isEmpty else {
      self.init([])
      return
    }
    let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    self.init(parts.map { .key(DocumentPath.unescape($0)) })
  }

  /// An array of strings and whole numbers.
  public init(json: JSONValue) throws(EditError) {
    guard let array = json.arrayValue else {
      throw EditError(.malformed, "a path is an array of keys and indices, as in [\"items\", 0]")
    }
    steps = []
    for step in array {
      switch step {
      case .string(let key): steps.append(.key(key))
      case .integer(let index) where index >= 0: steps.append(.index(Int(index)))
      default:
        throw EditError(
          .malformed, "a step of a path is a string or a whole number from 0, not \(step)")
      }
    }
  }

  public func appending(_ step: PathStep) -> DocumentPath {
    DocumentPath(steps + [step])
  }

  private static func unescape(_ part: Substring.UTF8View) -> String {
    var bytes: [UInt8] = []
    var isEscaped = false
    for byte in part {
      switch (isEscaped, byte) {
      case (true, UInt8(ascii: "0")): bytes.append(UInt8(ascii: "~"))
      case (true, UInt8(ascii: "1")): bytes.append(UInt8(ascii: "/"))
      case (true, _): bytes.append(contentsOf: [UInt8(ascii: "~"), byte])
      case (false, UInt8(ascii: "~")):
        isEscaped = true
        continue
      case (false, _): bytes.append(byte)
      }
      isEscaped = false
    }
    if isEscaped { bytes.append(UInt8(ascii: "~")) }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension DocumentPath: CustomStringConvertible {
  /// As ``init(text:)`` reads it.
  public var description: String {
    steps.map { step in
      switch step {
      case .index(let index): return String(index)
      case .key(let key):
        var bytes: [UInt8] = []
        for byte in key.utf8 {
          switch byte {
          case UInt8(ascii: "~"): bytes.append(contentsOf: "~0".utf8)
          case UInt8(ascii: "/"): bytes.append(contentsOf: "~1".utf8)
          default: bytes.append(byte)
          }
        }
        return String(decoding: bytes, as: UTF8.self)
      }
    }.joined(separator: "/")
  }
}

extension DocumentPath: ExpressibleByArrayLiteral {
  public init(arrayLiteral elements: PathStep...) { self.init(elements) }
}

extension PathStep: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  public init(stringLiteral value: String) { self = .key(value) }
  public init(integerLiteral value: Int) { self = .index(value) }
}
