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

  @Test("a column that is appended whole is as if its numbers came one by one", arguments: 0..<50)
  func appended(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var whole = StepColumn()
    var joined = StepColumn()
    for _ in 0..<3 {
      var part = StepColumn()
      var number: Int64 = 0
      for _ in 0..<Int.random(in: 0...20, using: &random) {
        number += Int64.random(in: 0...2, using: &random)
        part.append(number)
        whole.append(number)
      }
      try joined.append(ByteReader(part.bytes), count: part.count, "numbers")
      #expect(joined.bytes == whole.bytes, "seed \(seed)")
      #expect(joined.count == whole.count && joined.last == whole.last, "seed \(seed)")
      for wrong in [part.count - 1, part.count + 1] where wrong >= 0 {
        for start in [StepColumn(), joined] {
          var column = start
          #expect(throws: ByteDecodingError.self, "seed \(seed)") {
            try column.append(ByteReader(part.bytes), count: wrong, "numbers")
          }
        }
      }
    }
  }

  @Test("numbers that come together are as if they came one by one", arguments: 0..<50)
  func together(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var numbers: [Int64] = []
    for _ in 0..<8 {
      let step = Int64.random(in: -1...1, using: &random)
      for _ in 0..<Int.random(in: 0...20, using: &random) {
        numbers.append((numbers.last ?? .max) &+ step)
      }
    }
    var single = StepColumn()
    for number in numbers { single.append(number) }
    var together = StepColumn()
    numbers.withUnsafeBufferPointer { together.append(contentsOf: $0) }
    #expect(together.bytes == single.bytes, "seed \(seed)")
    #expect(together.last == single.last && together.count == single.count)
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
