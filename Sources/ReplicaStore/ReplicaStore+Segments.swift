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
      return try stored.parsed()
    } catch {
      throw .damaged(
        "the segment with change \(stored.lastSequence) of \(stored.origin) is unreadable "
          + "(\(error))")
    }
  }

  func open(_ segment: Segment) throws -> [Change] { try openBlock(segment).changes }

  /// The changes in a segment, as what they name is called here, and the block in which they stand
  /// just so, if there is one. Where origins are forked, they end before the first one of which it
  /// is not known what it names.
  func openBlock(
    _ segment: Segment
  ) throws -> (changes: [Change], block: EncodedBlock?) {
    let (changes, block) = try openSealed(segment)
    guard let names = try branchNames() else { return (changes, block) }
    let read = names.reading(changes, in: segment)
    return (read, read == changes ? block : nil)
  }

  /// All changes in a segment: where it is not known what one names, it names that as it was
  /// sealed. Such a one was applied once and waits now.
  func openWhole(_ segment: Segment) throws -> [Change] {
    let changes = try openSealed(segment).changes
    guard let names = try branchNames() else { return changes }
    return changes.enumerated().map { offset, change in
      if let read = names.reading(change, in: segment) { return read }
      var sealed = change
      sealed.id = ChangeID(
        origin: segment.origin, sequence: segment.firstSequence + UInt64(offset))
      return sealed
    }
  }

  /// The changes in a segment as they were sealed.
  func openSealed(
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
