package import Causality
package import Documents
import SQLiteBridge
import Sabotages
import Sealing
import SegmentStore
import Segments

// Two different changes can carry one origin and one number: where both histories of a copied
// store were sent to others before anybody noticed. Both are kept. From the segment on where they
// part, each goes by the name of its branch, here and with everybody who comes to know of both, and
// they are merged like the work of any two replicas.
extension ReplicaStore {
  /// What names mean where origins are forked; nil where none is. Complexity: O(1) once known.
  func branchNames() throws(StoreError) -> BranchNames? {
    if let known = knownBranchNames { return known }
    let names = BranchNames(try knownBranches(), membership)
    knownBranchNames = .some(names)
    return names
  }

  /// Stores a segment of an origin that is forked, or that forks with it. Within a transaction for
  /// writing.
  ///
  /// - Returns: the segment on its branch; nil when it is not stored, or was already.
  func storeForked(
    _ segment: Segment, _ progress: inout Progress, _ entropy: Entropy?
  ) throws(StoreError) -> Segment? {
    let header = segment.header
    switch try stored({ () throws(SegmentStoreError) in try segments.place(of: segment) }) {
    case .held: return nil
    case .detached:
      // Of what was dropped nobody can tell where the two part.
      if header.firstSequence <= (try segmentFloor())[header.origin] {
        return try refuseFork(segment, &progress)
      }
      progress.outcome.refused.append(
        (segment.firstChange, .detached(origin: header.origin, sequence: header.firstSequence)))
      return nil
    case .end(let branch):
      return try appendForked(branch.flatMap { segment.on($0) } ?? segment, &progress)
    case .fork(let chain, let sequence):
      let name = Branch(
        root: header.origin, start: header.firstSequence - 1, first: segment.hash)
      // Two segments of which one name follows were looked for by whoever signs them.
      let isTaken = try branchNames()?.branch(name.origin) != nil
      guard let entropy, isAdmitted, !isTaken, !Sabotage.leaveForksApart.isPlanted,
        try part(chain, behind: sequence, &progress, entropy)
      else {
        return try refuseFork(segment, &progress)
      }
      let branch = try stored { () throws(SegmentStoreError) in
        try segments.begin(behind: sequence, of: chain, with: segment)
      }
      knownBranchNames = nil
      return try appendForked(segment.on(branch) ?? segment, &progress)
    }
  }

  /// Leaves a history where it is, as it cannot be told from the other one here any more.
  private func refuseFork(
    _ segment: Segment, _ progress: inout Progress
  ) throws(StoreError) -> Segment? {
    let first = segment.firstChange
    progress.outcome.refused.append((first, .fork(origin: first.origin, sequence: first.sequence)))
    try noteFork(of: first.origin, at: first.sequence)
    return nil
  }

  private func appendForked(
    _ segment: Segment, _ progress: inout Progress
  ) throws(StoreError) -> Segment? {
    let appended = try stored { () throws(SegmentStoreError) in try append(segment) }
    guard case .stored = appended else { return nil }
    progress.advanced[segment.origin] = segment.position
    lanes.extend(segment.origin, through: segment.lastSequence)
    return segment
  }

  /// Makes what a chain holds behind a change a branch, and applies it and what builds on it again
  /// under its new names.
  ///
  /// - Returns: false when that cannot be done: own changes cannot be sealed, or history has been
  ///   folded that would be needed.
  private func part(
    _ chain: Origin, behind sequence: UInt64, _ progress: inout Progress, _ entropy: Entropy
  ) throws(StoreError) -> Bool {
    guard try chainEnd(of: chain).sequence > sequence else { return true }
    // What was taken back and waits for nothing is read first: what it names is to be told.
    try loadLanes()
    while hasReadyChanges { try pump(having: [], .large, &progress) }
    // What is private could not say by its segment, nor by a statement, what it names.
    let origin = identity.origin
    guard try !isReturning(), try sealAll(&progress, entropy) else { return false }
    if identity.origin != origin { progress.outcome.hasNewOrigin = true }
    let first = ChangeID(origin: chain, sequence: sequence + 1)
    guard let withdrawal = try withdrawal(of: [first]) else { return false }
    let readers = withdrawal.firsts.keys.filter { $0 != chain }.sorted()
    let read = VersionVector(
      readers.map { VersionVector.Entry(origin: $0, sequence: state.applied[$0]) })
    let applied = state.applied[chain]
    try takeBack(withdrawal)
    let branch = try stored { () throws(SegmentStoreError) in
      try segments.split(chain, after: sequence)
    }
    guard let branch else { throw .damaged("the segments behind \(first) are missing") }
    chains = [:]
    knownBranchNames = nil
    if applied > sequence {
      try rename(
        first, through: applied, to: ChangeID(origin: branch.branch.origin, sequence: 1))
    }
    progress.advanced[chain] = nil
    progress.advanced[branch.branch.origin] = try chainEnd(of: branch.branch.origin)
    try state(branch, readBy: read)
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "DELETE FROM fork WHERE origin = ?", .blob(branch.branch.root.bytes))
    }
    lanes.removeAll()
    mayHaveReady = true
    privateFirsts = try privateOrigins()
    progress.documents.formUnion(withdrawal.documents)
    progress.documents.formUnion(takeDocumentsReadAnew())
    progress.outcome.parted.append(chain)
    return true
  }

  /// - Returns: whether nothing is private any more.
  private func sealAll(_ progress: inout Progress, _ entropy: Entropy) throws(StoreError) -> Bool {
    while try privateChanges().count > 0 {
      guard try prepareToSeal(entropy: entropy) else { return false }
      let sealed = try sealUnsealed(entropy: entropy, limitBytes: .max)
      guard let last = sealed.last else { return false }
      progress.advanced[last.origin] = last.position
    }
    return true
  }

  /// Says for all members what was named here until now.
  private func state(_ stored: StoredBranch, readBy read: VersionVector) throws(StoreError) {
    let isKnown = membership.branchStatements.contains {
      $0.statement.branch == stored.branch
    }
    guard !read.isEmpty || !isKnown else { return }
    let parts =
      read.isEmpty
      ? [[]]
      : stride(from: 0, to: read.entries.count, by: BranchStatement.entriesMax).map {
        Array(read.entries[$0...].prefix(BranchStatement.entriesMax))
      }
    let statements = parts.map {
      BranchStatement(
        root: stored.branch.root, start: stored.branch.start, first: stored.first,
        readers: VersionVector($0))
    }
    let records: [MembershipRecord]
    do throws(MembershipError) {
      records = try membership.state(statements, by: identity.device)
    } catch {
      throw .membership(error)
    }
    do throws(StoreError) {
      // What it says is as it was read here: nothing is to be read again.
      _ = try insert(records, heedsStatements: false)
    } catch {
      // Where no more records can be kept, everybody goes by what others have said.
      guard case .membership(.tooManyRecords) = error else { throw error }
    }
  }

  /// Gives the changes of a chain from one on their new names in all that keeps names, but for
  /// documents.
  private func rename(
    _ first: ChangeID, through last: UInt64, to target: ChangeID
  ) throws(StoreError) {
    try renameRuns(of: first.origin, from: first.sequence, to: target.origin)
    try noteRenaming(of: first, through: last, to: target)
    let changes = (first.sequence...last).map {
      ChangeID(origin: first.origin, sequence: $0)
    }
    try renameDrafts(
      changes,
      Renaming { change in
        guard change.origin == first.origin, change.sequence >= first.sequence else {
          return change
        }
        return ChangeID(
          origin: target.origin, sequence: change.sequence - first.sequence + target.sequence)
      })
    renamingCount += 1
  }

  // MARK: Statements of others

  /// Takes statements about branches into account that have just become known, when there were
  /// these names before: what they mean otherwise than it was read here is read again.
  func heedStatements(
    in records: [MembershipRecord], before names: BranchNames?
  ) throws(StoreError) {
    var readers = VersionVector()
    for record in records {
      guard case .branch(let statement) = record.content, names?.isForked(statement.root) == true
      else { continue }
      readers.formUnion(statement.readers)
    }
    knownBranchNames = nil
    guard let names, let newNames = try branchNames() else { return }
    if Sabotage.neverReadAgain.isPlanted { return }
    var seeds: [ChangeID] = []
    for reader in readers.entries {
      if let seed = try firstDifference(in: reader, names, newNames) { seeds.append(seed) }
    }
    // What waited because nobody had told may go on.
    lanes.removeAll()
    mayHaveReady = true
    guard !seeds.isEmpty else { return }
    // They are looked up by the names under which they were applied.
    knownBranchNames = .some(names)
    defer { knownBranchNames = .some(newNames) }
    guard let withdrawal = try withdrawal(of: seeds) else { return try noteMisread(seeds) }
    try takeBack(withdrawal)
    documentsReadAnew.formUnion(withdrawal.documents)
  }

  /// Of what was folded nothing can be read again: people are told.
  private func noteMisread(_ changes: [ChangeID]) throws(StoreError) {
    for change in changes {
      try sql { () throws(SQLiteError) in
        try connection.execute(
          "INSERT INTO return_note (sentence) VALUES (?)",
          .text(
            "What origin \(change.origin) has written from change \(change.sequence) on was read "
              + "here on another history than it meant, and cannot be read again, as history was "
              + "folded since: join the workspace anew to show what the others show."))
      }
    }
  }

  /// The first applied change of a chain that names something else by the new names.
  private func firstDifference(
    in reader: VersionVector.Entry, _ names: BranchNames, _ newNames: BranchNames
  ) throws(StoreError) -> ChangeID? {
    let through = min(reader.sequence, state.applied[reader.origin])
    var next = try segmentFloor()[reader.origin] + 1
    while next <= through {
      let segment = try storedSegment(with: ChangeID(origin: reader.origin, sequence: next))
      let changes: [Change]
      do {
        changes = try openSealed(segment).changes
      } catch let error as StoreError {
        throw error
      } catch {
        return nil
      }
      for (offset, change) in changes.enumerated() {
        let id = ChangeID(origin: reader.origin, sequence: segment.firstSequence + UInt64(offset))
        guard id.sequence <= through else { return nil }
        if names.reading(change, in: segment) != newNames.reading(change, in: segment) { return id }
      }
      next = segment.lastSequence + 1
    }
    return nil
  }

  /// The documents that were read in another way since somebody asked, sorted.
  package func takeDocumentsReadAnew() -> [DocumentID] {
    defer { documentsReadAnew = [] }
    return documentsReadAnew.sorted()
  }

  /// The chains that are forked and where they end, sorted. One that forks with its first change
  /// ends at 0.
  package func forkedChains() throws(StoreError) -> [VersionVector.Entry] {
    try reading { () throws(StoreError) in try branchNames()?.forkedChains ?? [] }
  }

  /// The first change of the segment that lies so many segments before the one with a change, of
  /// those that are held; nil when there are not so many.
  package func segmentStart(
    before change: ChangeID, by count: Int
  ) throws(StoreError) -> UInt64? {
    try reading { () throws(StoreError) in
      try stored { () throws(SegmentStoreError) in
        try segments.start(before: change, by: count)
      }
    }
  }

  /// The chains that go on from forks.
  func knownBranches() throws(StoreError) -> [StoredBranch] {
    try stored { () throws(SegmentStoreError) in try segments.branches() }
  }

  /// The sentences that people must read about forks.
  func forkNotes() throws(StoreError) -> [String] {
    let stored = try knownBranches()
    return Dictionary(grouping: stored) { $0.parent }.sorted { $0.key < $1.key }.map {
      let names = $0.value.map(\.branch.origin).sorted().map(\.description)
      return
        "Several histories of origin \($0.key) were sent to others, as its store was copied or "
        + "restored: all are kept and merged, as those of \(names.joined(separator: " and "))."
    }
  }
}
