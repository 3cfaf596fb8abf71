internal import ReplicaStore
internal import SQLiteBridge
private import Segments

extension ReplicaError {
  /// Runs `body` and says in this module's words why it failed.
  static func translating<Value>(_ body: () throws -> Value) throws(ReplicaError) -> Value {
    do {
      return try body()
    } catch {
      throw ReplicaError(error)
    }
  }

  init(_ error: any Error) {
    switch error {
    case let error as ReplicaError: self = error
    case let error as StoreError: self.init(store: error)
    case let error as InvitationError: self.init(.invitation, Sentence.of(error.description))
    case let error as EditError: self.init(.refused, Sentence.of(error.description))
    case is CancellationError: self.init(.closed, "The work was cancelled.")
    default: self.init(.io, Sentence.of("\(error)"))
    }
  }

  private init(store error: StoreError) {
    let code: Code
    switch error {
    case .exists: code = .exists
    case .missing: code = .missing
    case .notAStore: code = .notAStore
    case .tooNew: code = .tooNew
    case .damaged: code = .damaged
    case .readOnly: code = .io
    case .notPermitted, .membership, .segment: code = .notPermitted
    case .noDocument, .folded, .refused, .isBackup, .tooLarge: code = .refused
    case .database: code = error.isAboutTheFile ? .damaged : .io
    }
    self.init(code, Sentence.of(error.description))
  }
}

enum Sentence {
  /// Begins with a capital letter, unless it begins with an address, and ends with a full stop.
  static func of(_ text: String) -> String {
    guard let first = text.first, let last = text.last else { return text }
    // Some places are written as "tcp 127.0.0.1:7000".
    let isPlace = ["tcp ", "ws ", "wss "].contains { text.hasPrefix($0) }
    let isWord = !isPlace && text.prefix { $0 != " " }.allSatisfy { $0.isLetter || $0 == "," }
    let end = ".!?".contains(last) ? "" : "."
    return (isWord ? first.uppercased() : String(first)) + text.dropFirst() + end
  }
}

extension SQLiteOptions {
  static func store(at path: String, _ access: Access) -> SQLiteOptions {
    SQLiteOptions(location: .file(path), access: access, busyTimeoutMilliseconds: 10_000)
  }
}

extension StoreGroup {
  func commit<Value: Sendable>(
    _ body: (inout Transaction) throws -> Value
  ) -> Result<Commit<Value>, any Error> {
    transaction { store in
      var transaction = Transaction(store)
      return try body(&transaction)
    }.map { commit in
      Commit(
        value: commit.value, change: commit.change, version: commit.version,
        documents: commit.documents)
    }.mapError { error in
      error is StoreError || error is EditError ? ReplicaError(error) : error
    }
  }
}

extension Document {
  func value(at path: [PathStep]) throws(ReplicaError) -> JSONValue {
    try ReplicaError.translating { try json(at: DocumentPath(path)) }
  }

  func string(at path: [PathStep]) throws(ReplicaError) -> String {
    try ReplicaError.translating { try text(at: DocumentPath(path)) }
  }
}

extension ReplicaError {
  static func noDocument(_ id: DocumentID) -> ReplicaError {
    ReplicaError(.refused, "There is no document \(id).")
  }

  static func deleted(_ id: DocumentID) -> ReplicaError {
    ReplicaError(.refused, "The document \(id) is deleted.")
  }
}
