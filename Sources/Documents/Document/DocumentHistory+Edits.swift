import ByteCoding
import Causality

extension DocumentHistory {
  /// Every edit, in the order in which they were appended; none that is folded.
  ///
  /// The same as what was appended, but that operations of one edit which continue each other are
  /// one, and that parents which others cover are left out. Complexity: O(history).
  package func edits() -> [IncomingEdit] {
    var edits: [IncomingEdit] = []
    edits.reserveCapacity(changeCount)
    var (lamports, times) = makeTimeReaders()
    var nextOther = start.otherCount
    for index in 0..<graph.identityRunCount {
      let run = graph.identityRun(at: index)
      var version = run.versions.lowerBound
      var sequence = run.sequence
      while version < run.versions.upperBound {
        let end = run.stepsSequence ? version + 1 : run.versions.upperBound
        // The columns are our own and hold a number for each change.
        let lamport = (try? lamports.next("lamport")) ?? 0
        let time = (try? times.next("time")) ?? 0
        if version < start.eventCount {
          version = end
          continue
        }
        edits.append(
          IncomingEdit(
            change: ChangeID(origin: origin(at: run.origin), sequence: sequence),
            lamport: UInt64(bitPattern: lamport), time: Timestamp(clampingMilliseconds: time),
            edit: DocumentEdit(
              document: document,
              parents: changes(endingAt: graph.parents(of: version)),
              operations: operations(in: version..<end, &nextOther))))
        version = end
        sequence &+= 1
      }
    }
    return edits
  }

  /// The changes, sorted, whose last events these are.
  private func changes(endingAt versions: [Int]) -> [ChangeID] {
    versions.flatMap { version -> [ChangeID] in
      if let base, version < base.count { return base.frontier }
      return [event(at: version).change]
    }.sorted()
  }

  /// Whether it has an operation that is kept without an effect. Complexity: O(operations that are
  /// none of a text or of the order of a list).
  package var hasUnknownOperations: Bool { others.contains(where: \.operation.isUnknown) }

  /// The times of the changes of events. Complexity: O(changes).
  func stamps(of versions: [Int]) -> [Int: (lamport: UInt64, time: Timestamp)] {
    var wanted = Array(Set(versions).sorted())[...]
    var found: [Int: (UInt64, Timestamp)] = [:]
    var (lamports, times) = makeTimeReaders()
    for index in 0..<graph.identityRunCount {
      let run = graph.identityRun(at: index)
      var version = run.versions.lowerBound
      while version < run.versions.upperBound {
        let end = run.stepsSequence ? version + 1 : run.versions.upperBound
        // The columns are our own and hold a number for each change.
        let lamport = (try? lamports.next("lamport")) ?? 0
        let time = (try? times.next("time")) ?? 0
        while let next = wanted.first, next < end {
          let folded = base.flatMap { next < $0.count ? $0.lamport(at: next) : nil }
          found[next] = (
            folded ?? UInt64(bitPattern: lamport), Timestamp(clampingMilliseconds: time)
          )
          wanted.removeFirst()
        }
        if wanted.isEmpty { return found }
        version = end
      }
    }
    return found
  }

  private func operations(in versions: Range<Int>, _ nextOther: inout Int) -> [Operation] {
    var found: [(version: Int, operation: Operation)] = []
    while nextOther < others.count, others[nextOther].version < versions.upperBound {
      found.append((others[nextOther].version, others[nextOther].operation))
      nextOther += 1
    }
    for sequence in sequences { found += sequence.operations(in: versions) }
    if found.count > 1 { found.sort { $0.version < $1.version } }
    return found.map(\.operation)
  }
}
