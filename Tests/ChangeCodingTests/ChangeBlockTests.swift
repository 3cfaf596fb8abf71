import ByteCoding
import Causality
import Documents
import TestSupport
import Testing

@testable import ChangeCoding

func testOrigin(_ number: Int) -> Origin { Origin(high: 0xA0, low: UInt64(number)) }
func testDocument(_ number: Int) -> DocumentID { DocumentID(high: 0xD0, low: UInt64(number)) }
let body = ContainerID.child(parent: .root, key: "body", kind: .text, generation: nil)

@Suite struct ChangeBlockTests {
  @Test func anEmptyBlockAndOneOfEveryOperationComeBack() throws {
    #expect(try ChangeBlock.decode(ChangeBlock.encode([])) == [])
    let changes = [EveryOperation.change]
    let block = ChangeBlock.encode(changes)
    let decoded = try ChangeBlock.decode(block)
    #expect(decoded == changes)
    #expect(ChangeBlock.encode(decoded) == block)
  }

  /// The golden bytes of FORMAT.md.
  @Test func theFirstKeystrokesOfATextAreTheseBytes() throws {
    let first = Change(
      id: ChangeID(origin: testOrigin(1), sequence: 1), lamport: 1,
      time: Timestamp(clampingMilliseconds: 1_000),
      edits: [
        DocumentEdit(
          document: testDocument(2), parents: [],
          operations: [
            Operation(.root, .make("body", .text, isAnew: false, replaces: [])),
            Operation(body, .insertText(at: 0, "h")),
          ])
      ])
    let second = Change(
      id: ChangeID(origin: testOrigin(1), sequence: 2), lamport: 2,
      time: Timestamp(clampingMilliseconds: 1_150),
      edits: [
        DocumentEdit(
          document: testDocument(2), parents: [first.id],
          operations: [Operation(body, .insertText(at: 1, "i"))])
      ])
    let block = ChangeBlock.encode([first, second])
    #expect(
      Hexadecimal.encode(block)
        == "0102" + "040e017f01" + "25" + "0000000000000000a00000000000000001" + "01"
        + "0000000000000000d00000000000000002" + "0002" + "04d00fac02" + "06510165017501"
        + "0c0004626f6479020101000002" + "026869" + "905141e2")
    #expect(try ChangeBlock.decode(block) == [first, second])
  }

  /// A change for every keystroke: what is foreseen is not written.
  @Test func typingCostsAFewBytesAKeystroke() throws {
    var changes: [Change] = []
    var previous: [ChangeID] = []
    for index in 0..<2_000 {
      let id = ChangeID(origin: testOrigin(1), sequence: UInt64(index + 1))
      changes.append(
        Change(
          id: id, lamport: UInt64(index + 1),
          time: Timestamp(clampingMilliseconds: Int64(index * 137 + index % 11)),
          edits: [
            DocumentEdit(
              document: testDocument(1), parents: previous,
              operations: [Operation(body, .insertText(at: index, "x"))])
          ]))
      previous = [id]
    }
    let block = ChangeBlock.encode(changes)
    #expect(block.count < 2_000 * 3 + 120)
    #expect(try ChangeBlock.decode(block) == changes)
  }

  @Test(arguments: 0..<200)
  func randomChangesComeBackAndBytesAreCanonical(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let changes = RandomChanges.changes(&random)
    let block = ChangeBlock.encode(changes)
    #expect(try ChangeBlock.decode(block) == changes)
    let summary = try ChangeBlock.summary(block)
    #expect(summary.changeCount == changes.count)
    #expect(summary.first == changes.first?.id)
  }

  /// Damaged bytes whose checksum is right: refused, or the one encoding of what they say.
  @Test(arguments: 0..<60)
  func damagedBlocksAreRefusedOrCanonical(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let block = ChangeBlock.encode(
      seed % 3 == 0 ? [EveryOperation.change] : RandomChanges.changes(&random))
    for _ in 0..<150 {
      var bytes = Array(block.dropLast(4))
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        bytes[Int.random(in: 1..<bytes.count, using: &random)] ^=
          1 << UInt8.random(in: 0..<8, using: &random)
      case 1:
        bytes[Int.random(in: 1..<bytes.count, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      case 2: bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
      default:
        bytes.insert(
          UInt8.random(in: 0...255, using: &random),
          at: Int.random(in: 1...bytes.count, using: &random))
      }
      var whole = ByteWriter()
      whole.write(raw: bytes)
      whole.write(fixed: CRC32C.checksum(bytes))
      do {
        let changes = try ChangeBlock.decode(whole.bytes)
        #expect(ChangeBlock.encode(changes) == whole.bytes)
      } catch {}
    }
  }

  @Test func damageAndLaterVersionsAreTold() throws {
    let block = ChangeBlock.encode([EveryOperation.change])
    for index in 1..<block.count {
      var damaged = block
      damaged[index] ^= 0x10
      #expect(throws: ByteDecodingError(.checksumMismatch, "")) {
        try ChangeBlock.decode(damaged)
      }
    }
    for length in 0..<block.count {
      #expect(throws: ByteDecodingError.self) { try ChangeBlock.decode(Array(block[..<length])) }
    }
    var later = block
    later[0] = 2
    #expect(throws: ByteDecodingError(.unsupportedVersion, "")) { try ChangeBlock.decode(later) }
  }

  @Test(arguments: [-1, 0, 1])
  func theDepthOfContainersIsLimited(excess: Int) throws {
    var container = ContainerID.root
    for _ in 0..<(ContainerID.depthMax + excess) {
      container = .child(parent: container, key: "k", kind: .map, generation: nil)
    }
    let block = ChangeBlock.encode([change([Operation(container, .set("a", .null, replaces: []))])])
    if excess > 0 {
      #expect(throws: ByteDecodingError(.limitExceeded, "")) { try ChangeBlock.decode(block) }
    } else {
      #expect(
        try ChangeBlock.decode(block).first?.edits.first?.operations.first?.container == container)
    }
  }

  @Test(arguments: [-1, 0, 1])
  func theElementsOfABlockAreLimited(excess: Int) throws {
    let count = ChangeBlock.elementCountMax + excess
    let list = ContainerID.child(parent: .root, key: "l", kind: .list, generation: nil)
    let half = [Operation.Element](repeating: .value(.null), count: count / 2)
    let rest = [Operation.Element](repeating: .value(.null), count: count - count / 2)
    let both = change([
      Operation(list, .insertElements(at: 0, half)), Operation(list, .insertElements(at: 0, rest)),
    ])
    #expect(ChangeBlock.fits([both]) == (excess <= 0))
    let block = ChangeBlock.encode([both])
    if excess > 0 {
      #expect(throws: ByteDecodingError(.limitExceeded, "")) { try ChangeBlock.decode(block) }
    } else {
      #expect(try ChangeBlock.decode(block).first?.edits.first?.operations.count == 2)
    }
  }

  @Test(arguments: [-1, 0, 1])
  func theLengthOfKeysIsLimited(excess: Int) throws {
    let key = Key(String(repeating: "k", count: Key.byteCountMax + excess))
    let block = ChangeBlock.encode([change([Operation(.root, .set(key, .null, replaces: []))])])
    if excess > 0 {
      #expect(throws: ByteDecodingError(.limitExceeded, "")) { try ChangeBlock.decode(block) }
    } else {
      #expect(try ChangeBlock.decode(block).count == 1)
    }
  }

  @Test(arguments: [-1, 0, 1])
  func theEventsOfAnEditAreLimited(excess: Int) throws {
    let block = ChangeBlock.encode([
      change([Operation(body, .remove(at: 0, count: Operation.eventCountMax + excess))])
    ])
    if excess > 0 {
      #expect(throws: ByteDecodingError.self) { try ChangeBlock.decode(block) }
    } else {
      #expect(try ChangeBlock.decode(block).count == 1)
    }
  }

  @Test func aReducedChangeKeepsOneDocument() {
    let edits = [1, 2].map {
      DocumentEdit(
        document: testDocument($0), parents: [], operations: [Operation(.root, .deleteDocument)])
    }
    let change = Change(
      id: ChangeID(origin: testOrigin(1), sequence: 4), lamport: 9,
      time: Timestamp(clampingMilliseconds: 5),
      dependencies: [ChangeID(origin: testOrigin(2), sequence: 1)], edits: edits)
    #expect(change.reduced(to: edits[1]).edits == [edits[1]])
    #expect(change.reduced(to: edits[1]).dependencies == [])
  }

  @Test func blocksThatAreEncodedInTheSameMemoryAreThoseThatAreEncodedAlone() {
    var encoder = ChangeBlock.Encoder()
    var random = SeededGenerator(seed: 5)
    for _ in 0..<50 {
      let changes = RandomChanges.changes(&random)
      #expect(encoder.blocks(of: changes) == [ChangeBlock.encode(changes)])
    }
  }

  private func change(_ operations: [Operation]) -> Change {
    Change(
      id: ChangeID(origin: testOrigin(1), sequence: 1), lamport: 1,
      time: Timestamp(clampingMilliseconds: 0),
      edits: [DocumentEdit(document: testDocument(1), parents: [], operations: operations)])
  }
}
