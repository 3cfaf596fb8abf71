import ByteCoding
import Causality
import Sealing
import Segments
import TestSupport
import Testing

/// One writer and what it seals with.
struct SegmentFixture {
  let entropy: Entropy
  let device: DeviceKeys
  let key: WorkspaceKey
  let workspace: WorkspaceID
  let origin: Origin
  let sealer: SegmentSealer

  init(seed: UInt64 = 21) {
    entropy = .seeded(seed)
    device = DeviceKeys(entropy: entropy)
    key = WorkspaceKey(entropy: entropy)
    workspace = WorkspaceID(entropy.bytes32())
    origin = Origin(high: entropy.uint64(), low: entropy.uint64())
    sealer = SegmentSealer(
      workspace: workspace, keyEpoch: 1, key: key, device: device, entropy: entropy)
  }

  func segment(
    _ body: [UInt8], _ sequences: ClosedRange<UInt64> = 1...1, after: Digest? = nil
  ) throws -> Segment {
    try sealer.seal(
      body, origin: origin, sequences: sequences,
      after: after ?? (sequences.lowerBound == 1 ? .zero : Digest(entropy.bytes32())))
  }

  /// Everything that a receiver checks.
  func accept(_ bytes: [UInt8], at position: ChainPosition = .start) throws -> [UInt8] {
    let segment = try Segment(parsing: bytes)
    try segment.verifySignature(by: device.publicKey)
    try segment.verifyFollows(position)
    return try segment.open(with: key)
  }
}

@Suite struct SegmentTests {
  let fixture = SegmentFixture()

  @Test func whatWasSealedIsParsedCheckedAndOpened() throws {
    for count in [0, 1, 2, 100, 255, 4096, 100_000] {
      let body = fixture.entropy.bytes(count)
      let sealed = try fixture.segment(body, 1...7)
      let parsed = try Segment(parsing: sealed.bytes)
      #expect(parsed == sealed)
      #expect(parsed.header == sealed.header && parsed.hash == sealed.hash)
      #expect(parsed.header.workspace == fixture.workspace)
      #expect(parsed.header.origin == fixture.origin)
      #expect(parsed.header.firstSequence == 1 && parsed.header.lastSequence == 7)
      #expect(parsed.header.keyEpoch == 1)
      #expect(parsed.header.bodyFormat == SegmentHeader.changeBlockFormat)
      #expect(parsed.position == ChainPosition(sequence: 7, hash: sealed.hash))
      #expect(try fixture.accept(sealed.bytes) == body)
    }
  }

  @Test func everyChangedBitIsRefused() throws {
    let sealed = try fixture.segment(fixture.entropy.bytes(20)).bytes
    for index in sealed.indices {
      for bit in 0..<8 {
        var changed = sealed
        changed[index] ^= 1 << UInt8(bit)
        #expect(throws: SegmentError.self, "byte \(index), bit \(bit)") {
          try fixture.accept(changed)
        }
      }
    }
  }

  @Test func everyOtherLengthIsRefused() throws {
    let sealed = try fixture.segment(fixture.entropy.bytes(20)).bytes
    for count in 0..<sealed.count {
      #expect(throws: SegmentError.malformed(ByteDecodingError(.truncated, ""))) {
        try Segment(parsing: Array(sealed.prefix(count)))
      }
    }
    #expect(throws: SegmentError.malformed(ByteDecodingError(.trailingBytes, ""))) {
      try Segment(parsing: sealed + [0])
    }
  }

  @Test func randomBytesAreRefused() {
    for count in 0..<400 {
      #expect(throws: SegmentError.self) {
        try Segment(parsing: [1, 1] + fixture.entropy.bytes(count))
      }
    }
  }

  @Test func anotherKeyNeitherVerifiesNorOpens() throws {
    let sealed = try fixture.segment([1, 2, 3])
    let other = SegmentFixture(seed: 22)
    #expect(throws: SegmentError.badSignature(sealed.firstChange)) {
      try sealed.verifySignature(by: other.device.publicKey)
    }
    #expect(throws: SegmentError.notAuthentic(sealed.firstChange)) {
      try sealed.open(with: other.key)
    }
  }

  @Test func longestBodyFitsAndALongerOneIsRefused() throws {
    let max = Segment.bodyBytesMax
    let body = [UInt8](repeating: 5, count: max)
    for count in [max - 1, max] {
      let sealed = try fixture.segment(Array(body.prefix(count)))
      #expect(sealed.bytes.count <= Segment.bytesMax)
      #expect(try Segment(parsing: sealed.bytes).open(with: fixture.key).count == count)
    }
    #expect(throws: SegmentError.tooLong(bytes: max + 1, changes: 1)) {
      try fixture.segment(body + [5])
    }
    #expect(Padme.paddedCount(ofBody: max + 1) + Segment.overhead > Segment.bytesMax)
    #expect(throws: SegmentError.malformed(ByteDecodingError(.limitExceeded, ""))) {
      try Segment(parsing: [UInt8](repeating: 1, count: Segment.bytesMax + 1))
    }
    #expect(throws: SegmentError.malformed(ByteDecodingError(.trailingBytes, ""))) {
      var bytes = try fixture.segment([1]).bytes
      bytes += [UInt8](repeating: 0, count: Segment.bytesMax - bytes.count)
      _ = try Segment(parsing: bytes)
    }
  }

  @Test func longestRunOfChangesFitsAndALongerOneIsRefused() throws {
    let max = UInt64(Segment.changesMax)
    for last in [max - 1, max] {
      let sealed = try fixture.segment([1], 1...last)
      #expect(try Segment(parsing: sealed.bytes).header.lastSequence == last)
    }
    #expect(throws: SegmentError.tooLong(bytes: 1, changes: max + 1)) {
      try fixture.segment([1], 1...(max + 1))
    }
    // The same in bytes from elsewhere.
    var bytes = try fixture.segment([1], 1...max).bytes
    bytes.replaceSubrange(66..<74, with: [0, 0, 0, 0, 0, 0x10, 0, 1])
    #expect(throws: SegmentError.malformed(ByteDecodingError(.limitExceeded, ""))) {
      try Segment(parsing: bytes)
    }
  }

  @Test func headersThatContradictThemselvesAreRefused() throws {
    let first = try fixture.segment([1]).bytes
    let later = try fixture.segment([1], 5...6).bytes
    let cases: [(String, [UInt8], Range<Int>, [UInt8])] = [
      ("version 0", first, 0..<1, [0]), ("version 2", first, 0..<1, [2]),
      ("body format 0", first, 1..<2, [0]), ("epoch 0", first, 2..<6, [0, 0, 0, 0]),
      ("length 0", first, 6..<10, [0, 0, 0, 0]),
      ("length of a tag alone", first, 6..<10, [0, 0, 0, 16]),
      ("length beyond the end", first, 6..<10, [0xFF, 0xFF, 0xFF, 0xFF]),
      ("first 0", first, 58..<66, [UInt8](repeating: 0, count: 8)),
      ("last before first", later, 66..<74, [0, 0, 0, 0, 0, 0, 0, 4]),
      ("last beyond", later, 58..<74, [UInt8](repeating: 0xFF, count: 16)),
      ("hash before the first", first, 74..<106, [UInt8](repeating: 1, count: 32)),
      ("no hash before a later one", later, 74..<106, [UInt8](repeating: 0, count: 32)),
    ]
    for (name, bytes, range, replacement) in cases {
      var changed = bytes
      changed.replaceSubrange(range, with: replacement)
      #expect(throws: SegmentError.self, "\(name)") { try Segment(parsing: changed) }
    }
  }

  @Test func bodiesOfAFormatNotKnownYetAreStillStoredAndChecked() throws {
    let sealed = try fixture.sealer.seal(
      [1], format: 200, origin: fixture.origin, sequences: 1...1, after: .zero)
    let parsed = try Segment(parsing: sealed.bytes)
    try parsed.verifySignature(by: fixture.device.publicKey)
    #expect(parsed.header.bodyFormat == 200)
  }

  @Test func chainIsFollowedAndItsBreaksAreNamed() throws {
    var position = ChainPosition.start
    var segments: [Segment] = []
    var next: UInt64 = 1
    for length in [1, 3, 1, 10] as [UInt64] {
      let segment = try fixture.segment(
        [1], next...(next + length - 1), after: position.hash)
      try segment.verifyFollows(position)
      segments.append(segment)
      position = segment.position
      next += length
    }
    #expect(position.sequence == 15)
    #expect(segments[1].previous == segments[0].position)
    #expect(throws: SegmentError.gap(origin: fixture.origin, expected: 2, found: 5)) {
      try segments[2].verifyFollows(segments[0].position)
    }
    #expect(throws: SegmentError.overlap(origin: fixture.origin, held: 5, found: 2)) {
      try segments[1].verifyFollows(segments[2].position)
    }
    let fork = try fixture.segment([2], 1...1)
    #expect(throws: SegmentError.forked(origin: fixture.origin, after: 1)) {
      try segments[1].verifyFollows(fork.position)
    }
  }

  @Test func twoSealsOfOneBodyLookDifferent() throws {
    #expect(try fixture.segment([1, 2, 3]) != fixture.segment([1, 2, 3]))
  }

  @Test func segmentBytesAreThoseOfTheFormat() throws {
    let golden = try SegmentFixture(seed: 2026).segment(Array("a change block".utf8), 1...3)
    #expect(Hexadecimal.encode(golden.bytes) == GoldenVectors.segment)
    #expect(golden.hash.hexadecimal == GoldenVectors.segmentHash)
    let bytes = try #require(Hexadecimal.decode(GoldenVectors.segment))
    #expect(try SegmentFixture(seed: 2026).accept(bytes) == Array("a change block".utf8))
  }
}
