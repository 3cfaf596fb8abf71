import Causality
import RunStructures

/// How a document came to be, as far as merging needs it: the graph of all its events and, for each
/// text and list, the log of its operations at the positions their authors meant.
///
/// Registers and counters need none of it beyond the question who had seen what. Built by appending
/// the edits of the document in the order in which they were applied.
package struct DocumentHistory: Sendable {
  package let document: DocumentID
  private(set) var graph = EventGraph()
  private var origins = Interner<Origin>()
  private var logIndex: [ContainerID: Int] = [:]
  private(set) var logs: [SequenceLog] = []
  package private(set) var changeCount = 0

  package init(document: DocumentID) {
    self.document = document
  }

  package var eventCount: Int { graph.count }

  /// What became of an edit that was appended.
  enum Appended {
    /// Its events, and the versions that its author had seen.
    case events(Range<Int>, parents: [Int])
    /// It was here already.
    case duplicate
    /// It names parents that are no changes of this document, or has no events: it belongs to
    /// nothing, here and on every other replica.
    case ignored
  }

  /// Appends the edits that are not here yet, parents before children.
  ///
  /// - Throws: ``MergeError`` when they are in no causal order.
  package mutating func append(
    contentsOf edits: some Sequence<IncomingEdit>
  ) throws(MergeError) {
    for edit in edits { _ = try append(edit.edit, of: edit.change) }
  }

  mutating func append(
    _ edit: DocumentEdit, of change: ChangeID
  ) throws(MergeError) -> Appended {
    let origin = origins.intern(change.origin)
    if graph.versions(origin: origin, sequence: change.sequence) != nil { return .duplicate }
    let eventCount = edit.eventCount
    guard eventCount > 0, let named = versions(of: edit.parents) else { return .ignored }
    let events: Range<Int>
    do {
      events = try graph.append(
        origin: origin, sequence: change.sequence, eventCount: eventCount, parents: named)
      try log(edit.operations, from: events.lowerBound)
    } catch {
      throw MergeError.damagedHistory("\(change) of document \(document): \(error)")
    }
    changeCount += 1
    return .events(events, parents: graph.dominators(of: named))
  }

  private func versions(of parents: [ChangeID]) -> [Int]? {
    var versions: [Int] = []
    for parent in parents {
      guard let origin = origins.index(of: parent.origin),
        let events = graph.versions(origin: origin, sequence: parent.sequence)
      else { return nil }
      versions.append(events.upperBound - 1)
    }
    return versions
  }

  /// Whether the history ends with exactly these changes.
  func isAt(_ changes: [ChangeID]) -> Bool {
    guard let versions = versions(of: changes) else { return false }
    return graph.dominators(of: versions) == graph.frontier
  }

  private mutating func log(_ operations: [Operation], from first: Int) throws {
    var version = first
    for operation in operations {
      let count = operation.eventCount
      defer { version += count }
      guard operation.isOfSequence else { continue }
      let index = self.index(of: operation.container)
      switch operation.action {
      case .insertText(let position, let text):
        _ = try logs[index].appendInsert(version: version, position: position, text: text)
      case .insertElements(let position, let elements):
        try logs[index].appendInsert(
          version: version, position: position, itemCount: elements.count)
      case .remove(let position, let count):
        try logs[index].appendDelete(version: version, position: position, count: count)
      default: break
      }
    }
  }

  private mutating func index(of container: ContainerID) -> Int {
    if let index = logIndex[container] { return index }
    logs.append(SequenceLog(container.kind == .text ? .text : .items))
    logIndex[container] = logs.count - 1
    return logs.count - 1
  }

  /// The log of a text or list that an operation of the history touched.
  func log(of container: ContainerID) -> SequenceLog? {
    logIndex[container].map { logs[$0] }
  }

  /// For each origin of the graph its place in the order of all of them.
  var ranks: [UInt32] {
    let ascending = (0..<origins.count).sorted { origins[$0] < origins[$1] }
    var ranks = [UInt32](repeating: 0, count: ascending.count)
    for (rank, index) in ascending.enumerated() { ranks[index] = UInt32(clamping: rank) }
    return ranks
  }

  /// Whether the event is in what `version` contains.
  func contains(_ event: EventID, in version: [Int]) -> Bool {
    guard let origin = origins.index(of: event.change.origin),
      let found = graph.version(
        origin: origin, sequence: event.change.sequence, index: Int(event.index))
    else { return false }
    return graph.contains(found, in: version)
  }
}
