import Causality
import SQLiteBridge
import SegmentStore
import Segments
import TestSupport
import Testing

@Suite("Reading a segment store in order")
struct OrderTests {
  /// What a store should hold: its segments in the order of arrival.
  struct Model {
    var arrived: [Segment] = []

    var vector: VersionVector {
      VersionVector(
        arrived.map { .init(origin: $0.header.origin, sequence: $0.header.lastSequence) })
    }

    func lacking(_ known: VersionVector) -> [Segment] {
      arrived.filter { $0.header.lastSequence > known[$0.header.origin] }
    }
  }

  func history(seed: UInt64, origins: Int, segments: Int) throws -> (Fixture, Model) {
    var generator = SeededGenerator(seed: seed)
    let fixture = try Fixture()
    var model = Model()
    var authors = (0..<origins).map { Author(UInt64($0), seed: seed) }
    try fixture.write { () throws(SegmentStoreError) in
      for _ in 0..<segments {
        let index = Int.random(in: 0..<origins, using: &generator)
        let changes = UInt64.random(in: 1...5, using: &generator)
        let bytes = Int.random(in: 0...300, using: &generator)
        guard let segment = try? authors[index].seal(changes, bytes: bytes) else { continue }
        model.arrived.append(segment)
        #expect(try fixture.store.append(segment) == .stored(position: Int64(model.arrived.count)))
      }
    }
    return (fixture, model)
  }

  func randomVector(below full: VersionVector, _ generator: inout SeededGenerator) -> VersionVector
  {
    var vector = VersionVector()
    for entry in full.entries {
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: break
      case 1: vector.advance(entry.origin, to: entry.sequence)
      case 2: vector.advance(entry.origin, to: .max)
      default:
        vector.advance(
          entry.origin, to: UInt64.random(in: 0...entry.sequence, using: &generator))
      }
    }
    return vector
  }

  @Test("random histories agree with a model in memory", arguments: 1...12 as ClosedRange<UInt64>)
  func model(seed: UInt64) throws {
    let (fixture, model) = try history(
      seed: seed, origins: Int(seed % 5) * 3 + 1, segments: 120)
    let store = fixture.store
    var generator = SeededGenerator(seed: seed &+ 99)
    #expect(try store.storedVector() == model.vector, "seed \(seed)")
    #expect(try store.check().isEmpty, "seed \(seed)")
    for _ in 0..<20 {
      let known = randomVector(below: model.vector, &generator)
      let lacking = model.lacking(known)
      let all = try store.segments(beyond: known, limitBytes: .max, limitCount: .max)
      #expect(all.map(\.hash) == lacking.map(\.hash), "seed \(seed)")
      #expect(all.map(\.bytes) == lacking.map(\.bytes), "seed \(seed)")

      let totals = try store.totals(beyond: known)
      #expect(totals.segments == lacking.count, "seed \(seed)")
      #expect(totals.bytes == lacking.reduce(0) { $0 + $1.bytes.count }, "seed \(seed)")
      #expect(totals.changes == model.vector.changeCount(beyond: known), "seed \(seed)")

      // In batches, going on from what has been sent.
      var sent = known
      var batched: [Segment] = []
      let limit = Int.random(in: 1...2_000, using: &generator)
      while true {
        let batch = try store.segments(beyond: sent, limitBytes: limit, limitCount: 7)
        if batch.isEmpty { break }
        #expect(batch.count <= 7)
        #expect(batch.dropLast().reduce(0) { $0 + $1.bytes.count } < limit)
        for segment in batch {
          sent.advance(segment.origin, to: segment.lastSequence)
          batched.append(try Segment(parsing: segment.bytes))
        }
      }
      #expect(batched == lacking, "seed \(seed)")
    }
  }

  @Test("ranges answer exactly the segments that they touch")
  func ranges() throws {
    let fixture = try Fixture()
    var author = Author(1)
    var other = Author(2)
    for _ in 0..<4 {
      try fixture.append(try author.seal(2))
      try fixture.append(try other.seal(3))
    }
    func found(_ ranges: SegmentRange...) throws -> [Int64] {
      try fixture.store.segments(in: ranges, limitBytes: .max, limitCount: .max).map(\.position)
    }
    let (one, two) = (author.origin, other.origin)
    #expect(try found() == [])
    #expect(try found(.init(origin: one, after: 0)) == [1, 3, 5, 7])
    #expect(try found(.init(origin: one, after: 0, through: 2)) == [1])
    #expect(try found(.init(origin: one, after: 0, through: 3)) == [1, 3])
    #expect(try found(.init(origin: one, after: 1, through: 2)) == [1])
    #expect(try found(.init(origin: one, after: 2, through: 2)) == [])
    #expect(try found(.init(origin: one, after: 8)) == [])
    #expect(try found(.init(origin: one, after: .max)) == [])
    #expect(
      try found(.init(origin: two, after: 3, through: 6), .init(origin: one, after: 6)) == [4, 7])
    #expect(try found(.init(origin: Author(3).origin, after: 0)) == [])
  }

  @Test("by position: all that arrived later, within the limits")
  func byPosition() throws {
    let (fixture, model) = try history(seed: 5, origins: 3, segments: 30)
    let store = fixture.store
    for position in [-1, 0, 1, 29, 30, 31, .max] as [Int64] {
      let found = try store.segments(
        afterPosition: position, limitBytes: .max, limitCount: .max)
      #expect(
        found.map(\.hash) == model.arrived.dropFirst(Int(clamping: max(0, position))).map(\.hash))
    }
    #expect(try store.segments(afterPosition: 0, limitBytes: .max, limitCount: 3).count == 3)
    #expect(try store.segments(afterPosition: 0, limitBytes: 0, limitCount: 0).count == 1)
    let two = model.arrived[0].bytes.count + model.arrived[1].bytes.count
    #expect(try store.segments(afterPosition: 0, limitBytes: two - 1, limitCount: 9).count == 2)
    #expect(try store.segments(afterPosition: 0, limitBytes: two, limitCount: 9).count == 2)
    #expect(try store.segments(afterPosition: 0, limitBytes: two + 1, limitCount: 9).count == 3)
  }

  @Test("what a peer has is not read, however much it is")
  func cost() throws {
    let fixture = try Fixture()
    var author = Author(1)
    var other = Author(2)
    try fixture.write { () throws(SegmentStoreError) in
      for _ in 0..<3_000 {
        guard let segment = try? author.seal(1, bytes: 4) else { continue }
        _ = try fixture.store.append(segment)
      }
      for _ in 0..<3 {
        guard let segment = try? other.seal(1, bytes: 4) else { continue }
        _ = try fixture.store.append(segment)
      }
    }
    var plan = try fixture.connection.query(
      """
      EXPLAIN QUERY PLAN SELECT position, first_sequence FROM segment
      WHERE origin = ? AND last_sequence > ? ORDER BY last_sequence LIMIT 1
      """, 1, 1)
    #expect(try plan.next())
    #expect(try plan.text(3).contains("USING COVERING INDEX segment_by_sequence"))
    #expect(try !plan.next())
    let known = VersionVector([.init(origin: author.origin, sequence: 2_999)])
    let found = try fixture.store.segments(beyond: known, limitBytes: .max, limitCount: 10)
    #expect(found.map(\.position) == [3_000, 3_001, 3_002, 3_003])
  }
}
