import ByteCoding
package import Causality
package import Sealing

/// One of several ways on that the chain of an origin has taken.
///
/// Where two writers have used one origin, as the twins of a copied store that both went on, its
/// chain **forks**: several segments name the same one before them. What lies before the fork keeps
/// its name. Each way on gets one of its own, which follows from the segment that it begins with,
/// so all who hold that segment know it by the same name. Its changes count from 1 again.
///
/// The name begins as that of the root: whatever is ordered by origins, such as concurrent
/// insertions at one place, stays ordered as whoever wrote on it has seen it.
package struct Branch: Hashable, Sendable {
  /// The name under which it goes on.
  package let origin: Origin
  /// The origin that its segments name, as they were sealed under it.
  package let root: Origin
  /// The last change of the root before it.
  package let start: UInt64

  static let domain = Domain("skerry branch")
  private static let keptBits: UInt64 = ~0xFFFF

  /// - Parameter first: the hash of the segment that it begins with.
  package init(root: Origin, start: UInt64, first: Digest) {
    var writer = ByteWriter(reservingCapacity: Origin.byteCount + 8 + Bytes32.byteCount)
    root.write(to: &writer)
    writer.write(fixed: start)
    first.write(to: &writer)
    let hash = Digest.of(writer.bytes, domain: Branch.domain).array
    let tail = hash[..<10].reduce((high: UInt64(0), low: UInt64(0))) { words, byte in
      (words.high << 8 | words.low >> 56, words.low << 8 | UInt64(byte))
    }
    origin = Origin(high: root.high & Branch.keptBits | tail.high, low: tail.low)
    self.root = root
    self.start = start
  }

  /// One that is known already by its name.
  package init(origin: Origin, root: Origin, start: UInt64) {
    self.origin = origin
    self.root = root
    self.start = start
  }
}

extension Segment {
  /// The segment as a part of the chain that somebody calls it by: of its origin, or of a branch,
  /// whose name follows from where it begins. Whoever knows of a fork uses that one.
  ///
  /// - Parameters:
  ///   - name: the change that it begins with, in the numbers of that chain.
  ///   - last: the last one.
  /// - Returns: nil when it cannot be that. Of a branch only the first segment proves the name;
  ///   whether another one goes on from that is to be looked at where it is stored.
  package func announced(as name: ChangeID, through last: UInt64) -> Segment? {
    guard header.firstSequence >= name.sequence else { return nil }
    let start = header.firstSequence - name.sequence
    guard header.lastSequence >= start, header.lastSequence - start == last else { return nil }
    if header.origin == name.origin { return start == 0 ? self : nil }
    let branch = Branch(origin: name.origin, root: header.origin, start: start)
    if name.sequence == 1, branch != Branch(root: header.origin, start: start, first: hash) {
      return nil
    }
    return on(branch)
  }
}

/// What a device says about what others wrote: in the changes of these origins up to these
/// sequences, whatever names changes of the root behind the fork means those of this branch.
///
/// A device says it when it learns of a fork, for what it had applied until then: of its own
/// changes it knows it, and of those of others it has read them so.
package struct BranchStatement: Hashable, Sendable {
  package static let entriesMax = 31

  package let root: Origin
  package let start: UInt64
  /// The hash of the segment that the branch begins with.
  package let first: Digest
  /// Ascending, at most ``entriesMax``.
  package let readers: VersionVector

  package var branch: Branch { Branch(root: root, start: start, first: first) }

  /// - Precondition: at most ``entriesMax`` readers.
  package init(root: Origin, start: UInt64, first: Digest, readers: VersionVector) {
    precondition(readers.entries.count <= BranchStatement.entriesMax, "too many for one record")
    self.root = root
    self.start = start
    self.first = first
    self.readers = readers
  }

  func write(to writer: inout ByteWriter) {
    root.write(to: &writer)
    writer.write(fixed: start)
    first.write(to: &writer)
    readers.write(to: &writer)
  }

  init(from reader: inout ByteReader) throws(ByteDecodingError) {
    root = try Origin(from: &reader)
    start = try reader.readFixed64("start of a branch")
    first = try Digest(from: &reader, "first segment of a branch")
    readers = try VersionVector(from: &reader)
    guard start < UInt64(Int64.max), readers.entries.count <= BranchStatement.entriesMax else {
      throw ByteDecodingError(.limitExceeded, "statement about a branch")
    }
  }
}

/// A statement that counts, and who has made it.
package struct SignedBranchStatement: Hashable, Sendable {
  package let statement: BranchStatement
  package let author: SigningKey.Public
  /// Of its record, in the chain of its author.
  package let index: UInt32
  /// Of its record.
  package let hash: Digest
}
