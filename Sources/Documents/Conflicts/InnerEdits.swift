import Causality

/// Who edited what is in a container, at any depth. Found out when it is first asked for.
final class InnerEdits {
  private let history: DocumentHistory
  private let writes: [ConflictFinder.Place: [ConflictFinder.Write]]

  init(_ finder: ConflictFinder) {
    history = finder.history
    writes = finder.writes
  }

  /// The list or tree, and the element or node, that a container stands or stood for.
  private(set) lazy var homes: [ContainerID: (outer: ContainerID, element: EventID)] = {
    var homes: [ContainerID: (outer: ContainerID, element: EventID)] = [:]
    for (place, group) in writes {
      guard let element = place.element else { continue }
      for case .container(let child)? in group.map(\.content) {
        homes[child] = (place.container, element)
      }
    }
    for other in history.others {
      guard case .createNode = other.operation.action else { continue }
      let event = history.event(at: other.version)
      homes[.element(event, .map)] = (other.operation.container, event)
    }
    for sequence in history.sequences where sequence.container.kind == .list {
      for index in 0..<sequence.log.runCount {
        let run = sequence.log[index]
        guard run.kind == .insert else { continue }
        for offset in 0..<run.count {
          guard case .container(let kind) = sequence.elements[run.content + offset] else {
            continue
          }
          let event = history.event(at: run.version + offset)
          homes[.element(event, kind)] = (sequence.container, event)
        }
      }
    }
    return homes
  }()

  /// The containers that stand or stood in each list or tree, and what they were the content of.
  private(set) lazy var contents: [ContainerID: [(container: ContainerID, element: EventID)]] = {
    var contents: [ContainerID: [(container: ContainerID, element: EventID)]] = [:]
    for (container, home) in homes {
      contents[home.outer, default: []].append((container, home.element))
    }
    return contents
  }()

  /// The elements of each list that were set after they had been inserted.
  private(set) lazy var elementsSet: [ContainerID: [EventID]] = {
    var elements: [ContainerID: [EventID]] = [:]
    for place in writes.keys {
      if let element = place.element { elements[place.container, default: []].append(element) }
    }
    return elements
  }()

  /// Which events edited each container or one in it.
  private lazy var edits: [ContainerID: [Range<Int>]] = {
    var edits: [ContainerID: [Range<Int>]] = [:]
    for other in history.others {
      edits[other.operation.container, default: []].append(other.version..<other.version + 1)
    }
    for sequence in history.sequences {
      for index in 0..<sequence.log.runCount {
        let run = sequence.log[index]
        edits[sequence.container, default: []].append(run.version..<run.version + run.count)
      }
    }
    var inside: [ContainerID: [Range<Int>]] = [:]
    for (container, ranges) in edits {
      for outer in containers(around: container) { inside[outer, default: []] += ranges }
    }
    return inside
  }()

  /// The last events of the changes that edited a container or one in it; ascending.
  func changes(inside container: ContainerID) -> [Int] {
    var found: Set<Int> = []
    for range in edits[container] ?? [] {
      var next = range.lowerBound
      while next < range.upperBound {
        let end = history.graph.changeEnd(at: next)
        found.insert(min(end, range.upperBound) - 1)
        next = end
      }
    }
    return found.sorted()
  }

  /// A container and those that it is in.
  private func containers(around inner: ContainerID) -> [ContainerID] {
    var found: [ContainerID] = []
    var next: ContainerID? = inner
    // A list may stand in itself only in names that no editor makes.
    while let here = next, found.count <= 4 * ContainerID.depthMax {
      found.append(here)
      switch here {
      case .root: next = nil
      case .child(let parent, _, _, _): next = parent
      case .element: next = homes[here]?.outer
      }
    }
    return found
  }
}
