public import Causality
public import JSONCoding

/// Which of the values that people set at once a read returns.
///
/// A register keeps them all until somebody decides. The policy is the reader's: it is not stored,
/// every app may have its own, and the conflict is listed whatever a read returns. Each policy is a
/// function of what the register holds, so that readers with the same policy who have seen the same
/// changes read the same.
public enum RegisterPolicy: Sendable {
  /// The value with the highest stamp, (Lamport time, origin).
  case lastWriterWins
  /// The value of the origin that comes first in the list; where none of these has written one, the
  /// last writer's.
  case replicaPriority([Origin])
  /// All values in an array, ascending by stamp, each once: also when there is only one.
  case keepAll
  /// What a function makes of the values, which come in ascending order of their stamps; there is
  /// at least one. The result must depend on nothing else.
  case custom(@Sendable (_ values: [RegisterValue]) -> JSONValue)
}

/// A value that a register holds, by whom and when.
///
/// Wall clocks decide nothing, so that none is among what a policy knows.
public struct RegisterValue: Hashable, Sendable {
  /// The change that wrote it; its origin is the author.
  public let change: ChangeID
  /// A change that had seen another one has a higher one than that.
  public let lamport: UInt64
  /// Of a container what it holds now.
  public let value: JSONValue
}

/// The policies of the fields of a model. A field that is not named goes by `lastWriterWins`.
///
///     let policies: RegisterPolicies = [
///       "title": .replicaPriority([editor]),
///       "rooms/*/names": .keepAll,
///     ]
///
/// Fields are named by their path from the model on, as ``DocumentPath/init(text:)`` reads it, with
/// `*` for any key or index.
public struct RegisterPolicies: Sendable, ExpressibleByDictionaryLiteral {
  private var entries: [(path: [PathStep], policy: RegisterPolicy)]

  public init(dictionaryLiteral elements: (String, RegisterPolicy)...) {
    entries = elements.map { (DocumentPath(text: $0.0).steps, $0.1) }
  }

  var isEmpty: Bool { entries.isEmpty }

  /// The first one that names the field.
  func policy(at path: [PathStep]) -> RegisterPolicy? {
    entries.first { entry in
      entry.path.count == path.count
        && zip(entry.path, path).allSatisfy { $0 == .key("*") || $0.name == $1.name }
    }?.policy
  }
}

extension PathStep {
  /// By its bytes, as keys are told apart in a document.
  fileprivate var name: Key {
    switch self {
    case .key(let key): Key(key)
    case .index(let index): Key(String(index))
    }
  }
}
