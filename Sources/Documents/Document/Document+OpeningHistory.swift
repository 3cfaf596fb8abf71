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
    do {
      if let base = history.base {
        try self.init(id: history.document, state: base.state)
      } else {
        self.init(id: history.document)
      }
    } catch {
      throw .damagedHistory("the beginning of document \(history.document): \(error)")
    }
    var lamports = LamportCursor(history)
    try absorb(history, since: history.start) { lamports.lamport(of: $0) }
    keep(history)
  }
}

/// Finds the Lamport times of events; it goes back to the start for one before the last.
private struct LamportCursor {
  private let history: DocumentHistory
  private var reader: StepColumnReader
  private var run = 0
  /// The first event of the change at hand, and its Lamport time.
  private var version = 0
  private var lamport: Int64 = 0

  init(_ history: DocumentHistory) {
    self.history = history
    reader = history.makeTimeReaders().lamports
    next()
  }

  private mutating func next() {
    // The column is our own and has a number for each change.
    lamport = (try? reader.next("lamport")) ?? 0
  }

  /// Complexity: O(changes in between).
  mutating func lamport(of wanted: Int) -> UInt64 {
    if wanted < version { self = LamportCursor(history) }
    while run < history.graph.identityRunCount {
      let identity = history.graph.identityRun(at: run)
      let end = identity.stepsSequence ? version + 1 : identity.versions.upperBound
      if wanted < end { break }
      version = end
      if end == identity.versions.upperBound { run += 1 }
      next()
    }
    return UInt64(bitPattern: lamport)
  }
}
