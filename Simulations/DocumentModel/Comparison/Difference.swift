package import Causality
package import Documents
package import JSONCoding

/// The first place at which an engine shows something else than the ``Model``.
package struct Difference: Hashable, Sendable, CustomStringConvertible {
  package var document: DocumentID
  /// Keys and indices from the top of the JSON compared.
  package var path: DocumentPath
  /// What the model shows there, and what was found; nil: nothing.
  package var expected: JSONValue?
  package var found: JSONValue?

  package var description: String {
    "document \(document) at '\(path)': expected \(Self.text(expected)), found \(Self.text(found))"
  }

  private static func text(_ json: JSONValue?) -> String {
    json?.text() ?? "nothing"
  }

  /// Compares two values member by member. Strings and keys are the same when their bytes are, keys
  /// in the same order.
  ///
  /// - Returns: nil when they are the same.
  package static func first(
    in document: DocumentID, expected: JSONValue?, found: JSONValue?
  ) -> Difference? {
    // Mostly there is none, and nobody needs a path.
    if let expected, let found, areSame(expected, found) { return nil }
    return first(in: document, at: DocumentPath(), expected, found)
  }

  /// What finding no difference means, without keeping account of where it looks.
  private static func areSame(_ expected: JSONValue, _ found: JSONValue) -> Bool {
    switch (expected, found) {
    case (.array(let left), .array(let right)):
      return left.count == right.count
        && left.indices.allSatisfy { areSame(left[$0], right[$0]) }
    case (.object(let left), .object(let right)):
      let (left, right) = (left.members, right.members)
      return left.count == right.count
        && left.indices.allSatisfy {
          areSame(left[$0].key, right[$0].key) && areSame(left[$0].value, right[$0].value)
        }
    case (.string(let left), .string(let right)): return areSame(left, right)
    case (.double(let left), .double(let right)): return left.bitPattern == right.bitPattern
    case (.integer(let left), .integer(let right)): return left == right
    case (.bool(let left), .bool(let right)): return left == right
    case (.null, .null): return true
    default: return false
    }
  }

  private static func areSame(_ left: String, _ right: String) -> Bool {
    var (left, right) = (left, right)
    return left.withUTF8 { left in
      right.withUTF8 { right in areSame(UnsafeRawBufferPointer(left), .init(right)) }
    }
  }

  private static func areSame(
    _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
  ) -> Bool {
    guard left.count == right.count else { return false }
    var offset = 0
    while offset + 8 <= left.count {
      guard
        left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
          == right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      else { return false }
      offset += 8
    }
    return (offset..<left.count).allSatisfy { left[$0] == right[$0] }
  }

  private static func first(
    in document: DocumentID, at path: DocumentPath, _ expected: JSONValue?, _ found: JSONValue?
  ) -> Difference? {
    switch (expected, found) {
    case (.array(let left), .array(let right)):
      for index in 0..<max(left.count, right.count) {
        let difference = first(
          in: document, at: path.appending(.index(index)),
          index < left.count ? left[index] : .none, index < right.count ? right[index] : .none)
        if let difference { return difference }
      }
      return nil
    case (.object(let left), .object(let right)):
      for (mine, theirs) in zip(left.members, right.members)
      where mine.key.utf8.elementsEqual(theirs.key.utf8) {
        let difference = first(
          in: document, at: path.appending(.key(mine.key)), mine.value, theirs.value)
        if let difference { return difference }
      }
      guard let key = firstDifference(left.members.map(\.key), right.members.map(\.key)) else {
        return nil
      }
      return Difference(
        document: document, path: path.appending(.key(key)), expected: member(key, of: left),
        found: member(key, of: right))
    case (.string(let left), .string(let right)) where left.utf8.elementsEqual(right.utf8):
      return nil
    case (.string, .string): break
    case (.double(let left), .double(let right)) where left.bitPattern == right.bitPattern:
      return nil
    case (.double, .double): break
    case (let left, let right) where left == right: return nil
    default: break
    }
    return Difference(document: document, path: path, expected: expected, found: found)
  }

  private static func member(_ key: String, of object: JSONObject) -> JSONValue? {
    object.members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }

  /// The first key that does not stand at the same place on both sides.
  private static func firstDifference(_ left: [String], _ right: [String]) -> String? {
    for index in 0..<max(left.count, right.count) {
      guard index < left.count else { return right[index] }
      guard index < right.count else { return left[index] }
      if !left[index].utf8.elementsEqual(right[index].utf8) { return left[index] }
    }
    return nil
  }
}

extension Model {
  /// Holds a document of the engine against what the changes make of it.
  ///
  /// - Parameter seen: what the replica has seen that the document belongs to; nil for everything.
  /// - Returns: nil when they are the same, to the last entry that a register keeps.
  package func difference(
    from document: Document, seeing seen: VersionVector? = nil
  ) -> Difference? {
    expectation(of: document.id, seeing: seen).difference(from: document)
  }

  /// All that a document of the engine is held against, for many of the same document.
  package func expectation(
    of document: DocumentID, seeing seen: VersionVector? = nil
  ) -> Expectation {
    Expectation(
      canonical: canonicalJSON(of: document, seeing: seen), json: json(of: document, seeing: seen))
  }

  /// What a reader of a document has to find.
  package struct Expectation: Sendable {
    let canonical: JSONValue?
    let json: JSONValue?

    /// - Returns: nil when the document is like that, to the last entry that a register keeps.
    package func difference(from document: Document) -> Difference? {
      // A nil literal would be the JSON value null.
      let found: JSONValue? = document.isEmpty ? .none : .some(document.canonicalJSON())
      return Difference.first(in: document.id, expected: canonical, found: found)
        ?? plainDifference(from: document)
    }

    /// The plain read has rules of its own: winners, numbers that stop at the ends of 64 bits.
    private func plainDifference(from document: Document) -> Difference? {
      guard !document.isEmpty, !document.isDeleted else { return nil }
      return Difference.first(in: document.id, expected: json, found: try? document.json())
    }
  }
}
