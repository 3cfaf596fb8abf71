import ByteCoding
import TestSupport
import Testing

@Suite("Step columns")
struct StepColumnTests {
  @Test("numbers come back, also those that wrap", arguments: 0..<50)
  func roundTrip(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var numbers: [Int64] = []
    var column = StepColumn()
    for _ in 0..<Int.random(in: 0...40, using: &random) {
      let next: Int64 =
        switch Int.random(in: 0..<4, using: &random) {
        case 0: Int64.random(in: .min ... .max, using: &random)
        case 1: numbers.last ?? 0
        default: (numbers.last ?? 0) &+ 1
        }
      numbers.append(next)
      column.append(next)
    }
    #expect(column.count == numbers.count && column.last == numbers.last ?? 0)
    var reader = StepColumnReader(ByteReader(column.bytes))
    #expect(try numbers.map { _ in try reader.next("number") } == numbers, "seed \(seed)")
    try reader.finish("numbers")
    var runs = column.makeReader()
    var count = 0
    while count < numbers.count {
      count += try runs.nextRun("number", atMost: numbers.count - count).count
    }
    try runs.finish("numbers")
  }

  @Test("a million numbers of one step take a few bytes")
  func size() {
    var column = StepColumn()
    for number in 1...1_000_000 { column.append(Int64(number)) }
    #expect(column.bytes.count <= 4)
    column.append(step: 1, count: 1_000_000)
    #expect(column.bytes.count <= 4 && column.last == 2_000_000)
  }

  @Test("what no writer writes is refused")
  func refused() {
    for bytes: [UInt8] in [[2], [2, 0], [2, 1, 2, 1], [0x80, 0]] {
      var reader = StepColumnReader(ByteReader(bytes))
      #expect(throws: ByteDecodingError.self) {
        for _ in 0..<2 { _ = try reader.next("number") }
      }
    }
    var reader = StepColumnReader(ByteReader([2, 2]))
    #expect(throws: ByteDecodingError(.trailingBytes, "numbers")) {
      _ = try reader.next("number")
      try reader.finish("numbers")
    }
  }
}
