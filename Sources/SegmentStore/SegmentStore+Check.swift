import Causality
import SQLiteBridge
import Sealing
import Segments

extension SegmentStore {
  /// Reads every segment and checks its checksum, its form, its place in its chain, and that the
  /// sums kept beside them are right.
  ///
  /// Complexity: O(bytes).
  ///
  /// - Returns: what is wrong, in store order, at most `limit` findings; empty when nothing is.
  package func check(limit: Int = 100) throws(SegmentStoreError) -> [SegmentStoreError] {
    var findings: [SegmentStoreError] = []
    var tally = Tally()
    let last = try lastPosition()
    var position: Int64 = 0
    while position < last, findings.count < limit {
      position += 1
      do throws(SegmentStoreError) {
        // What was dropped leaves numbers that stand for nothing.
        guard let stored = try load(position) else { continue }
        if let finding = tally.add(stored) { findings.append(finding) }
      } catch {
        guard case .damaged(let origin, let sequences, _) = error else { throw error }
        findings.append(error)
        tally.skip(origin, through: sequences.upperBound)
      }
    }
    if findings.isEmpty { findings += try tally.compare(with: self) }
    return findings
  }
}

/// What the segments seen so far add up to.
private struct Tally {
  struct Entry {
    /// Nil behind a damaged segment, whose hash cannot be trusted.
    var position: ChainPosition?
    var segments = 0
    var bytes = 0
  }

  var entries: [Origin: Entry] = [:]

  mutating func add(_ stored: StoredSegment) -> SegmentStoreError? {
    var entry = entries[stored.origin] ?? Entry(position: .start)
    defer { entries[stored.origin] = entry }
    if stored.isDropped {
      guard entry.position == .start else {
        return .inconsistent(
          origin: stored.origin, message: "a segment is dropped that has others before it")
      }
      entry.position = ChainPosition(sequence: stored.lastSequence, hash: stored.hash)
      return nil
    }
    entry.segments += 1
    entry.bytes += stored.bytes.count
    let expected = entry.position
    entry.position = ChainPosition(sequence: stored.lastSequence, hash: stored.hash)
    do throws(SegmentError) {
      let segment = try stored.parsed()
      guard segment.hash == stored.hash, segment.origin == stored.origin,
        segment.firstSequence == stored.firstSequence,
        segment.lastSequence == stored.lastSequence
      else {
        return .inconsistent(
          origin: stored.origin, message: "segment number \(stored.position) is filed wrongly")
      }
      if let expected { try segment.verifyFollows(expected) }
      return nil
    } catch {
      return .inconsistent(origin: stored.origin, message: error.description)
    }
  }

  mutating func skip(_ origin: Origin, through sequence: UInt64) {
    entries[origin, default: Entry()].position = nil
  }

  func compare(with store: SegmentStore) throws(SegmentStoreError) -> [SegmentStoreError] {
    var findings: [SegmentStoreError] = []
    let heads = try store.heads()
    for (origin, position) in heads {
      let entry = entries[origin] ?? Entry()
      let held = try store.held(of: origin)
      if entry.position != position || entry.segments != held.segments || entry.bytes != held.bytes
      {
        findings.append(
          .inconsistent(origin: origin, message: "its segments do not add up to what is noted"))
      }
    }
    if heads.count != entries.count {
      findings.append(.inconsistent(origin: nil, message: "segments of an unknown origin"))
    }
    return findings
  }
}
