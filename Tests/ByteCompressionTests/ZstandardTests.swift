import ByteCoding
import ByteCompression
import TestSupport
import Testing

@Suite("Zstandard")
struct ZstandardTests {
  @Test("what was compressed comes back", arguments: [0, 1, 100, 100_000])
  func roundTrip(count: Int) throws {
    var random = SeededGenerator(seed: UInt64(count))
    let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    let waves = (0..<count).map { UInt8($0 % 7) }
    for bytes in [noise, waves] {
      for effort in [Zstandard.Effort.quick, .thorough] {
        let frame = Zstandard.compress(bytes, effort)
        #expect(try Zstandard.decompress(frame, count: count, "frame") == bytes)
      }
    }
    if count > 1000 { #expect(Zstandard.compress(waves, .quick).count < count / 10) }
  }

  @Test("a frame of another size, or none, is refused")
  func refused() {
    let frame = Zstandard.compress([UInt8](repeating: 7, count: 1000), .quick)
    for count in [0, 999, 1001] {
      #expect(throws: ByteDecodingError(.invalidValue, "frame")) {
        try Zstandard.decompress(frame, count: count, "frame")
      }
    }
    for bytes in [[], [1, 2, 3], Array(frame.dropLast()), Array(frame.reversed())] {
      #expect(throws: ByteDecodingError(.invalidValue, "frame")) {
        try Zstandard.decompress(bytes, count: 1000, "frame")
      }
    }
  }
}
