import Causality

/// What was ever done to one text or list of a document.
package struct SequenceHistory: Sendable {
  package let container: ContainerID
  package private(set) var log: SequenceLog
  /// Lists: what was inserted, by ordinal.
  package private(set) var elements: ContiguousArray<Operation.Element> = []

  /// - Precondition: `container` is a text or a list.
  init(_ container: ContainerID) {
    self.container = container
    log = SequenceLog(container.kind == .text ? .text : .items)
  }

  /// Appends an operation of a text or of the order of a list.
  mutating func append(_ action: Operation.Action, version: Int) throws(SequenceError) {
    switch action {
    case .insertText(let position, let text):
      try log.appendInsert(version: version, position: position, text: text)
    case .insertElements(let position, let elements):
      try log.appendInsert(version: version, position: position, itemCount: elements.count)
      self.elements.append(contentsOf: elements)
    case .remove(let position, let count):
      try log.appendDelete(version: version, position: position, count: count)
    default: break
    }
  }

  mutating func appendInsert(
    version: Int, position: Int, valid utf8: UnsafeBufferPointer<UInt8>, count: Int
  ) throws(SequenceError) {
    try log.appendInsert(version: version, position: position, valid: utf8, count: count)
  }

  mutating func appendDelete(
    version: Int, position: Int, count: Int, isBackward: Bool
  ) throws(SequenceError) {
    try log.appendDelete(
      version: version, position: position, count: count, backward: isBackward)
  }

  /// Appends runs of a text; their content is numbered anew.
  ///
  /// - Parameter utf8: valid, as many scalars as the runs insert, one after the other.
  mutating func append(
    _ runs: ContiguousArray<SequenceRun>, utf8: UnsafeBufferPointer<UInt8>, isASCII: Bool
  ) throws(SequenceError) {
    try log.append(runs, utf8: utf8, isASCII: isASCII)
  }

  /// Appends runs of a list.
  ///
  /// - Parameter elements: as many as the runs insert, one after the other.
  mutating func append(
    _ runs: ContiguousArray<SequenceRun>, _ elements: [Operation.Element]
  ) throws(SequenceError) {
    try log.append(itemRuns: runs)
    self.elements.append(contentsOf: elements)
  }

  mutating func note(_ twins: [SequenceTwins]) { log.note(twins) }

  /// The operations that the events `versions` are in this text or list, in order; a run that
  /// reaches beyond is cut. Complexity: O(log runs) and the result.
  func operations(in versions: Range<Int>) -> [(version: Int, operation: Operation)] {
    var operations: [(Int, Operation)] = []
    for index in log.runs(in: versions) {
      let run = log[index].slice(versions)
      let action: Operation.Action =
        switch (run.kind, log.content) {
        case (.insert, .text):
          .insertText(
            at: run.position, log.text(ofContent: run.content..<run.content + run.count))
        case (.insert, .items):
          .insertElements(
            at: run.position, Array(elements[run.content..<run.content + run.count]))
        case (.deleteForward, _), (.deleteBackward, _):
          .remove(at: run.lowestPosition, count: run.count)
        }
      operations.append((run.version, Operation(container, action)))
    }
    return operations
  }
}
