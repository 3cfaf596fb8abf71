import JSONCoding

/// What is checked before a value from outside is taken into a document.
enum EditLimits {
  /// Of how many names an editor puts marks on one character. What is made at once adds up.
  static let markNamesMax = 256

  static func check(_ key: String, at path: DocumentPath) throws(EditError) {
    guard key.utf8.count <= Key.byteCountMax else {
      throw EditError(
        .limitExceeded, at: path,
        "a key has at most \(Key.byteCountMax) bytes, this one has \(key.utf8.count)")
    }
  }

  /// Checks everything in `json`, which is to stand `depth` steps below the root.
  ///
  /// - Returns: how many events making it takes.
  static func check(
    _ json: JSONValue, at path: DocumentPath, depth: Int
  ) throws(EditError) -> Int {
    switch json {
    case .null, .bool, .integer, .string: return 1
    case .double(let number):
      guard number.isFinite else {
        throw EditError(
          .invalidValue, at: path, "'\(path)' cannot hold a number that is not finite")
      }
      return 1
    case .array(let elements):
      try check(depth, at: path)
      var size = 1
      for element in elements { size += try check(element, at: path, depth: depth + 1) }
      return size
    case .object(let object):
      try check(depth, at: path)
      var size = 1
      for member in object.members {
        try check(member.key, at: path)
        size += try check(member.value, at: path, depth: depth + 1)
      }
      return size
    }
  }

  /// Checks how many steps below the root a container is to stand.
  static func check(_ depth: Int, at path: DocumentPath) throws(EditError) {
    guard depth <= ContainerID.depthMax else {
      throw EditError(
        .limitExceeded, at: path,
        "'\(path)' would be nested more than \(ContainerID.depthMax) containers deep")
    }
  }
}

extension JSONValue {
  /// The container that holds what the value holds; nil for a plain value.
  var containerKind: ContainerKind? {
    switch self {
    case .object: .map
    case .array: .list
    default: nil
    }
  }
}

extension Value {
  /// Nil for objects and arrays, which are containers.
  init?(_ json: JSONValue) {
    switch json {
    case .null: self = .null
    case .bool(let flag): self = .bool(flag)
    case .integer(let number): self = .integer(number)
    case .double(let number): self = .double(number)
    case .string(let text): self = .string(text)
    case .array, .object: return nil
    }
  }
}
