import ByteCoding
import Causality
import TestSupport
import Testing

private func makeVector(
  using random: inout SeededGenerator, origins: Int = 6
) -> VersionVector {
  var vector = VersionVector()
  for number in 0..<origins where Bool.random(using: &random) {
    vector.advance(
      Origin(high: UInt64(number), low: 7), to: UInt64.random(in: 1...9, using: &random))
  }
  return vector
}

private func encoded(_ vector: VersionVector) -> [UInt8] {
  var writer = ByteWriter()
  vector.write(to: &writer)
  return writer.bytes
}

@Suite struct OriginTests {
  @Test func anOriginIsItsSixteenBytesMostSignificantFirst() throws {
    let origin = Origin(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10)
    #expect(origin.bytes == Array(1...16))
    #expect(Origin(bytes: origin.bytes) == origin)
    #expect(origin.description == "0102030405060708090a0b0c0d0e0f10")
    #expect(Origin(hexadecimal: origin.description) == origin)
    var reader = ByteReader(origin.bytes)
    #expect(try Origin(from: &reader) == origin)
  }

  @Test func whatIsNoOriginIsRefused() {
    #expect(Origin(bytes: Array(1...15)) == nil)
    #expect(Origin(bytes: Array(1...17)) == nil)
    #expect(Origin(hexadecimal: "0102") == nil)
    #expect(Origin(hexadecimal: String(repeating: "g", count: 32)) == nil)
  }

  @Test(arguments: UInt64(1)...10)
  func originsAreOrderedAsTheirBytes(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      let pair = (0..<2).map { _ in
        Origin(
          high: UInt64.random(in: 0...3, using: &random), low: random.next())
      }
      #expect((pair[0] < pair[1]) == pair[0].bytes.lexicographicallyPrecedes(pair[1].bytes))
    }
  }

  @Test func changesAndStampsAreOrderedByTheirParts() {
    let a = Origin(high: 0, low: 1)
    let b = Origin(high: 0, low: 2)
    #expect(ChangeID(origin: a, sequence: 9) < ChangeID(origin: b, sequence: 1))
    #expect(ChangeID(origin: a, sequence: 1) < ChangeID(origin: a, sequence: 2))
    #expect(Stamp(lamport: 1, origin: b) < Stamp(lamport: 2, origin: a))
    #expect(Stamp(lamport: 1, origin: a) < Stamp(lamport: 1, origin: b))
    let change = ChangeID(origin: a, sequence: 1)
    #expect(EventID(change: change, index: 1) < EventID(change: change, index: 2))
  }
}

@Suite struct VersionVectorTests {
  @Test(arguments: UInt64(1)...30)
  func unionAndIntersectionAreTheBoundsOfTheOrder(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let a = makeVector(using: &random)
    let b = makeVector(using: &random)
    let c = makeVector(using: &random)
    #expect(a.union(b) == b.union(a))
    #expect(a.union(b).union(c) == a.union(b.union(c)))
    #expect(a.union(a) == a)
    #expect(a.union(b).covers(a) && a.union(b).covers(b))
    #expect(a.covers(a.intersection(b)) && b.covers(a.intersection(b)))
    #expect(a.intersection(b) == b.intersection(a))
    #expect(a.union(a.intersection(b)) == a, "seed \(seed)")
    let missing = a.union(b).changeCount(beyond: a)
    #expect(missing == b.changeCount(beyond: a))
    #expect((missing == 0) == a.covers(b))
  }

  @Test(arguments: UInt64(1)...30)
  func theRelationFollowsFromCovering(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let a = makeVector(using: &random, origins: 2)
    let b = makeVector(using: &random, origins: 2)
    switch a.relation(to: b) {
    case .equal: #expect(a == b)
    case .before: #expect(b.covers(a) && a != b)
    case .after: #expect(a.covers(b) && a != b)
    case .concurrent: #expect(!a.covers(b) && !b.covers(a))
    }
  }

  @Test func entriesAreSortedAndNeverZero() {
    let a = Origin(high: 0, low: 1)
    let b = Origin(high: 0, low: 2)
    var vector = VersionVector()
    vector.advance(b, to: 5)
    vector.advance(a, to: 3)
    vector.advance(b, to: 4)
    vector.advance(a, to: 0)
    #expect(vector.entries.map(\.origin) == [a, b])
    #expect(vector[b] == 5)
    vector.set(b, to: 2)
    #expect(vector[b] == 2)
    vector.set(b, to: 0)
    #expect(vector.entries.count == 1)
    #expect(!vector.contains(ChangeID(origin: a, sequence: 4)))
    #expect(vector.contains(ChangeID(origin: a, sequence: 3)))
  }

  @Test func countingManyChangesSaturates() {
    var vector = VersionVector()
    vector.advance(Origin(high: 0, low: 1), to: .max)
    vector.advance(Origin(high: 0, low: 2), to: .max)
    #expect(vector.changeCount(beyond: VersionVector()) == .max)
  }

  @Test(arguments: UInt64(1)...20)
  func bytesAndTextComeBack(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let vector = makeVector(using: &random)
    var reader = ByteReader(encoded(vector))
    #expect(try VersionVector(from: &reader) == vector)
    #expect(reader.isAtEnd)
    #expect(try VersionVector(text: vector.text) == vector)
  }

  @Test func theGoldenBytesStay() {
    var vector = VersionVector()
    #expect(encoded(vector) == [0])
    #expect(vector.text == "v1:AA")
    vector.advance(Origin(high: 1, low: 2), to: 300)
    #expect(
      Hexadecimal.encode(encoded(vector)) == "01" + "0000000000000001" + "0000000000000002" + "ac02"
    )
  }

  @Test func whatIsNotCanonicalIsRefused() {
    let a = Origin(high: 0, low: 1).bytes
    let b = Origin(high: 0, low: 2).bytes
    let refused: [([UInt8], ByteDecodingError.Code)] = [
      ([2] + b + [1] + a + [1], .notCanonical), ([2] + a + [1] + a + [2], .notCanonical),
      ([1] + a + [0], .notCanonical), ([1] + a, .truncated), ([1] + a + [0x81, 0], .notCanonical),
      ([0xFF, 0xFF, 0x7F], .limitExceeded), ([], .truncated),
    ]
    for (bytes, code) in refused {
      #expect(throws: ByteDecodingError(code, "")) {
        var reader = ByteReader(bytes)
        _ = try VersionVector(from: &reader)
      }
    }
    for text in ["v2:AA", "AA", "v1:AAA", "v1:AB", "v1:AAAA", "v1:*"] {
      #expect(throws: ByteDecodingError.self) { try VersionVector(text: text) }
    }
  }

  @Test(arguments: [-1, 0, 1])
  func aVectorHasAtMostItsLimitOfOrigins(difference: Int) {
    let count = VersionVector.originCountMax + difference
    let vector = VersionVector(
      (0..<count).map { .init(origin: Origin(high: 0, low: UInt64($0)), sequence: 1) })
    let bytes = encoded(vector)
    if difference > 0 {
      #expect(throws: ByteDecodingError(.limitExceeded, "")) {
        var reader = ByteReader(bytes)
        _ = try VersionVector(from: &reader)
      }
    } else {
      var reader = ByteReader(bytes)
      #expect((try? VersionVector(from: &reader)) == vector)
    }
  }
}
