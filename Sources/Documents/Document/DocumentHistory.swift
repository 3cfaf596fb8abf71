package import ByteCoding
package import Causality
package import RunStructures

/// Everything that was ever done to one document, in columns: the graph of its events, for each
/// text and list the log of its operations at the positions their authors meant, and all other
/// operations one by one.
///
/// It is complete: ``edits()`` gives every edit back, with operations of one edit that continue
/// each other joined. Typing a word is one run in every column. Built by appending edits in the
/// order in which they were applied, or runs of them from bytes.
package struct DocumentHistory: Sendable {
  package let document: DocumentID
  /// What it begins with, when what was before is folded.
  package internal(set) var base: HistoryBase?
  package private(set) var graph = EventGraph()
  private(set) var origins = Interner<Origin>()
  /// The texts and lists that an operation touched.
  package private(set) var sequences: ContiguousArray<SequenceHistory> = []
  private var sequenceIndexes: [ContainerID: Int] = [:]
  /// The operations that are none of a text or of the order of a list, ascending by version.
  package private(set) var others: ContiguousArray<OtherOperation> = []
  /// The decisions about each set of events, and the last one: its change by the first event, and
  /// its place among those of the change. See ``note(decision:version:)``.
  var decisions: [[EventID]: Decisions] = [:]
  var lastDecision: (change: Int, version: Int, number: Int)?
  /// The marks of each text, ascending by version.
  private var marks: [ContainerID: [MarkOperation]] = [:]
  /// Lamport and wall-clock times of the changes, in the order of the graph.
  private var lamports = StepColumn()
  private var times = StepColumn()

  /// The origin appended last: mostly the next one too.
  private var recentOrigin: (origin: Origin, index: Int)?
  /// The change appended last, which the next one mostly has as its parent, and its last event.
  private var recentChange: (change: ChangeID, version: Int)?
  /// The text or list asked for last.
  private var recentSequence = 0

  package init(document: DocumentID) {
    self.document = document
  }

  package var eventCount: Int { graph.count }
  /// About how many bytes it takes. Complexity: O(texts and lists).
  var approximateBytes: Int {
    let graphBytes = 32 * (graph.runCount + graph.identityRunCount)
    return sequences.reduce(96 * others.count + graphBytes + valueBytes) {
      $0 + $1.log.utf8Count + 32 * $1.log.runCount + 64 * $1.elements.count
    }
  }
  /// What ``approximateBytes`` is at most; each event adds to it no less than to that. Complexity:
  /// O(1).
  var bytesBound: Int { Self.bytesOfEventMax * eventCount + valueBytes }
  /// A run of its own in both columns of the graph and in a log, and an element.
  private static let bytesOfEventMax = 160
  /// What the values of registers and lists take besides.
  private var valueBytes = 0
  package var changeCount: Int { lamports.count }
  package var originCount: Int { origins.count }
  package func origin(at index: Int) -> Origin { origins[index] }

  /// What became of an edit that was appended.
  enum Appended {
    /// Its events.
    case events(Range<Int>)
    /// It was here already.
    case duplicate
    /// It names parents that are no changes of this document, or has no events: it belongs to
    /// nothing, here and on every other replica.
    case ignored
  }

  // MARK: Appending

  /// Appends the edits that are not here yet, parents before children.
  ///
  /// - Throws: ``MergeError`` when they are in no causal order.
  package mutating func append(
    contentsOf edits: some Sequence<IncomingEdit>
  ) throws(MergeError) {
    for edit in edits { _ = try append(edit) }
  }

  mutating func append(_ incoming: IncomingEdit) throws(MergeError) -> Appended {
    let change = incoming.change
    let origin = intern(change.origin)
    if hasChange(change) { return .duplicate }
    let eventCount = incoming.edit.eventCount
    guard eventCount > 0 else { return .ignored }
    var parents = Arena<Int>(capacity: incoming.edit.parents.count)
    if let base, !base.isKnown(toAuthorWith: incoming.edit.parents) { throw .belowBase(change) }
    for name in incoming.edit.parents {
      guard let version = lastVersion(of: name) else { return .ignored }
      parents.append(version)
    }
    do {
      let events = try graph.append(
        origin: origin, sequence: change.sequence, eventCount: eventCount, isOneChange: true,
        reducing: &parents)
      recentChange = (change, events.upperBound - 1)
      note(incoming.lamport, incoming.time)
      try record(incoming.edit.operations, lamport: incoming.lamport, from: events.lowerBound)
      return .events(events)
    } catch {
      throw damage(change, error)
    }
  }

  /// Appends an edit that is known to be new and to have seen everything here.
  mutating func appendAtFrontier(_ incoming: IncomingEdit) throws(MergeError) {
    let change = incoming.change
    do {
      let events = try beginAtFrontier(
        change, lamport: incoming.lamport, time: incoming.time,
        eventCount: incoming.edit.eventCount)
      try record(incoming.edit.operations, lamport: incoming.lamport, from: events.lowerBound)
    } catch {
      throw damage(change, error)
    }
  }

  /// Makes room for the events of a change whose author has seen everything here; the caller
  /// records its operations.
  mutating func beginAtFrontier(
    _ change: ChangeID, lamport: UInt64, time: Timestamp, eventCount: Int
  ) throws(EventGraphError) -> Range<Int> {
    let events = try graph.appendAtFrontier(
      origin: intern(change.origin), sequence: change.sequence, eventCount: eventCount)
    note(lamport, time)
    return events
  }

  /// Makes room for `count` changes of one event each, or one of `eventCount`; the first has seen
  /// everything here and each other the one before. The caller records their times and operations.
  mutating func appendAtFrontier(
    _ change: ChangeID, count: Int, eventCount: Int
  ) throws(EventGraphError) {
    _ = try graph.appendAtFrontier(
      origin: intern(change.origin), sequence: change.sequence,
      eventCount: count == 1 ? eventCount : count, isOneChange: count == 1)
  }

  /// Appends the times of changes: Lamport times that ascend by one.
  mutating func append(lamports first: UInt64, times milliseconds: UnsafeBufferPointer<Int64>) {
    guard !milliseconds.isEmpty else { return }
    lamports.append(Int64(bitPattern: first))
    lamports.append(step: 1, count: milliseconds.count - 1)
    times.append(contentsOf: milliseconds)
  }

  private func damage(_ change: ChangeID, _ error: any Error) -> MergeError {
    .damagedHistory("\(change) of document \(document): \(error)")
  }

  private mutating func note(_ lamport: UInt64, _ time: Timestamp) {
    lamports.append(Int64(bitPattern: lamport))
    times.append(time.milliseconds)
  }

  private mutating func record(
    _ operations: [Operation], lamport: UInt64, from first: Int
  ) throws(SequenceError) {
    var version = first
    for index in operations.indices {
      try record(operations[index], lamport: lamport, version: version)
      version += operations[index].eventCount
    }
  }

  mutating func record(
    _ operation: Operation, lamport: UInt64, version: Int
  ) throws(SequenceError) {
    if operation.isOfSequence {
      let index = sequenceIndex(of: operation.container)
      try sequences[index].append(operation.action, version: version)
      if case .insertElements(_, let elements) = operation.action { count(elements) }
    } else {
      append(OtherOperation(version: version, lamport: lamport, operation: operation))
    }
  }

  /// Records the insertion of valid UTF-8 of `count` scalars into a text.
  mutating func insert(
    _ utf8: UnsafeBufferPointer<UInt8>, count: Int, at position: Int, version: Int,
    into sequence: Int
  ) throws(SequenceError) {
    try sequences[sequence].appendInsert(
      version: version, position: position, valid: utf8, count: count)
  }

  /// Records the removal of scalars from a text.
  mutating func remove(
    _ count: Int, at position: Int, isBackward: Bool = false, version: Int, from sequence: Int
  ) throws(SequenceError) {
    try sequences[sequence].appendDelete(
      version: version, position: position, count: count, isBackward: isBackward)
  }

  mutating func note(_ twins: [SequenceTwins], inSequence index: Int) {
    sequences[index].note(twins)
  }

  /// The place of a text or list in ``sequences``, made when it has none. It never changes.
  package mutating func sequenceIndex(of container: ContainerID) -> Int {
    if recentSequence < sequences.count, sequences[recentSequence].container == container {
      return recentSequence
    }
    if let index = sequenceIndexes[container] {
      recentSequence = index
    } else {
      recentSequence = sequences.count
      sequences.append(SequenceHistory(container))
      sequenceIndexes[container] = recentSequence
    }
    return recentSequence
  }

  /// What was ever done to a text or list; nil when nothing was. Complexity: O(1).
  func sequence(of container: ContainerID) -> SequenceHistory? {
    sequenceIndexes[container].map { sequences[$0] }
  }

  private mutating func intern(_ origin: Origin) -> Int {
    if let recentOrigin, recentOrigin.origin == origin { return recentOrigin.index }
    let index = origins.intern(origin)
    recentOrigin = (origin, index)
    return index
  }

  // MARK: Appending runs

  /// Appends consecutive events of one origin, of which each but the first has seen exactly the one
  /// before: those of one change, or changes of one event each.
  ///
  /// - Parameters:
  ///   - origin: its place, which ``originIndex(of:)`` tells.
  ///   - sequence: that of the (first) change.
  ///   - parents: the last events of the changes that the first one names as its parents. They may
  ///     be changed, so that a caller can use one arena for many runs.
  /// - Throws: ``MergeError`` when one of the changes is here, or a parent is not.
  package mutating func append(
    origin: Int, sequence: UInt64, eventCount: Int, isOneChange: Bool, parents: inout Arena<Int>
  ) throws(MergeError) -> Range<Int> {
    do throws(EventGraphError) {
      return try graph.append(
        origin: origin, sequence: sequence, eventCount: eventCount, isOneChange: isOneChange,
        reducing: &parents)
    } catch {
      throw damage(ChangeID(origin: origins[origin], sequence: sequence), error)
    }
  }

  /// The place of an origin, made when it has none.
  package mutating func originIndex(of origin: Origin) -> Int { intern(origin) }

  mutating func append(lamportStep step: Int64, count: Int) {
    lamports.append(step: step, count: count)
  }

  mutating func append(timeStep step: Int64, count: Int) {
    times.append(step: step, count: count)
  }

  /// Appends the times of `count` changes that were appended as runs, from columns of as many.
  package mutating func append(
    lamports: ByteReader, times: ByteReader, count: Int
  ) throws(ByteDecodingError) {
    try self.lamports.append(lamports, count: count, "lamports")
    try self.times.append(times, count: count, "times")
  }

  /// Appends runs of a text whose events are here; their content is numbered anew.
  ///
  /// - Parameter utf8: valid, as many scalars as the runs insert, one after the other.
  package mutating func append(
    _ runs: ContiguousArray<SequenceRun>, utf8: UnsafeBufferPointer<UInt8>, isASCII: Bool,
    to sequence: Int
  ) throws(SequenceError) {
    try sequences[sequence].append(runs, utf8: utf8, isASCII: isASCII)
  }

  /// Appends runs of a list whose events are here.
  ///
  /// - Parameter elements: as many as the runs insert, one after the other.
  package mutating func append(
    _ runs: ContiguousArray<SequenceRun>, _ elements: [Operation.Element], to sequence: Int
  ) throws(SequenceError) {
    try sequences[sequence].append(runs, elements)
    count(elements)
  }

  private mutating func count(_ elements: [Operation.Element]) {
    for case .value(let value) in elements { valueBytes += value.approximateBytes }
  }

  /// Appends an operation whose event is here.
  package mutating func append(_ other: OtherOperation) {
    others.append(other)
    switch other.operation.action {
    case .set(_, let value, _): valueBytes += value.approximateBytes
    case .setElement(_, let element, _): count([element])
    default: break
    }
    if case .resolve(let events) = other.operation.action {
      note(decision: events, version: other.version)
    }
    guard case .mark(let from, let to, let name, let value, let expansion) = other.operation.action,
      other.operation.container.kind == .text
    else { return }
    let mark = MarkEntry(
      name: name, value: value, expansion: expansion, event: event(at: other.version),
      lamport: other.lamport)
    marks[other.operation.container, default: []].append(
      MarkOperation(version: other.version, from: from, to: to, mark: mark))
  }

  // MARK: Questions

  /// The marks that were ever put on a text, ascending by version.
  func marks(of text: ContainerID) -> [MarkOperation] { marks[text] ?? [] }

  /// Whether the change has events here. Complexity: O(1) for one that is newer than all of its
  /// origin, else O(log runs).
  func hasChange(_ change: ChangeID) -> Bool {
    if let base, base.floor.contains(change) { return true }
    guard let origin = index(of: change.origin), let last = graph.lastSequence(origin: origin),
      change.sequence <= last
    else { return false }
    return graph.versions(origin: origin, sequence: change.sequence) != nil
  }

  private func versions(of parents: [ChangeID]) -> [Int]? {
    var versions: [Int] = []
    versions.reserveCapacity(parents.count)
    for parent in parents {
      guard let version = lastVersion(of: parent) else { return nil }
      versions.append(version)
    }
    return versions
  }

  /// The last event of a change, nil when it has none here. Complexity: O(log runs).
  package func lastVersion(of change: ChangeID) -> Int? {
    if let recentChange, recentChange.change == change { return recentChange.version }
    if let base, base.floor.contains(change) { return base.lastVersion(of: change) }
    guard let origin = index(of: change.origin),
      let events = graph.versions(origin: origin, sequence: change.sequence)
    else { return nil }
    return events.upperBound - 1
  }

  func index(of origin: Origin) -> Int? {
    if let recentOrigin, recentOrigin.origin == origin { return recentOrigin.index }
    return origins.index(of: origin)
  }

  /// Whether the history ends with exactly these changes.
  func isAt(_ changes: [ChangeID]) -> Bool {
    guard let versions = versions(of: changes) else { return false }
    return graph.dominators(of: versions) == graph.frontier
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
    guard let found = self.version(of: event) else { return false }
    return graph.contains(found, in: version)
  }

  /// The place of an event in the graph; nil when it is not here. Complexity: O(log runs).
  func version(of event: EventID) -> Int? {
    if let base, base.floor.contains(event.change) { return base.version(of: event) }
    guard let origin = index(of: event.change.origin) else { return nil }
    return graph.version(
      origin: origin, sequence: event.change.sequence, index: Int(event.index))
  }

  /// What an event put into a list. Complexity: O(sequences and log runs).
  func element(insertedAt version: Int, in list: ContainerID) -> Operation.Element? {
    guard let sequence = sequence(of: list) else { return nil }
    let index = sequence.log.firstRun(from: version)
    guard index < sequence.log.runCount else { return nil }
    let run = sequence.log[index]
    guard run.kind == .insert, run.version <= version, version < run.version + run.count else {
      return nil
    }
    return sequence.elements[run.content + version - run.version]
  }

  /// The name of an event of the graph.
  package func event(at version: Int) -> EventID {
    if let base, version < base.count { return base.event(at: version) }
    let event = graph.event(at: version)
    return EventID(
      change: ChangeID(origin: origins[event.origin], sequence: event.sequence),
      index: UInt32(clamping: event.index))
  }

  /// Whether an event has put an element into a list that whoever made another event had seen.
  func isElement(_ element: EventID, of list: ContainerID, seenBy version: Int) -> Bool {
    guard let inserted = self.version(of: element), inserted != version,
      let content = self.element(insertedAt: inserted, in: list)
    else { return false }
    if case .moved = content { return false }
    return graph.contains(inserted, in: [version])
  }

  /// Whether one is a copy of the other, and no operation that is none of a text or of the order of
  /// a list was appended to either since. Complexity: O(1).
  func hasSameOthers(as other: DocumentHistory) -> Bool {
    others.count == other.others.count
      && others.withUnsafeBufferPointer { others in
        other.others.withUnsafeBufferPointer { $0.baseAddress == others.baseAddress }
      }
  }

  /// Readers of the times of the changes, from the first one on.
  package func makeTimeReaders() -> (lamports: StepColumnReader, times: StepColumnReader) {
    (lamports.makeReader(), times.makeReader())
  }
}

/// An operation that is none of a text or of the order of a list, and its first event.
package struct OtherOperation: Sendable {
  package var version: Int
  package var lamport: UInt64
  package var operation: Operation

  package init(version: Int, lamport: UInt64, operation: Operation) {
    self.version = version
    self.lamport = lamport
    self.operation = operation
  }
}
