package import ByteCoding
package import Causality
import SQLiteBridge
package import Sealing
package import Segments

/// A branch as it is stored, and the chain that it goes on from.
package struct StoredBranch: Hashable, Sendable {
  package let branch: Branch
  /// The root, or another branch of it.
  package let parent: Origin
  /// The hash of the segment that it begins with.
  package let first: Digest
}

/// Where a segment belongs among the chains of an origin that is forked.
package enum BranchPlace: Equatable, Sendable {
  /// At the end of this chain: of the root itself where the branch is nil.
  case end(of: Branch?)
  /// It is stored already.
  case held
  /// It begins a way on of its own behind this change of a chain, which goes on differently there,
  /// or at whose end others begin.
  case fork(of: Origin, after: UInt64)
  /// The segment that it names as the one before it is not stored.
  case detached
}

// An origin that two writers have used has a chain that forks. What lies before the fork stays the
// chain of the origin, and each way on is a chain of its own, in the same tables, under the name of
// its branch. The segments are as they were sealed.
extension SegmentStore {
  /// All branches, sorted by root and start.
  ///
  /// - Throws: `.inconsistent` where one goes on from nothing that is before it.
  package func branches() throws(SegmentStoreError) -> [StoredBranch] {
    let stored = try storedBranches()
    guard let wrong = StoredBranch.firstUnsound(of: stored) else { return stored }
    throw .inconsistent(
      origin: wrong.branch.root, message: "a branch goes on from a chain that is not before it")
  }

  private func storedBranches() throws(SegmentStoreError) -> [StoredBranch] {
    try sql { () throws(SQLiteError) in
      var branches: [StoredBranch] = []
      var rows = try connection.query(
        """
        SELECT o.origin, b.root, b.start, b.parent, b.first_hash
        FROM segment_branch AS b JOIN segment_origin AS o ON o.id = b.origin
        ORDER BY b.root, b.start, o.origin
        """)
      while try rows.next() {
        branches.append(
          StoredBranch(
            branch: Branch(
              origin: try Self.origin(0, of: rows), root: try Self.origin(1, of: rows),
              start: try rows.counter(2)),
            parent: try Self.origin(3, of: rows), first: try Self.digest(4, of: rows)))
      }
      return branches
    }
  }

  /// Where a segment belongs, whose origin is forked or may be. It is asked for as it was sealed,
  /// on no branch.
  ///
  /// Complexity: O(branches of the origin · log n).
  package func place(of segment: Segment) throws(SegmentStoreError) -> BranchPlace {
    let root = segment.header.origin
    let known = try branches().filter { $0.branch.root == root }
    if known.contains(where: { $0.first == segment.hash }) { return .held }
    var fork: (chain: Origin, after: UInt64)?
    for branch in [nil] + known.map({ Optional($0.branch) }) {
      let chain = branch?.origin ?? root
      let start = branch?.start ?? 0
      guard segment.header.firstSequence > start else { continue }
      let last = segment.header.lastSequence - start
      let held = try chainHash(endingAt: ChangeID(origin: chain, sequence: last))
      if held == segment.hash { return .held }
      let before = segment.header.firstSequence - 1 - start
      let hash: Digest? =
        if before > 0 {
          try chainHash(endingAt: ChangeID(origin: chain, sequence: before))
        } else {
          branch == nil ? .zero : nil
        }
      guard hash == segment.header.previousHash else { continue }
      let end = try position(of: chain)
      let isForked = known.contains { $0.parent == chain && $0.branch.start == start + before }
      if end.sequence == before, !isForked { return .end(of: branch) }
      fork = (chain, before)
    }
    if let fork { return .fork(of: fork.chain, after: fork.after) }
    // Of what lies before the last segment that was dropped nothing is known any more.
    let floor = try floor()
    let isGone = ([(root, UInt64(0))] + known.map { ($0.branch.origin, $0.branch.start) }).contains
    {
      $0.1 < segment.header.firstSequence
        && segment.header.lastSequence - $0.1 < floor[$0.0]
    }
    return isGone ? .held : .detached
  }

  /// The first change of the segment that lies so many segments before the one with a change, of
  /// those that are held; nil when there are not so many.
  package func start(
    before change: ChangeID, by count: Int
  ) throws(SegmentStoreError) -> UInt64? {
    guard let chain = try chain(of: change.origin) else { return nil }
    return try sql { () throws(SQLiteError) in
      try connection.first(
        """
        SELECT first_sequence FROM segment
        WHERE origin = ? AND first_sequence > 0 AND first_sequence <= ?
        ORDER BY last_sequence DESC LIMIT 1 OFFSET ?
        """, .integer(chain.row), SQLiteValue(clampedCounter: change.sequence), SQLiteValue(count)
      ) { (row) throws(SQLiteError) in try row.counter(0) }
    }
  }

  /// Makes what a chain holds behind a change a branch of its own.
  ///
  /// Complexity: O(bytes behind the change).
  ///
  /// - Returns: the branch; nil when the chain ends with the change.
  package func split(
    _ chain: Origin, after sequence: UInt64
  ) throws(SegmentStoreError) -> StoredBranch? {
    try requireTransaction()
    guard let held = try self.chain(of: chain), held.position.sequence > sequence else {
      return nil
    }
    let known = try branches()
    let cut = known.first { $0.branch.origin == chain }
    let root = cut?.branch.root ?? chain
    let start = (cut?.branch.start ?? 0) + sequence
    guard
      let first = try segment(containing: ChangeID(origin: chain, sequence: sequence + 1)),
      first.firstSequence == sequence + 1
    else {
      throw .inconsistent(origin: chain, message: "no segment begins behind change \(sequence)")
    }
    let branch = StoredBranch(
      branch: Branch(root: root, start: start, first: first.hash), parent: chain,
      first: first.hash)
    let row = try begin(branch)
    try move(behind: sequence, of: held.row, to: branch.branch.origin, row)
    try sql { () throws(SQLiteError) in
      // Whatever goes on from further behind goes on from the branch now.
      try connection.execute(
        "UPDATE segment_branch SET parent = ?1 WHERE parent = ?2 AND start > ?3",
        .blob(branch.branch.origin.bytes), .blob(chain.bytes), try SQLiteValue(counter: start))
      try connection.execute(
        """
        DELETE FROM segment_origin
        WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM segment WHERE origin = ?1)
          AND NOT EXISTS (SELECT 1 FROM segment_branch WHERE origin = ?1)
        """, .integer(held.row))
    }
    return branch
  }

  /// Begins a branch of a chain with a segment, which is to be stored next.
  package func begin(
    behind sequence: UInt64, of chain: Origin, with segment: Segment
  ) throws(SegmentStoreError) -> Branch {
    try requireTransaction()
    let root = segment.header.origin
    let branch = Branch(
      root: root, start: segment.header.firstSequence - 1, first: segment.hash)
    _ = try begin(StoredBranch(branch: branch, parent: chain, first: segment.hash))
    return branch
  }

  /// Takes over what somebody else knows of forks. What is stored here of a chain behind its fork
  /// becomes a branch, too.
  ///
  /// - Throws: `.inconsistent` for branches that do not fit together, or to those that are known.
  package func keep(_ branches: [StoredBranch]) throws(SegmentStoreError) {
    try requireTransaction()
    let known = try self.branches()
    let all = known + branches.filter { !known.contains($0) }
    if let wrong = StoredBranch.firstUnsound(of: all) {
      throw .inconsistent(origin: wrong.branch.root, message: "its branches do not fit together")
    }
    let starts = Dictionary(
      all.map { ($0.branch.origin, $0.branch.start) }, uniquingKeysWith: { first, _ in first })
    for stored in branches.sorted(by: { $0.branch.start < $1.branch.start }) {
      let end = stored.branch.start - (starts[stored.parent] ?? 0)
      let next = ChangeID(origin: stored.parent, sequence: end + 1)
      if let segment = try segment(containing: next), segment.firstSequence == end + 1 {
        _ = try split(stored.parent, after: end)
      } else {
        // Two segments that begin at other places cannot both be behind the fork.
        _ = try dropSegments(behind: ChangeID(origin: stored.parent, sequence: end))
      }
      if try !self.branches().contains(where: { $0.branch == stored.branch }) {
        _ = try begin(stored)
      }
    }
  }

  private func begin(_ stored: StoredBranch) throws(SegmentStoreError) -> Int64 {
    try sql { () throws(SQLiteError) in
      let row = try insertOrigin(stored.branch.origin)
      try connection.execute(
        "INSERT INTO segment_branch VALUES (?, ?, ?, ?, ?)", .integer(row),
        .blob(stored.branch.root.bytes), try SQLiteValue(counter: stored.branch.start),
        .blob(stored.parent.bytes), .blob(stored.first.array))
      return row
    }
  }

  /// Files segments under another chain, in its numbers.
  private func move(
    behind sequence: UInt64, of chain: Int64, to origin: Origin, _ row: Int64
  ) throws(SegmentStoreError) {
    var positions: [Int64] = []
    try sql { () throws(SQLiteError) in
      var rows = try connection.query(
        """
        SELECT position FROM segment WHERE origin = ? AND last_sequence > ?
        ORDER BY last_sequence
        """, .integer(chain), try SQLiteValue(counter: sequence))
      while try rows.next() { positions.append(try rows.integer(0)) }
    }
    var byteCount = 0
    for (index, position) in positions.enumerated() {
      guard let stored = try load(position) else {
        throw .inconsistent(origin: origin, message: "a segment of it has gone")
      }
      byteCount += stored.bytes.count
      let first = stored.firstSequence - sequence
      let last = stored.lastSequence - sequence
      let checksum = Self.checksum(
        of: stored.bytes, origin: origin, first: first, last: last, hash: stored.hash)
      try sql { () throws(SQLiteError) in
        try connection.execute(
          """
          UPDATE segment SET origin = ?, first_sequence = ?, last_sequence = ?, ordinal = ?,
            bytes_through = ?, checksum = ?
          WHERE position = ?
          """, .integer(row), try SQLiteValue(counter: first), try SQLiteValue(counter: last),
          SQLiteValue(index + 1), SQLiteValue(byteCount), .integer(Int64(checksum)),
          .integer(position))
      }
    }
  }
}

extension StoredBranch {
  /// One that does not go on from its root, or from a branch of that which begins before it; nil
  /// when all do.
  static func firstUnsound(of all: [StoredBranch]) -> StoredBranch? {
    let known = Dictionary(
      all.map { ($0.branch.origin, $0) }, uniquingKeysWith: { first, _ in first })
    guard known.count == all.count else { return all.first }
    return all.first { stored in
      if stored.parent == stored.branch.root { return known[stored.parent] != nil }
      guard let parent = known[stored.parent]?.branch else { return true }
      return parent.root != stored.branch.root || parent.start >= stored.branch.start
    }
  }

  package func write(to writer: inout ByteWriter) {
    branch.origin.write(to: &writer)
    branch.root.write(to: &writer)
    writer.write(fixed: branch.start)
    parent.write(to: &writer)
    first.write(to: &writer)
  }

  /// - Throws: `invalidValue` for a name that does not follow from the rest.
  package init(from reader: inout ByteReader) throws(ByteDecodingError) {
    let name = try Origin(from: &reader)
    let root = try Origin(from: &reader)
    let start = try reader.readFixed64("start of a branch")
    parent = try Origin(from: &reader)
    first = try Digest(from: &reader, "first segment of a branch")
    branch = Branch(root: root, start: start, first: first)
    guard branch.origin == name, start < UInt64(Int64.max) else {
      throw ByteDecodingError(.invalidValue, "name of a branch")
    }
  }
}

extension StoredSegment {
  /// The segment, on the branch that it is stored under.
  package func parsed() throws(SegmentError) -> Segment {
    let segment = try Segment(parsing: bytes)
    let header = segment.header
    guard header.origin != origin, header.firstSequence >= firstSequence else { return segment }
    let branch = Branch(
      origin: origin, root: header.origin, start: header.firstSequence - firstSequence)
    return segment.on(branch) ?? segment
  }
}
