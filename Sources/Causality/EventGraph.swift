package import RunStructures

/// The events of one document and what each of them had seen.
///
/// Events are numbered densely in the order in which this replica learnt of them: **local
/// versions**, 0, 1, 2, … The order is causal: a parent has a smaller number than its child. Local
/// versions mean something on this replica only; `event(at:)` and `version(origin:sequence:index:)`
/// translate.
///
/// A **frontier** is a set of local versions, sorted ascending, none of which is an ancestor of
/// another. It names a version of the document: the events in it and all their ancestors. `[]` is
/// the empty document.
///
/// Storage is two run-length encoded tables over the same numbers:
/// - *graph runs*: a run's first event has explicit parents, each further one has the event before
///   it as its only parent;
/// - *identity runs*: who made the events. Either consecutive changes of one event each, or the
///   events of one change.
package struct EventGraph: Sendable {
  /// The most events that a document can have: so many that nobody reaches it.
  package static let eventCountMax = 1 << 48

  // Graph runs. Run `i` covers `runStarts[i] ..< runStarts[i + 1]` (or `count`), and its parents
  // are `parentPool[parentStarts[i] ..< parentStarts[i + 1]]` (or the end of the pool), ascending.
  var runStarts: ContiguousArray<Int> = []
  var parentStarts: ContiguousArray<UInt32> = []
  var parentPool: ContiguousArray<Int> = []
  /// For each run whether its events are descendants of every event with a smaller number, which
  /// no event that comes later can change. Walks back end there.
  var runsHaveSeenAll: ContiguousArray<Bool> = []

  /// One identity run as it is stored; it ends where the next begins.
  struct Identity: Sendable {
    var start: Int
    var sequence: UInt64
    var origin: UInt32
    var stepsSequence: Bool
  }

  var identities: ContiguousArray<Identity> = []
  /// For each origin its identity runs, ascending by sequence and by version alike.
  var identityRunsOfOrigin: ContiguousArray<ContiguousArray<UInt32>> = []

  /// The number of events, which is the next local version.
  package private(set) var count = 0

  /// The frontier of everything in the graph.
  package private(set) var frontier: [Int] = []

  package init() {}

  /// Appends the events of one change, or of many changes of one event each.
  ///
  /// - Parameters:
  ///   - origin: the dense index of the change's origin.
  ///   - sequence: the number of the (first) change; greater than that of every change of this
  ///     origin here.
  ///   - eventCount: how many events there are, at least 1.
  ///   - isOneChange: whether they are of one change. Otherwise each is a change of its own, the
  ///     next one of the same origin, that has seen the one before.
  ///   - parents: the last event of each change that the first one names as parent, in any order.
  ///     Those that another one covers are dropped.
  /// - Returns: the local versions of the events.
  /// - Complexity: O(1) when the parents are the frontier or a single event, amortised.
  package mutating func append(
    origin: Int, sequence: UInt64, eventCount: Int, isOneChange: Bool = true, parents: [Int]
  ) throws(EventGraphError) -> Range<Int> {
    var named = Arena<Int>(capacity: parents.count)
    for parent in parents { named.append(parent) }
    return try append(
      origin: origin, sequence: sequence, eventCount: eventCount, isOneChange: isOneChange,
      reducing: &named)
  }

  /// Appends events, as ``append(origin:sequence:eventCount:isOneChange:parents:)`` does, for a
  /// caller who appends many runs with one arena.
  ///
  /// - Parameter parents: in any order; those that another one covers are gone after the call, and
  ///   the others ascend.
  package mutating func append(
    origin: Int, sequence: UInt64, eventCount: Int, isOneChange: Bool,
    reducing parents: inout Arena<Int>
  ) throws(EventGraphError) -> Range<Int> {
    guard eventCount > 0 else { throw .emptyChange(origin: origin, sequence: sequence) }
    guard eventCount <= Self.eventCountMax - count, origin >= 0, origin < Int(UInt32.max),
      isOneChange || UInt64(eventCount) - 1 <= UInt64.max - sequence
    else { throw .tooManyEvents(limit: Self.eventCountMax) }
    if let last = lastSequence(origin: origin), last >= sequence {
      throw .sequenceNotIncreasing(origin: origin, sequence: sequence, last: last)
    }
    for index in 0..<parents.count where parents[index] < 0 || parents[index] >= count {
      throw .unknownParent(version: parents[index])
    }
    if parents.count > 1 { reduceToDominators(&parents) }

    let versions = count..<count + eventCount
    let beginsRun = count == 0 || parents.count != 1 || parents[0] != count - 1
    if beginsRun {
      runStarts.append(versions.lowerBound)
      parentStarts.append(UInt32(parentPool.count))
      for index in 0..<parents.count { parentPool.append(parents[index]) }
    }
    appendIdentity(
      versions, origin: origin, sequence: sequence, stepsSequence: !isOneChange || eventCount == 1)
    moveFrontier(adding: versions, parents: parents)
    if beginsRun { runsHaveSeenAll.append(frontier.count == 1) }
    count = versions.upperBound
    return versions
  }

  /// Appends events, as ``append(origin:sequence:eventCount:isOneChange:parents:)`` does, whose
  /// author has seen everything that is in the graph.
  ///
  /// Complexity: O(1) while one author goes on alone, else that of `append`.
  package mutating func appendAtFrontier(
    origin: Int, sequence: UInt64, eventCount: Int, isOneChange: Bool = true
  ) throws(EventGraphError) -> Range<Int> {
    let start = count
    guard eventCount > 0, eventCount <= Self.eventCountMax - start, frontier.count == 1,
      frontier[0] == start - 1, let last = identities.last, Int(last.origin) == origin,
      UInt64(eventCount) - 1 <= UInt64.max - sequence
    else {
      return try append(
        origin: origin, sequence: sequence, eventCount: eventCount, isOneChange: isOneChange,
        parents: frontier)
    }
    // The identity run counts up from its sequence, so that this is one that was.
    let newest = last.sequence + (last.stepsSequence ? UInt64(start - last.start) - 1 : 0)
    guard sequence > newest else {
      throw .sequenceNotIncreasing(origin: origin, sequence: sequence, last: newest)
    }
    let stepsSequence = !isOneChange || eventCount == 1
    if !stepsSequence || !last.stepsSequence || sequence > newest + 1 {
      identityRunsOfOrigin[origin].append(UInt32(identities.count))
      identities.append(
        Identity(
          start: start, sequence: sequence, origin: last.origin, stepsSequence: stepsSequence))
    }
    count = start + eventCount
    frontier[0] = count - 1
    return start..<count
  }

  /// Forgets every event from `newCount` on: how a batch that was refused is undone.
  ///
  /// Complexity: O(runs).
  package mutating func truncate(to newCount: Int) {
    guard newCount < count else { return }
    while let start = runStarts.last, start >= newCount {
      runStarts.removeLast()
      runsHaveSeenAll.removeLast()
      let parentStart = Int(parentStarts.removeLast())
      parentPool.removeLast(parentPool.count - parentStart)
    }
    while let last = identities.last, last.start >= newCount {
      identities.removeLast()
      identityRunsOfOrigin[Int(last.origin)].removeLast()
    }
    count = max(newCount, 0)
    frontier = heads()
  }

  /// The events that nobody in the graph has as parent.
  private func heads() -> [Int] {
    var isParent = ContiguousArray(repeating: false, count: runStarts.count)
    for parent in parentPool {
      let run = runIndex(containing: parent)
      if parent == runEnd(run) - 1 { isParent[run] = true }
    }
    return runStarts.indices.filter { !isParent[$0] }.map { runEnd($0) - 1 }
  }

  private mutating func appendIdentity(
    _ versions: Range<Int>, origin: Int, sequence: UInt64, stepsSequence: Bool
  ) {
    while identityRunsOfOrigin.count <= origin { identityRunsOfOrigin.append([]) }
    if stepsSequence, let last = identities.last, last.origin == UInt32(origin),
      last.stepsSequence, last.sequence &+ UInt64(count - last.start) == sequence
    {
      return
    }
    identityRunsOfOrigin[origin].append(UInt32(identities.count))
    identities.append(
      Identity(
        start: versions.lowerBound, sequence: sequence, origin: UInt32(origin),
        stepsSequence: stepsSequence))
  }

  /// Adds `versions`, whose first has `parents` and which are a chain.
  private mutating func moveFrontier(
    adding versions: Range<Int>, parents: borrowing Arena<Int>
  ) {
    // Both ascend. What is kept moves down.
    var kept = 0
    var next = 0
    for index in 0..<frontier.count {
      let head = frontier[index]
      while next < parents.count, parents[next] < head { next += 1 }
      if next < parents.count, parents[next] == head { continue }
      if kept < index { frontier[kept] = head }
      kept += 1
    }
    while frontier.count > kept + 1 { frontier.removeLast() }
    // New versions are greater than all older ones, so the order holds.
    if frontier.count > kept {
      frontier[kept] = versions.upperBound - 1
    } else {
      frontier.append(versions.upperBound - 1)
    }
  }
}

/// Why events could not be appended. Nothing was changed.
package enum EventGraphError: Error, Equatable, Sendable {
  /// A parent is not an event of this graph.
  case unknownParent(version: Int)
  /// A change came after a later one of its own origin, or twice.
  case sequenceNotIncreasing(origin: Int, sequence: UInt64, last: UInt64)
  /// A change without events has no place in the graph.
  case emptyChange(origin: Int, sequence: UInt64)
  case tooManyEvents(limit: Int)
}
