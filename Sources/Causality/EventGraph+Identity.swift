/// Who made an event: the change (origin as a dense index, and sequence) and the number of the
/// event among those of the change in this document.
package struct GraphEvent: Hashable, Sendable {
  package var origin: Int
  package var sequence: UInt64
  package var index: Int

  package init(origin: Int, sequence: UInt64, index: Int) {
    self.origin = origin
    self.sequence = sequence
    self.index = index
  }
}

/// Consecutive events of one origin: one change each (`stepsSequence`), or all of one change.
package struct IdentityRun: Hashable, Sendable {
  package var versions: Range<Int>
  package var origin: Int
  /// The sequence of the first event's change.
  package var sequence: UInt64
  package var stepsSequence: Bool
}

/// Consecutive events of which each but the first has the one before it as its only parent.
package struct GraphRun: Hashable, Sendable {
  package var versions: Range<Int>
  package var parents: [Int]
}

extension EventGraph {
  // MARK: Runs

  package var runCount: Int { runStarts.count }

  package func run(at index: Int) -> GraphRun {
    GraphRun(versions: runStarts[index]..<runEnd(index), parents: parents(ofRun: index))
  }

  package var identityRunCount: Int { identities.count }

  package func identityRun(at index: Int) -> IdentityRun {
    let run = identities[index]
    return IdentityRun(
      versions: run.start..<identityEnd(index), origin: Int(run.origin), sequence: run.sequence,
      stepsSequence: run.stepsSequence)
  }

  func runEnd(_ run: Int) -> Int {
    run + 1 < runStarts.count ? runStarts[run + 1] : count
  }

  func parentRange(ofRun run: Int) -> Range<Int> {
    let end = run + 1 < parentStarts.count ? Int(parentStarts[run + 1]) : parentPool.count
    return Int(parentStarts[run])..<end
  }

  func parents(ofRun run: Int) -> [Int] {
    Array(parentPool[parentRange(ofRun: run)])
  }

  func identityEnd(_ run: Int) -> Int {
    run + 1 < identities.count ? identities[run + 1].start : count
  }

  /// The graph run that holds `version`, which must be below `count`. Complexity: O(log runs).
  func runIndex(containing version: Int) -> Int {
    var low = 0
    var high = runStarts.count
    while low < high {
      let middle = (low + high) / 2
      if runStarts[middle] <= version { low = middle + 1 } else { high = middle }
    }
    return low - 1
  }

  // MARK: Events

  /// The identity of the event `version`, which must be below `count`. Complexity: O(log runs).
  package func event(at version: Int) -> GraphEvent {
    precondition(version >= 0 && version < count, "no such event")
    let run = identities[identityIndex(containing: version)]
    let offset = version - run.start
    return GraphEvent(
      origin: Int(run.origin),
      sequence: run.sequence + (run.stepsSequence ? UInt64(offset) : 0),
      index: run.stepsSequence ? 0 : offset)
  }

  /// Where the events end of the change that `version`, which must be below `count`, is of.
  /// Complexity: O(log runs).
  package func changeEnd(at version: Int) -> Int {
    let run = identityIndex(containing: version)
    return identities[run].stepsSequence ? version + 1 : identityEnd(run)
  }

  /// The consecutive events of one origin that an event, which must be below `count`, is among.
  /// Complexity: O(log runs), and those of that origin in a row.
  package func eventsOfOneOrigin(around version: Int) -> Range<Int> {
    var first = identityIndex(containing: version)
    var last = first
    while first > 0, identities[first - 1].origin == identities[last].origin { first -= 1 }
    while last + 1 < identities.count, identities[last + 1].origin == identities[first].origin {
      last += 1
    }
    return identities[first].start..<identityEnd(last)
  }

  /// The identity run that holds `version`, which must be below `count`. Complexity: O(log runs).
  package func identityIndex(containing version: Int) -> Int {
    var low = 0
    var high = identities.count
    while low < high {
      let middle = (low + high) / 2
      if identities[middle].start <= version { low = middle + 1 } else { high = middle }
    }
    return low - 1
  }

  /// The local version of an event, or nil when the graph lacks it. Complexity: O(log runs).
  package func version(origin: Int, sequence: UInt64, index: Int) -> Int? {
    guard let versions = versions(origin: origin, sequence: sequence), index >= 0,
      index < versions.count
    else { return nil }
    return versions.lowerBound + index
  }

  /// The events of one change, or nil when the graph has none. Parents name the last of them.
  /// Complexity: O(log runs).
  package func versions(origin: Int, sequence: UInt64) -> Range<Int>? {
    guard let run = identityRun(origin: origin, notAfter: sequence) else { return nil }
    let distance = sequence - run.sequence
    if run.stepsSequence {
      guard distance < UInt64(run.versions.count) else { return nil }
      let version = run.versions.lowerBound + Int(distance)
      return version..<version + 1
    }
    return distance == 0 ? run.versions : nil
  }

  /// The events of the changes of `origin` with these sequences, ascending. Complexity: O(log runs)
  /// and the result.
  package func versions(origin: Int, sequences: ClosedRange<UInt64>) -> [Range<Int>] {
    guard origin >= 0, origin < identityRunsOfOrigin.count else { return [] }
    let runs = identityRunsOfOrigin[origin]
    var found: [Range<Int>] = []
    for index in max(0, firstRun(of: runs, after: sequences.lowerBound) - 1)..<runs.count {
      let run = identityRun(at: Int(runs[index]))
      guard run.sequence <= sequences.upperBound else { break }
      guard run.stepsSequence else {
        if sequences.contains(run.sequence) { found.append(run.versions) }
        continue
      }
      let last = run.sequence + UInt64(run.versions.count - 1)
      let low = max(run.sequence, sequences.lowerBound)
      guard low <= last else { continue }
      let high = min(last, sequences.upperBound)
      let start = run.versions.lowerBound + Int(low - run.sequence)
      found.append(start..<start + Int(high - low) + 1)
    }
    return found
  }

  /// The last event of the changes of `origin` up to a sequence, nil when there are none.
  /// Complexity: O(log runs).
  package func lastEvent(origin: Int, notAfter sequence: UInt64) -> Int? {
    guard let run = identityRun(origin: origin, notAfter: sequence) else { return nil }
    guard run.stepsSequence else { return run.versions.upperBound - 1 }
    let distance = sequence - run.sequence
    let last = run.versions.count - 1
    return run.versions.lowerBound + (distance < UInt64(last) ? Int(distance) : last)
  }

  /// The last run of an origin that does not begin after a sequence.
  private func identityRun(origin: Int, notAfter sequence: UInt64) -> IdentityRun? {
    guard origin >= 0, origin < identityRunsOfOrigin.count else { return nil }
    let runs = identityRunsOfOrigin[origin]
    let next = firstRun(of: runs, after: sequence)
    return next > 0 ? identityRun(at: Int(runs[next - 1])) : nil
  }

  /// The first of an origin's runs that begins after a sequence. Complexity: O(log runs).
  private func firstRun(of runs: ContiguousArray<UInt32>, after sequence: UInt64) -> Int {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if identities[Int(runs[middle])].sequence <= sequence {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }

  /// The highest change of `origin` that has events here.
  package func lastSequence(origin: Int) -> UInt64? {
    guard origin >= 0, origin < identityRunsOfOrigin.count,
      let last = identityRunsOfOrigin[origin].last
    else { return nil }
    let run = identityRun(at: Int(last))
    return run.stepsSequence ? run.sequence + UInt64(run.versions.count - 1) : run.sequence
  }

  /// The parents of one event, which must be below `count`. Complexity: O(log runs).
  package func parents(of version: Int) -> [Int] {
    precondition(version >= 0 && version < count, "no such event")
    let run = runIndex(containing: version)
    return version > runStarts[run] ? [version - 1] : parents(ofRun: run)
  }
}
