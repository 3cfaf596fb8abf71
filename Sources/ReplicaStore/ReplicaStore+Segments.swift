import Causality
import ChangeCoding
import Documents
import Sealing
import SegmentStore
import Segments

// Stored segments and the changes in them.

extension ReplicaStore {
  func storedSegment(with change: ChangeID) throws(StoreError) -> Segment {
    let found = try stored { () throws(SegmentStoreError) in
      try segments.segment(containing: change)
    }
    guard let found else { throw .damaged("the segment with change \(change) is missing") }
    return try parsed(found)
  }

  func parsed(_ stored: StoredSegment) throws(StoreError) -> Segment {
    do throws(SegmentError) {
      return try Segment(parsing: stored.bytes)
    } catch {
      throw .damaged(
        "the segment with change \(stored.lastSequence) of \(stored.origin) is unreadable "
          + "(\(error))")
    }
  }

  /// The changes in a segment, exactly those that its header names.
  func open(_ segment: Segment) throws -> [Change] { try openBlock(segment).changes }

  func openBlock(
    _ segment: Segment
  ) throws -> (changes: [Change], block: EncodedBlock) {
    let header = segment.header
    guard header.keyEpoch == identity.keyEpoch else {
      throw InvalidSegment("it is sealed with key \(header.keyEpoch), which this device lacks")
    }
    guard header.bodyFormat == SegmentHeader.changeBlockFormat else {
      throw InvalidSegment("its changes have a format that this version does not know")
    }
    let bytes = try segment.open(with: identity.key)
    let changes = try ChangeBlock.decode(bytes, in: language)
    guard UInt64(changes.count) == header.lastSequence - header.firstSequence + 1,
      changes.indices.allSatisfy({
        changes[$0].id
          == ChangeID(origin: header.origin, sequence: header.firstSequence + UInt64($0))
      })
    else { throw InvalidSegment("its segment does not hold the changes that it names") }
    return (changes, EncodedBlock(count: changes.count, bytes: bytes))
  }
}

/// Why the changes of a segment cannot be used.
struct InvalidSegment: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
