import TestSupport
import Testing

@testable import SyncProtocol

@Suite struct FrameTests {
  @Test(arguments: UInt64(1)...20)
  func framesComeOutHoweverTheirBytesAreCut(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let payloads = (0..<30).map { _ in
      (0..<Int.random(in: 1...400, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
    }
    var bytes = payloads.flatMap(Frame.encode)
    var decoder = FrameDecoder()
    var decoded: [[UInt8]] = []
    while !bytes.isEmpty {
      let piece = Int.random(in: 0...min(bytes.count, 700), using: &random)
      decoder.append(Array(bytes.prefix(piece)))
      bytes.removeFirst(piece)
      while let payload = try decoder.next() { decoded.append(payload) }
      #expect(decoder.bufferedBytes <= 404)
    }
    #expect(decoded == payloads, "seed \(seed)")
  }

  @Test func theLengthIsFourBigEndianBytes() {
    #expect(Frame.encode([9, 8, 7]) == [0, 0, 0, 3, 9, 8, 7])
  }

  @Test(arguments: [-1, 0, 1])
  func theLimitIsOneMebibyte(difference: Int) throws {
    let length = Frame.payloadBytesMax + difference
    var decoder = FrameDecoder()
    decoder.append(withUnsafeBytes(of: UInt32(length).bigEndian) { Array($0) })
    if difference > 0 {
      #expect(throws: FrameError.tooLong(bytes: length, limit: Frame.payloadBytesMax)) {
        try decoder.next()
      }
    } else {
      let none = try decoder.next()
      #expect(none == nil)
      decoder.append([UInt8](repeating: 1, count: length))
      let payload = try decoder.next()
      #expect(payload?.count == length)
    }
  }

  @Test func aFrameWithoutContentIsRefused() {
    var decoder = FrameDecoder()
    decoder.append([0, 0, 0, 0])
    #expect(throws: FrameError.empty) { try decoder.next() }
  }

  @Test func aLengthIsRefusedBeforeItsContentIsAwaited() {
    var decoder = FrameDecoder(payloadBytesMax: 512)
    decoder.append([0, 0, 2, 1])
    #expect(throws: FrameError.tooLong(bytes: 513, limit: 512)) { try decoder.next() }
  }
}
