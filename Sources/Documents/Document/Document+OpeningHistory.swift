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
    for event in history.graph.frontier {
      frontier.append(
        FrontierEntry(change: history.event(at: event).change, endsInDelete: false))
    }
    frontier.sort { $0.change < $1.change }
    let ranks = history.ranks
    for sequence in history.sequences {
      try replay(sequence, history, ranks)
    }
    performOthers(of: history)
    keep(history)
  }

  private func replay(
    _ sequence: SequenceHistory, _ history: DocumentHistory, _ ranks: [UInt32]
  ) throws(MergeError) {
    let handle = materialise(sequence.container)
    let slot = slot(of: handle)
    do {
      let merge = try SequenceWalker.merge(
        graph: history.graph, log: sequence.log, ranks: ranks, from: [],
        to: history.graph.frontier, length: 0, isSound: true)
      if merge.ineffectiveEventCount > 0 { containers[handle.index].isFlawed = true }
      if sequence.log.content == .text {
        try texts[slot].apply(merge.patches, from: sequence.log)
        approximateBytes += texts[slot].utf8Count
      } else {
        let insertions = insertions(of: sequence, history)
        for patch in merge.patches { apply(patch, insertions, toListAt: slot) }
      }
    } catch {
      throw .damagedHistory("\(sequence.container) of document \(id): \(error)")
    }
  }

  /// What was ever put into a list, by ascending version.
  private func insertions(
    of sequence: SequenceHistory, _ history: DocumentHistory
  ) -> [ListInsertion] {
    var lamports = history.makeLamportCursor()
    var insertions: [ListInsertion] = []
    for index in 0..<sequence.log.runCount {
      let run = sequence.log[index]
      guard run.kind == .insert else { continue }
      for offset in 0..<run.count {
        let version = run.version + offset
        insertions.append(
          ListInsertion(
            version: version,
            elements: registers(
              for: [sequence.elements[run.content + offset]], from: history.event(at: version),
              lamport: lamports.lamport(of: version))))
      }
    }
    return insertions
  }

  private func performOthers(of history: DocumentHistory) {
    let isLinear = history.graph.runCount <= 1
    for other in history.others {
      let event = history.event(at: other.version)
      let past: CausalPast =
        isLinear
        ? .everything
        : .version(history.graph.parents(of: other.version - Int(event.index)), of: history)
      performRegister(
        other.operation, on: materialise(other.operation.container), at: event,
        lamport: other.lamport, past: past)
      guard other.operation.isDeleteDocument else { continue }
      for index in frontier.indices where frontier[index].change == event.change {
        frontier[index].endsInDelete = history.isLast(other.version, of: event)
      }
    }
  }
}

extension DocumentHistory {
  /// Whether the event is the last one of its change.
  fileprivate func isLast(_ version: Int, of event: EventID) -> Bool {
    let run = graph.identityRun(at: graph.identityIndex(containing: version))
    return run.stepsSequence || version == run.versions.upperBound - 1
  }

  func makeLamportCursor() -> LamportCursor { LamportCursor(self) }
}

/// Finds the Lamport times of ascending events.
struct LamportCursor {
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
