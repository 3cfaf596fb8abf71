import ByteCoding
import Causality

extension Document {
  /// The document that a history leads to, which keeps the history.
  ///
  /// Each text and list is replayed once; where nothing was concurrent its operations pass straight
  /// through. Complexity: O(runs log runs) and the replay of what was concurrent.
  ///
  /// - Throws: ``MergeError`` when the history does not fit itself.
  package convenience init(history: DocumentHistory) throws(MergeError) {
    self.init(id: history.document)
    var lamports = LamportCursor(history)
    try absorb(history, since: DocumentHistory.Mark()) { lamports.lamport(of: $0) }
    keep(history)
  }
}

/// Finds the Lamport times of ascending events.
private struct LamportCursor {
  private let graph: EventGraph
  private var reader: StepColumnReader
  private var run = 0
  /// The first event of the change at hand, and its Lamport time.
  private var version = 0
  private var lamport: Int64

  init(_ history: DocumentHistory) {
    graph = history.graph
    reader = history.makeTimeReaders().lamports
    lamport = (try? reader.next("lamport")) ?? 0
  }

  /// Complexity: O(changes in between).
  mutating func lamport(of wanted: Int) -> UInt64 {
    while run < graph.identityRunCount {
      let identity = graph.identityRun(at: run)
      let end = identity.stepsSequence ? version + 1 : identity.versions.upperBound
      if wanted < end { break }
      version = end
      if end == identity.versions.upperBound { run += 1 }
      lamport = (try? reader.next("lamport")) ?? 0
    }
    return UInt64(bitPattern: lamport)
  }
}
