import Causality
import Documents
import Sealing
import SegmentStore
import Segments

/// What the names of changes mean where origins are forked.
///
/// A change names others as its author knew them. Who wrote before it had heard of a fork says by
/// the name of the root what stands on one of its branches. On which, the branch that its own
/// segment is on tells, or a statement of its device, or else one of another device that had
/// applied it: see ``BranchStatement``. The meaning is a function of the segments and statements
/// that are known, the same on every replica that has the same.
struct BranchNames {
  private struct Statement {
    let branch: Branch
    let readers: VersionVector
    let author: SigningKey.Public
    let index: UInt32
  }

  private let branches: [Origin: StoredBranch]
  /// Of each chain that is forked: the change behind which it is, in the numbers of the root.
  private let ends: [Origin: UInt64]
  /// By root, in the order of their records' hashes.
  private let statements: [Origin: [Statement]]
  private let membership: Membership

  /// Nil when there are no branches.
  init?(_ stored: [StoredBranch], _ membership: Membership) {
    guard !stored.isEmpty else { return nil }
    branches = Dictionary(
      stored.map { ($0.branch.origin, $0) }, uniquingKeysWith: { first, _ in first })
    ends = Dictionary(stored.map { ($0.parent, $0.branch.start) }, uniquingKeysWith: min)
    statements = Dictionary(
      grouping: membership.branchStatements.map {
        Statement(
          branch: $0.statement.branch, readers: $0.statement.readers, author: $0.author,
          index: $0.index)
      }
    ) { $0.branch.root }
    self.membership = membership
  }

  /// Whether an origin, as segments name it, is forked.
  func isForked(_ root: Origin) -> Bool { ends[root] != nil }

  /// The branch of this name.
  func branch(_ name: Origin) -> Branch? { branches[name]?.branch }

  /// The chains that are forked and where they end, in their own numbers, sorted.
  var forkedChains: [VersionVector.Entry] {
    ends.map { chain, end in
      VersionVector.Entry(origin: chain, sequence: end - (branches[chain]?.branch.start ?? 0))
    }.sorted { $0.origin < $1.origin }
  }

  /// The root of a chain, and how many of its changes come before the chain.
  private func root(of chain: Origin) -> (origin: Origin, start: UInt64) {
    branches[chain].map { ($0.branch.root, $0.branch.start) } ?? (chain, 0)
  }

  private func isPart(_ chain: Origin, of ancestor: Origin) -> Bool {
    var next: Origin? = chain
    while let name = next {
      if name == ancestor { return true }
      next = branches[name]?.parent
    }
    return false
  }

  // MARK: Reading changes

  /// The changes of a segment with what they name called as it is here; only those before the first
  /// one of which that is not known.
  func reading(_ changes: [Change], in segment: Segment) -> [Change] {
    var read: [Change] = []
    read.reserveCapacity(changes.count)
    for change in changes {
      guard let next = reading(change, in: segment) else { break }
      read.append(next)
    }
    return read
  }

  /// Nil when it is not known what the change names.
  func reading(_ change: Change, in segment: Segment) -> Change? {
    let start = segment.branch?.start ?? 0
    let reader = ChangeID(origin: segment.origin, sequence: change.id.sequence - start)
    let lookup = Lookup(names: self, reader: reader, root: segment.header.origin)
    let renaming = Renaming { lookup.name(of: $0) }
    var result = renaming.renamed(change)
    var dependencies = Set(change.dependencies.map { renaming[$0] })
    if segment.branch != nil, reader.sequence == 1, start > 0 {
      dependencies.insert(
        renaming[ChangeID(origin: segment.header.origin, sequence: start)])
    }
    result.dependencies = dependencies.sorted()
    return lookup.isKnown ? result : nil
  }

  /// Finds the names of one change, and whether one was not found.
  private final class Lookup {
    private let names: BranchNames
    private let reader: ChangeID
    private let root: Origin
    private(set) var isKnown = true

    init(names: BranchNames, reader: ChangeID, root: Origin) {
      self.names = names
      self.reader = reader
      self.root = root
    }

    func name(of change: ChangeID) -> ChangeID {
      guard let end = names.ends[change.origin] else { return change }
      let (origin, start) = names.root(of: change.origin)
      let (sequence, overflow) = change.sequence.addingReportingOverflow(start)
      guard !overflow else {
        isKnown = false
        return change
      }
      guard sequence > end else { return change }
      let sealed = ChangeID(origin: origin, sequence: sequence)
      let found =
        origin == root
        ? names.name(of: sealed, on: reader.origin)
        : names.name(of: sealed, in: change.origin, to: reader, writtenUnder: root)
      if let found { return found }
      isKnown = false
      return change
    }
  }

  /// The name of a change, given by its root, as whoever stands on a branch means it; nil when that
  /// branch forks before it.
  private func name(of change: ChangeID, on leaf: Origin) -> ChangeID? {
    var next = branches[leaf]
    if let end = ends[leaf], change.sequence > end { return nil }
    while let stored = next {
      let start = stored.branch.start
      if change.sequence > start {
        return ChangeID(origin: stored.branch.origin, sequence: change.sequence - start)
      }
      next = branches[stored.parent]
    }
    return change
  }

  /// The name of a change behind the fork of a chain, as statements say that a reader means it.
  private func name(
    of change: ChangeID, in chain: Origin, to reader: ChangeID, writtenUnder readerRoot: Origin
  ) -> ChangeID? {
    let owner = membership.device(owning: readerRoot)?.key
    let all = statements[change.origin] ?? []
    // What was said of a chain before it forked goes for its branches only where nothing else does.
    let named = all.filter { $0.readers.contains(reader) }
    let about = Self.firsts(
      of: named.isEmpty ? all.filter { covers($0.readers, reader) } : named)
    // What a device says of its own changes goes before what others have read in them.
    for isOwn in [true, false] {
      for statement in about where (statement.author == owner) == isOwn {
        let branch = statement.branch
        if branches[branch.origin] != nil {
          if let found = name(of: change, on: branch.origin), isPart(found.origin, of: chain) {
            return found
          }
        } else if change.sequence > branch.start {
          // The branch has not come yet, and the change waits for it.
          return ChangeID(origin: branch.origin, sequence: change.sequence - branch.start)
        }
      }
    }
    return nil
  }

  /// Of what one author says of one fork what it has said first: nobody makes others read again and
  /// again.
  private static func firsts(of statements: [Statement]) -> [Statement] {
    statements.enumerated().filter { place, statement in
      !statements.enumerated().contains { other, earlier in
        earlier.author == statement.author && earlier.branch.start == statement.branch.start
          && (earlier.index, other) < (statement.index, place)
      }
    }.map(\.element)
  }

  /// Whether a statement is about a change under the name of a chain from which its own goes on.
  private func covers(_ readers: VersionVector, _ reader: ChangeID) -> Bool {
    guard let stored = branches[reader.origin] else { return false }
    let (sequence, overflow) = reader.sequence.addingReportingOverflow(stored.branch.start)
    guard !overflow else { return false }
    var name = stored.parent
    while true {
      let start = branches[name]?.branch.start ?? 0
      if sequence > start,
        readers.contains(ChangeID(origin: name, sequence: sequence - start))
      {
        return true
      }
      guard let parent = branches[name]?.parent else { return false }
      name = parent
    }
  }
}
