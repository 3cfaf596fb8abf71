import ByteCoding
import Causality
import Documents
import SQLiteBridge
package import SegmentStore
import Segments

// Segments whose stored bytes have changed. Each is known by its checksum when it is read, noted
// here, left out of what is served and applied, and put back when a peer has sent it again; all
// else goes on.
extension ReplicaStore {
  private static let damageSetting = "damaged segments"
  private static let lostSetting = "damaged documents"
  /// Beyond this many, the rest is found when these are mended.
  private static let damageNotedMax = 1_000

  /// The segments that were found damaged and not fetched again yet, by position.
  package var damagedSegments: [DamagedSegment] {
    damage.noted.sorted { $0.position < $1.position }
  }

  /// How many segments and documents have to be fetched again.
  package var damagedCount: Int { damage.noted.count + damage.documents.count }

  /// The segments of the ranges in store order, as
  /// ``SegmentStore/segments(in:limitBytes:limitCount:)`` gives them, without what lies behind a
  /// damaged one of the same origin.
  package func intactSegments(
    in ranges: [SegmentRange], limitBytes: Int
  ) throws(StoreError) -> [StoredSegment] {
    var ranges = ranges
    return try reading { () throws(StoreError) in
      while !ranges.isEmpty {
        do throws(SegmentStoreError) {
          return try segments.segments(in: ranges, limitBytes: limitBytes, limitCount: .max)
        } catch {
          guard case .damaged(let origin, _, _) = error,
            ranges.contains(where: { $0.origin == origin })
          else { throw noted(error) }
          _ = noted(error)
          ranges.removeAll { $0.origin == origin }
        }
      }
      return []
    }
  }

  /// Looks again at what was found damaged, and writes down what was found since: for a later run,
  /// and for other processes. Outside of transactions. Costs nothing when nothing is damaged.
  package func saveDamage() throws(StoreError) {
    guard damage.isUnsaved, options.access != .read else { return }
    try write { () throws(StoreError) in
      var still: Set<DamagedSegment> = []
      for segment in damage.noted
      where try stored({ () throws(SegmentStoreError) in try segments.isDamaged(segment) }) {
        still.insert(segment)
      }
      damage.noted = still
      try writeDamage()
    }
  }

  func isDamaged(_ change: ChangeID) -> Bool {
    damage.noted.contains {
      $0.origin == change.origin && $0.sequences.contains(change.sequence)
    }
  }

  /// The error as the store's, noted when it names a damaged segment.
  func noted(_ error: SegmentStoreError) -> StoreError {
    if case .damaged(let origin, let sequences, let position) = error {
      damage.note(
        DamagedSegment(origin: origin, sequences: sequences, position: position),
        limit: Self.damageNotedMax)
    }
    return StoreError(error)
  }

  /// Puts a segment that is stored already in the place of its damaged bytes, if they are. Within a
  /// transaction for writing.
  ///
  /// - Returns: whether it did.
  func mend(_ segment: Segment) throws(StoreError) -> Bool {
    let names = try branchNames()
    for damaged in damagedSegments {
      let segment = names?.branch(damaged.origin).flatMap { segment.on($0) } ?? segment
      guard damaged.origin == segment.origin,
        damaged.sequences.overlaps(segment.firstSequence...segment.lastSequence),
        try stored({ () throws(SegmentStoreError) in try segments.mend(damaged, with: segment) })
      else { continue }
      damage.noted.remove(damaged)
      // What could not be read can be now, but for what the call under way has met all the same.
      try writeDamage()
      brokenDocuments = sparedDocuments
      chains[segment.origin] = nil
      lanes.removeAll()
      return true
    }
    return false
  }

  // MARK: What is remembered

  /// Takes what another process, or an earlier run, has noted. Within a transaction.
  func loadDamage() throws(StoreError) {
    let bytes = try stored { () throws(SegmentStoreError) in
      try segments.setting(Self.damageSetting)
    }
    var noted: Set<DamagedSegment> = []
    if let bytes {
      do throws(ByteDecodingError) {
        var reader = ByteReader(bytes)
        while !reader.isAtEnd {
          let origin = try Origin(from: &reader)
          let first = try reader.readFixed64("first sequence")
          let last = try reader.readFixed64("last sequence")
          let position = try reader.readFixed64("position")
          noted.insert(
            DamagedSegment(
              origin: origin, sequences: first...max(first, last),
              position: Int64(clamping: position)))
        }
      } catch {
        // What is damaged is found again when it is read.
        noted = []
      }
    }
    let lost = Set(try loadLost())
    damage.noted = damage.isUnsaved ? damage.noted.union(noted) : noted
    damage.documents = damage.isUnsaved ? damage.documents.union(lost) : lost
  }

  private func loadLost() throws(StoreError) -> [DocumentID] {
    let bytes = try stored { () throws(SegmentStoreError) in
      try segments.setting(Self.lostSetting) ?? []
    }
    return stride(from: 0, to: bytes.count, by: DocumentID.byteCount).compactMap { start in
      DocumentID(bytes: Array(bytes[start..<min(start + DocumentID.byteCount, bytes.count)]))
    }
  }

  func writeDamage() throws(StoreError) {
    var writer = ByteWriter()
    for segment in damagedSegments {
      segment.origin.write(to: &writer)
      writer.write(fixed: segment.sequences.lowerBound)
      writer.write(fixed: segment.sequences.upperBound)
      writer.write(fixed: UInt64(clamping: segment.position))
    }
    let bytes = writer.bytes
    try stored { () throws(SegmentStoreError) in
      try segments.setSetting(Self.damageSetting, to: bytes.isEmpty ? nil : bytes)
      let lost = lostDocuments.flatMap(\.bytes)
      try segments.setSetting(Self.lostSetting, to: lost.isEmpty ? nil : lost)
    }
    damage.isUnsaved = false
  }
}

/// What a store that only reads has met and cannot write down.
package struct FoundDamage: Equatable, Sendable {
  fileprivate var segments: Set<DamagedSegment>
  fileprivate var documents: [DocumentID]
}

extension ReplicaStore {
  /// What a store that is open for reading has found damaged since it was last asked; nil when that
  /// is nothing. Costs nothing then.
  package func takeFoundDamage() -> FoundDamage? {
    guard damage.isUnsaved || !rebuiltDocuments.isEmpty else { return nil }
    defer {
      damage.isUnsaved = false
      rebuiltDocuments = [:]
    }
    let documents = damage.documents.union(rebuiltDocuments.keys).sorted()
    return FoundDamage(segments: damage.noted, documents: documents)
  }

  /// Takes over what another store of the same file has found.
  package func take(_ found: FoundDamage) throws(StoreError) {
    for segment in found.segments { damage.note(segment, limit: Self.damageNotedMax) }
    for id in found.documents {
      do throws(StoreError) {
        _ = try document(id)
      } catch {
        // Looking at it is what notes it.
        guard case .damaged = error else { throw error }
      }
    }
  }
}

/// What is known to be damaged.
struct KnownDamage {
  var noted: Set<DamagedSegment> = []
  /// Documents that nothing here can make again.
  var documents: Set<DocumentID> = []
  var isUnsaved = false

  mutating func formUnion(_ other: KnownDamage) {
    noted.formUnion(other.noted)
    documents.formUnion(other.documents)
    isUnsaved = isUnsaved || other.isUnsaved
  }

  mutating func note(lost id: DocumentID, limit: Int) {
    guard documents.count < limit, documents.insert(id).inserted else { return }
    isUnsaved = true
  }

  mutating func note(_ segment: DamagedSegment, limit: Int) {
    guard noted.count < limit, noted.insert(segment).inserted else { return }
    isUnsaved = true
  }
}
