package import Causality
package import Documents

extension Model {
  /// A register that holds more than one thing.
  package struct Conflict: Hashable, Sendable {
    package var path: DocumentPath
    /// The writes that nothing replaced, the winner last.
    package var writes: [EventID]
  }

  /// The conflicts of a document that a path can name: those in what a plain read shows.
  package func conflicts(of document: DocumentID) -> [Conflict] {
    read(document, nil) { $0.conflicts(in: $1) } ?? []
  }
}

extension ModelDocument {
  func conflicts(in version: ModelVersion) -> [Model.Conflict] {
    conflicts(of: .root, at: DocumentPath(), depth: 0, in: version)
  }

  private func conflicts(
    of container: ContainerID, at path: DocumentPath, depth: Int, in version: ModelVersion
  ) -> [Model.Conflict] {
    guard depth < ContainerID.depthMax else { return [] }
    let registers: [(step: PathStep, entries: [Entry])]
    switch container.kind {
    case .map:
      registers = members(of: container, in: version).map { (.key($0.key.text), $0.entries) }
    case .list:
      registers = elements(of: container, in: version).enumerated().map { (.index($0), $1) }
    case .tree:
      return (trees[container]?.paths(at: path, in: version) ?? []).flatMap { node, path in
        conflicts(
          of: .element(node, .map), at: path.appending("value"), depth: depth + 1, in: version)
      }
    case .text, .counter: return []
    }
    return registers.flatMap { step, entries -> [Model.Conflict] in
      let here = path.appending(step)
      var found: [Model.Conflict] = []
      if Set(entries.map(\.content)).count > 1 {
        found.append(Model.Conflict(path: here, writes: entries.map(\.event)))
      }
      if case .container(let child) = entries.last?.content {
        found += conflicts(of: child, at: here, depth: depth + 1, in: version)
      }
      return found
    }
  }
}
