import Causality
import Sabotages

/// Looks for marks of one name that people put on the same characters at once and that differ: two
/// addresses of a link, two colours, or one and its removal. Readers see the one with the higher
/// Lamport time, then the higher event.
///
/// A character is *contested* by the marks of a name that were put on it and that no other such
/// mark has seen, if these are not of one value. The characters that are contested by the same
/// marks are one conflict, wherever in the text they stand: people gave each of the marks once.
/// What was typed between them since, by somebody who saw the mark that wins, is decided with them.
///
/// What was taken back was never done, and who took it back did nothing, unless readers see that.
struct MarkCollisionFinder {
  /// Stretches of the text that are contested by the same marks.
  private struct Row {
    var name: Key
    /// The one that readers see last.
    var sides: [MarkEntry]
    var stretches: [Stretch]

    struct Stretch {
      var range: Range<Int>
      /// What all sides had seen there; it is not known of what was typed after that.
      var base: Base
      /// The run of the claims behind the stretch.
      var nextRun: Int
    }

    /// - Parameter isDecidedWith: whether what stands in between is decided with the row.
    mutating func append(_ next: Stretch, isDecidedWith: Bool) {
      let end = stretches[stretches.count - 1].range.upperBound
      if isDecidedWith, end < next.range.lowerBound {
        stretches.append(
          Stretch(range: end..<next.range.lowerBound, base: .unknown, nextRun: next.nextRun))
      }
      stretches.append(next)
    }

    /// What is to be marked by a decision. Where the base is not known it is that of what stands
    /// before it.
    var marked: [MarkedStretch] {
      let known = stretches.lazy.compactMap { $0.base.content }.first
      var base = known ?? nil
      var marked: [MarkedStretch] = []
      for stretch in stretches {
        base = stretch.base.content ?? base
        if let last = marked.last, last.range.upperBound == stretch.range.lowerBound,
          last.base == base
        {
          marked[marked.count - 1].range = last.range.lowerBound..<stretch.range.upperBound
        } else {
          marked.append(MarkedStretch(range: stretch.range, base: base))
        }
      }
      return marked
    }
  }

  private enum Base {
    case unknown
    case known(ConflictSide.Content?)

    /// Nil when it is not known.
    var content: ConflictSide.Content?? {
      switch self {
      case .unknown: .none
      case .known(let content): .some(content)
      }
    }
  }

  /// What became of the marks of one name on a character.
  private struct Verdict {
    var shown: MarkEntry
    /// Of those that contest it; empty when it is not contested.
    var sides: [MarkEntry] = []
    /// What all of these had seen.
    var base: MarkEntry?
  }

  private let finder: ConflictFinder
  private let claims: MarkClaims
  /// The places of the marks in the graph.
  private let versions: [EventID: Int]
  /// The events of the changes that were taken back, or took something back.
  private let ignored: [Range<Int>]
  /// By the number of a set of the claims.
  private var verdicts: [[Key: Verdict]] = []

  init(_ finder: ConflictFinder, _ claims: MarkClaims, _ operations: [MarkOperation]) {
    self.finder = finder
    self.claims = claims
    versions = Dictionary(operations.map { ($0.mark.event, $0.version) }) { first, _ in first }
    let undone: [Range<Int>] = finder.history.events(of: finder.standings.undone)
    ignored = (undone + finder.standings.marked).joined()
    verdicts = claims.sets.map { set in
      Dictionary(grouping: set, by: \.name).mapValues(verdict)
    }
  }

  /// Those in the text, which stands at `path`, in document order.
  func conflicts(at path: DocumentPath) -> [ConflictFinder.Draft] {
    rows().map { draft($0, path) }.sorted { left, right in
      let (mine, theirs) = (left.range ?? 0..<0, right.range ?? 0..<0)
      if mine != theirs {
        return (mine.lowerBound, mine.upperBound) < (theirs.lowerBound, theirs.upperBound)
      }
      return left.sides.flatMap(\.events).lexicographicallyPrecedes(
        right.sides.flatMap(\.events))
    }
  }

  // MARK: One character

  private func version(of mark: MarkEntry) -> Int { versions[mark.event] ?? 0 }

  private func isBefore(_ earlier: MarkEntry, _ later: MarkEntry) -> Bool {
    if Sabotage.overlookMarks.isPlanted { return MarkEntry.precedes(earlier, later) }
    return finder.isBefore(version(of: earlier), version(of: later))
  }

  /// Those that no other one has seen, ascending by their order.
  private func newest(of marks: [MarkEntry]) -> [MarkEntry] {
    var newest: [MarkEntry] = []
    for mark in marks.sorted(by: { version(of: $0) > version(of: $1) })
    where !newest.contains(where: { isBefore(mark, $0) }) {
      newest.append(mark)
    }
    return newest.sorted(by: MarkEntry.precedes)
  }

  /// - Parameter marks: of one name, at least one.
  private func verdict(on marks: [MarkEntry]) -> Verdict {
    var seen: Set<EventID> = []
    let all = marks.sorted(by: MarkEntry.precedes).filter { seen.insert($0.event).inserted }
    let shown = all[all.count - 1]
    guard all.count > 1 else { return Verdict(shown: shown) }
    var sides = newest(of: all.filter { !ignored.covers(version(of: $0)) })
    // Somebody has taken back what they did, and readers see what was there before that.
    if !sides.contains(where: { $0.value == shown.value }) { sides = newest(of: all) }
    guard sides.contains(where: { $0.value != shown.value }) else { return Verdict(shown: shown) }
    if let last = sides.lastIndex(where: { $0.value == shown.value }) {
      sides.append(sides.remove(at: last))
    }
    let base = all.last { mark in sides.allSatisfy { isBefore(mark, $0) } }
    return Verdict(shown: shown, sides: sides, base: base)
  }

  // MARK: The text

  private func rows() -> [Row] {
    var rows: [Row] = []
    var numbers: [[EventID]: Int] = [:]
    var position = 0
    for (index, run) in claims.runs.enumerated() {
      let range = position..<position + run.count
      position = range.upperBound
      for (name, verdict) in verdicts[run.set].sorted(by: { $0.key < $1.key })
      where !verdict.sides.isEmpty {
        let stretch = Row.Stretch(
          range: range, base: base(of: run, verdict), nextRun: index + 1)
        let events = verdict.sides.map(\.event)
        guard let row = numbers[events] else {
          numbers[events] = rows.count
          rows.append(Row(name: name, sides: verdict.sides, stretches: [stretch]))
          continue
        }
        let between = rows[row].stretches[rows[row].stretches.count - 1].nextRun..<index
        rows[row].append(stretch, isDecidedWith: isDecided(between, with: verdict, name))
      }
    }
    return rows
  }

  private func base(of run: MarkClaims.Run, _ verdict: Verdict) -> Base {
    if let inserted = run.inserted?.lowerBound {
      let isCommon = verdict.sides.allSatisfy { finder.isBefore(inserted, version(of: $0)) }
      guard isCommon else { return .unknown }
    }
    return .known(verdict.base.flatMap { $0.value == .null ? nil : $0.content })
  }

  /// Whether characters, given by their runs, have of a name nothing but what wins of a contest.
  private func isDecided(_ runs: Range<Int>, with contest: Verdict, _ name: Key) -> Bool {
    claims.runs[runs].allSatisfy { run in
      guard let verdict = verdicts[run.set][name], verdict.sides.isEmpty else { return false }
      return contest.sides.contains { $0.event == verdict.shown.event }
    }
  }

  private func draft(_ row: Row, _ path: DocumentPath) -> ConflictFinder.Draft {
    let marked = row.marked
    let end = marked.last?.range.upperBound ?? 0
    return ConflictFinder.Draft(
      kind: .mark, path: path,
      sides: row.sides.map { mark in
        ConflictFinder.Draft.Side(
          version: version(of: mark), events: [mark.event], content: mark.content)
      },
      range: (marked.first?.range.lowerBound ?? end)..<end, mark: row.name, marked: marked)
  }
}

/// Characters of a text that a conflict over a mark is about, and what they were marked with before
/// it.
package struct MarkedStretch: Hashable, Sendable {
  package var range: Range<Int>
  /// Nil when they had no such mark.
  package var base: ConflictSide.Content?
}

extension MarkEntry {
  fileprivate var content: ConflictSide.Content { .mark(value, expansion) }
}

extension ConflictFinder {
  /// The marks of a text that people put on it at once and that differ.
  func markConflicts(
    of handle: ContainerHandle, _ path: DocumentPath
  ) throws(MergeError) -> [Draft] {
    let container = document.containers[handle.index].id
    let operations = history.marks(of: container)
    guard let sequence = history.sequence(of: container) else { return [] }
    let claims: MarkClaims?
    do throws(SequenceError) {
      claims = try MarkReplay.claims(
        graph: history.graph, log: sequence.log, ranks: history.ranks, operations: operations)
    } catch {
      throw .damagedHistory("\(container) of document \(history.document): \(error)")
    }
    guard let claims else { return [] }
    return MarkCollisionFinder(self, claims, operations).conflicts(at: path)
  }
}
