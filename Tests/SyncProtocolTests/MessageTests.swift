import ByteCoding
import Causality
import TestSupport
import Testing

@testable import SyncProtocol

private let first = Origin(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10)
private let second = Origin(high: .max, low: 1)

private func vector(_ pairs: (Origin, UInt64)...) -> VersionVector {
  VersionVector(pairs.map { VersionVector.Entry(origin: $0.0, sequence: $0.1) })
}

private func makeHello() -> Hello {
  var hello = Hello(
    role: .relay, flow: .sendOnly, wish: .firstHand, origin: first, windowBytes: 4 << 20,
    recordDigest: (0..<32).map { UInt8($0) })
  hello.features = 5
  hello.floor = vector((second, 7))
  hello.extensions = [Hello.Extension(number: 3, bytes: [1, 2])]
  return hello
}

private let originHex = "0102030405060708090a0b0c0d0e0f10"
private let secondHex = "ffffffffffffffff0000000000000001"
private let digestHex = (0..<32).map {
  $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16)
}
.joined()

/// The bytes of FORMAT.md.
private let golden: [(message: Message, hex: String)] = [
  (
    .hello(makeHello()),
    "01" + "01" + "00" + "05" + "02" + "02" + "02" + originHex + "80808002" + digestHex
      + "01" + secondHex + "07" + "01" + "03" + "020102"
  ),
  (
    .tips(
      [ChainTip(origin: first, sequence: 300, chainPrefix: 0xAABB_CCDD_EEFF_0011)], isLast: true),
    "02" + "01" + "01" + originHex + "ac02" + "aabbccddeeff0011"
  ),
  (.records([[7, 7], [9]], isLast: false), "03" + "00" + "02" + "020707" + "0109"),
  (
    .segment(SegmentHead(origin: first, first: 4, last: 6, byteCount: 5), part: [1, 2, 3]),
    "04" + originHex + "04" + "02" + "05" + "010203"
  ),
  (.segmentPart([4, 5]), "05" + "0405"),
  (.acknowledge(vector((first, 6))), "06" + "01" + originHex + "06"),
  (.credit(1 << 20), "07" + "808040"),
  (.have(vector((first, 1), (second, 2))), "08" + "02" + originHex + "01" + secondHex + "02"),
  (.want([Want(origin: second, from: 9)], isAgain: true), "09" + "01" + "01" + secondHex + "09"),
  (.ping(130), "0a" + "8201"),
  (.pong(130), "0b" + "8201"),
  (.status(Status(.forked, origin: first, "no")), "0c" + "06" + "01" + originHex + "026e6f"),
  (.bye, "0d"),
  (.receipts([[7, 7], [9]]), "81" + "02" + "020707" + "0109"),
  (.presence([7, 7], hops: 3), "82" + "03" + "020707"),
  (
    .chains(ChainDigest(vector: 1, hashes: 0xFF)),
    "8b" + "0000000000000001" + "00000000000000ff"
  ),
  (
    .snapshotOffer(SnapshotOffer(format: 1, language: 16, documents: 200, changes: 3)),
    "83" + "01" + "10" + "c801" + "03"
  ),
  (.snapshotWant(cursor: [5, 6], byteBudget: 130), "84" + "020506" + "8201"),
  (.snapshotPart([1, 2, 3], isLast: true), "85" + "01" + "03010203"),
  (.snapshotDone, "86"),
  (.folded, "87"),
  (
    .bases([ChainBase(origin: first, sequence: 6, hash: [UInt8](repeating: 0xAB, count: 32))]),
    "88" + "01" + originHex + "06" + String(repeating: "ab", count: 32)
  ),
  (
    .documentWant([UInt8](repeating: 0xCD, count: 16)), "89" + String(repeating: "cd", count: 16)
  ),
  (.documentPart([1, 2, 3], isLast: false), "8a" + "00" + "03010203"),
]

@Suite struct MessageTests {
  @Test(arguments: golden.indices)
  func eachMessageIsTheBytesOfTheFormat(index: Int) throws {
    let (message, hex) = golden[index]
    #expect(Hexadecimal.encode(message.encoded()) == hex)
    #expect(try Message(decoding: Hexadecimal.decode(hex) ?? []) == message)
  }

  @Test func everyTruncationAndEveryTrailingByteIsRefused() throws {
    for (message, _) in golden {
      let bytes = message.encoded()
      for length in 0..<bytes.count {
        guard let shorter = try? Message(decoding: Array(bytes.prefix(length))) else { continue }
        // Parts have no length of their own: the frame ends them.
        switch shorter {
        case .segment, .segmentPart: break
        default: Issue.record("\(message) cut to \(length) bytes was read as \(shorter)")
        }
      }
      if case .segment = message { continue }
      if case .segmentPart = message { continue }
      #expect(throws: ByteDecodingError.self) { try Message(decoding: bytes + [0]) }
    }
  }

  @Test func unknownKindsAreIgnoredOnlyWhenTheySaySo() throws {
    #expect(try Message(decoding: [0x80 | 77, 1, 2, 3]) == .ignorable(kind: 0x80 | 77))
    #expect(throws: ByteDecodingError(.unsupportedVersion, "")) { try Message(decoding: [14]) }
    #expect(throws: ByteDecodingError(.unsupportedVersion, "")) { try Message(decoding: [0]) }
  }

  @Test(arguments: UInt64(1)...30)
  func damagedBytesAreRefusedOrAreTheOneEncodingOfSomething(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<400 {
      var bytes = golden.randomElement(using: &random)?.message.encoded() ?? []
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        bytes[place] = UInt8.random(in: 0...255, using: &random)
      }
      guard let message = try? Message(decoding: bytes) else { continue }
      if case .ignorable = message { continue }
      #expect(message.encoded() == bytes, "seed \(seed)")
    }
  }

  @Test(arguments: UInt64(1)...10)
  func randomBytesNeverTrap(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2_000 {
      var bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      if !bytes.isEmpty { bytes[0] = UInt8.random(in: 0...15, using: &random) }
      guard let message = try? Message(decoding: bytes) else { continue }
      #expect(message.encoded() == bytes, "seed \(seed)")
    }
  }

  @Test(arguments: [-1, 0, 1])
  func aPartHasAtMostItsLimit(difference: Int) {
    let bytes = [5] + [UInt8](repeating: 0, count: MessageLimits.partBytesMax + difference)
    #expect(((try? Message(decoding: bytes)) != nil) == (difference <= 0))
  }

  @Test(arguments: [-1, 0, 1])
  func aSegmentHasAtMostItsLimit(difference: Int) {
    let head = SegmentHead(
      origin: first, first: 1, last: 1, byteCount: MessageLimits.segmentBytesMax + difference)
    let bytes = Message.segment(head, part: [1]).encoded()
    #expect(((try? Message(decoding: bytes)) != nil) == (difference <= 0))
  }

  @Test(arguments: [-1, 0, 1])
  func tipsAndWantsHaveAtMostTheirLimit(difference: Int) {
    let count = MessageLimits.entriesMax + difference
    let origins = (1...count).map { Origin(high: 0, low: UInt64($0)) }
    let tips = Message.tips(
      origins.map { ChainTip(origin: $0, sequence: 1, chainPrefix: 0) }, isLast: true)
    let wants = Message.want(origins.map { Want(origin: $0, from: 1) }, isAgain: false)
    for message in [tips, wants] {
      let bytes = message.encoded()
      #expect(bytes.count <= MessageLimits.messageBytesMax)
      #expect(((try? Message(decoding: bytes)) != nil) == (difference <= 0))
    }
  }

  @Test(arguments: [-1, 0, 1])
  func aSentenceHasAtMostItsLimitAndIsCutWhereItIsMade(difference: Int) {
    let length = Status.sentenceBytesMax + difference
    let status = Status(.busy, String(repeating: "x", count: length))
    #expect(status.sentence.utf8.count == min(length, Status.sentenceBytesMax))
    #expect((try? Message(decoding: Message.status(status).encoded())) == .status(status))
  }

  @Test(arguments: [-1, 0, 1])
  func aPresenceNoteHasAtMostItsLimit(difference: Int) {
    let note = [UInt8](repeating: 1, count: MessageLimits.presenceBytesMax + difference)
    let bytes = Message.presence(note, hops: 1).encoded()
    #expect(((try? Message(decoding: bytes)) != nil) == (difference <= 0))
  }

  @Test func aSentenceNeverReachesATerminalWithControlCharacters() {
    #expect(Status(.busy, "a\u{1B}[31m\nb").sentence == "a [31m b")
    #expect(throws: ByteDecodingError(.invalidValue, "")) {
      try Message(decoding: [12, 1, 0, 2, 0x1B, 0x41])
    }
  }

  @Test func vectorsOutOfOrderAreRefused() {
    let low = second
    let high = first
    let bytes = Message.want(
      [Want(origin: low, from: 1), Want(origin: high, from: 1)], isAgain: false
    ).encoded()
    #expect(throws: ByteDecodingError(.notCanonical, "")) { try Message(decoding: bytes) }
  }
}
