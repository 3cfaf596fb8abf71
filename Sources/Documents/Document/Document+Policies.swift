import Causality
package import JSONCoding

extension Document {
  /// What a policy picks from a register.
  enum PolicyResult {
    case content(Register.Content)
    case made(JSONValue)
  }

  /// What stands at `path` for a reader with the policy. Above it the last writers' values lead
  /// there.
  ///
  /// - Throws: ``EditError`` when nothing is at the path, or the path is empty.
  package func json(
    at path: DocumentPath, policy: RegisterPolicy
  ) throws(EditError) -> JSONValue {
    switch pick(from: try register(at: path), policy) {
    case .content(.value(let value)): value.json
    case .content(.container(let handle)): json(of: handle, depth: 0)
    case .made(let json): json
    }
  }

  /// A register that holds something.
  func register(at path: DocumentPath) throws(EditError) -> Register {
    guard let last = path.steps.last else {
      throw EditError(.wrongKind, at: path, "the document itself is not a register")
    }
    let above = DocumentPath(Array(path.steps.dropLast()))
    guard let (parent, step) = try holder(at: above, last, at: path),
      let register = try register(in: parent, step, at: path), !register.isEmpty
    else { throw EditError(.nothingThere, at: path, "there is nothing at '\(path)'") }
    return register
  }

  func pick(from register: Register, _ policy: RegisterPolicy) -> PolicyResult {
    let winner = PolicyResult.content(register.winner?.content ?? .value(.null))
    switch policy {
    case .lastWriterWins: return winner
    case .replicaPriority(let origins):
      for origin in origins {
        let own = register.entries.last { $0.event.change.origin == origin }
        if let own { return .content(own.content) }
      }
      return winner
    case .keepAll:
      var contents: [Register.Content] = []
      for entry in register.entries where !contents.contains(entry.content) {
        contents.append(entry.content)
      }
      return .made(.array(contents.map { json(of: $0) }))
    case .custom(let merge):
      return .made(
        merge(
          register.entries.map { entry in
            RegisterValue(
              change: entry.event.change, lamport: entry.lamport, value: json(of: entry.content))
          }))
    }
  }

  private func json(of content: Register.Content) -> JSONValue {
    switch content {
    case .value(let value): value.json
    case .container(let handle): json(of: handle, depth: 0)
    }
  }
}
