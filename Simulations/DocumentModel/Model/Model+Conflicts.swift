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
    shownContainers(in: version).flatMap { container, path in
      registers(of: container, in: version).compactMap { step, entries in
        guard Set(entries.map(\.content)).count > 1 else { return nil }
        return Model.Conflict(path: path.appending(step), writes: entries.map(\.event))
      }
    }
  }

  /// The texts that a plain read shows, and where they are.
  func shownTexts(in version: ModelVersion) -> [(container: ContainerID, path: DocumentPath)] {
    shownContainers(in: version).filter { $0.container.kind == .text }
  }

  /// The root and all that a plain read shows in it, and where that is.
  func shownContainers(
    in version: ModelVersion
  ) -> [(container: ContainerID, path: DocumentPath)] {
    shown(.root, at: DocumentPath(), depth: 0, in: version)
  }

  private func registers(
    of container: ContainerID, in version: ModelVersion
  ) -> [(step: PathStep, entries: [Entry])] {
    switch container.kind {
    case .map: members(of: container, in: version).map { (.key($0.key.text), $0.entries) }
    case .list: elements(of: container, in: version).enumerated().map { (.index($0), $1) }
    case .tree, .text, .counter: []
    }
  }

  /// A container and all that a plain read shows in it.
  private func shown(
    _ container: ContainerID, at path: DocumentPath, depth: Int, in version: ModelVersion
  ) -> [(container: ContainerID, path: DocumentPath)] {
    var found = [(container, path)]
    guard depth < ContainerID.depthMax else { return found }
    if container.kind == .tree {
      for (node, path) in trees[container]?.paths(at: path, in: version) ?? [] {
        found += shown(
          .element(node, .map), at: path.appending("value"), depth: depth + 1, in: version)
      }
    }
    for (step, entries) in registers(of: container, in: version) {
      guard case .container(let child) = entries.last?.content else { continue }
      found += shown(child, at: path.appending(step), depth: depth + 1, in: version)
    }
    return found
  }
}
