/// Why a model could not be read from a document or written into it: what is wrong, and where.
///
/// A write that is refused has changed nothing. Two errors are equal when code and path are.
public struct ModelError: Error, Sendable, CustomStringConvertible {
  public enum Code: Sendable {
    /// The type needs something where the document has nothing, or null.
    case missing
    /// The document holds something of another kind.
    case wrongType
    /// A number or a moment that does not fit.
    case outOfRange
    /// Something that the type refuses, such as a case that an enum does not have.
    case invalid
    /// A key too long, a nesting too deep.
    case limitExceeded
    /// A type that cannot be written so that what several people write merges.
    case notSupported
  }

  public var code: Code
  /// From the root of the document.
  public var path: DocumentPath
  /// One sentence without its full stop.
  public var description: String

  public init(_ code: Code, at path: DocumentPath, _ description: String) {
    self.code = code
    self.path = path
    self.description = description
  }
}

extension ModelError: Equatable {
  public static func == (left: ModelError, right: ModelError) -> Bool {
    left.code == right.code && left.path == right.path
  }
}

extension ModelError {
  /// - Parameter prefix: where the model stands in the document.
  init(_ error: DecodingError, reading model: Any.Type, at prefix: DocumentPath) {
    let code: Code
    let context: DecodingError.Context
    var path = prefix.steps
    switch error {
    case .keyNotFound(let key, let found):
      (code, context) = (.missing, found)
      path += PathStep.steps(found.codingPath) + PathStep.steps([key])
    case .valueNotFound(_, let found):
      (code, context) = (.missing, found)
      path += PathStep.steps(found.codingPath)
    case .typeMismatch(_, let found):
      (code, context) = (.wrongType, found)
      path += PathStep.steps(found.codingPath)
    case .dataCorrupted(let found):
      (code, context) = (ModelError.code(found.underlyingError) ?? .invalid, found)
      path += PathStep.steps(found.codingPath)
    @unknown default:
      self.init(.invalid, at: prefix, "'\(prefix)' cannot be read as \(model): \(error)")
      return
    }
    let place = DocumentPath(path)
    self.init(
      code, at: place,
      "no \(model) can be read, because of what is at '\(place)': \(context.debugDescription)")
  }

  init(_ error: EncodingError, writing model: Any.Type, at prefix: DocumentPath) {
    guard case .invalidValue(_, let context) = error else {
      self.init(.invalid, at: prefix, "\(model) cannot be written at '\(prefix)': \(error)")
      return
    }
    let place = DocumentPath(prefix.steps + PathStep.steps(context.codingPath))
    self.init(
      ModelError.code(context.underlyingError) ?? .invalid, at: place,
      "the \(model) cannot be written, because of '\(place)': \(context.debugDescription)")
  }

  private static func code(_ error: (any Error)?) -> Code? {
    (error as? ModelRefusal).map { refusal in
      switch refusal {
      case .outOfRange: .outOfRange
      case .limitExceeded: .limitExceeded
      case .notSupported: .notSupported
      }
    }
  }
}

/// What coders say beside the sentence.
enum ModelRefusal: Error {
  case outOfRange
  case limitExceeded
  case notSupported
}

/// A step to an element of a list.
struct ModelIndex: CodingKey {
  let index: Int

  init(_ index: Int) { self.index = index }
  init?(stringValue: String) { return nil }
  init?(intValue: Int) { index = intValue }

  var stringValue: String { String(index) }
  var intValue: Int? { index }
}

/// A step to a member that no type names: that of a superclass.
struct ModelKey: CodingKey {
  let stringValue: String

  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { return nil }

  var intValue: Int? { nil }

  static let superclass = ModelKey(stringValue: "super")
}

extension PathStep {
  static func steps(_ path: [any CodingKey]) -> [PathStep] {
    path.map { key in (key as? ModelIndex).map { .index($0.index) } ?? .key(key.stringValue) }
  }
}
