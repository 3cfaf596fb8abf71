/// A column of integers of which neighbours mostly differ by the same step: pairs of a step (signed
/// varint) and how often it is taken (varint, not 0). The first step is taken from 0; neighbouring
/// pairs have different steps. Sums wrap.
///
/// Lamport times and clocks of consecutive changes take a few bytes in all this way.
package struct StepColumn: Sendable {
  /// How many integers there are.
  package private(set) var count = 0
  package private(set) var last: Int64 = 0

  private var writer = ByteWriter()
  private var step: Int64 = 0
  private var repeats = 0

  package init() {}

  /// Complexity: O(1) amortised.
  package mutating func append(_ value: Int64) {
    append(step: value &- last, count: 1)
  }

  package mutating func append(contentsOf values: UnsafeBufferPointer<Int64>) {
    var index = 0
    while index < values.count {
      let step = values[index] &- last
      var end = index + 1
      // Eight at once, which the compiler makes into vectors.
      while values.count - end >= 8 {
        var difference: Int64 = 0
        for next in end..<end + 8 { difference |= values[next] &- values[next - 1] ^ step }
        guard difference == 0 else { break }
        end += 8
      }
      while end < values.count, values[end] &- values[end - 1] == step { end += 1 }
      append(step: step, count: end - index)
      index = end
    }
  }

  /// Appends `count` integers, each `step` above the one before.
  package mutating func append(step: Int64, count added: Int) {
    guard added > 0 else { return }
    if repeats > 0, step != self.step {
      writer.write(signed: self.step)
      writer.write(count: repeats)
      repeats = 0
    }
    self.step = step
    repeats += added
    count += added
    last = last &+ step &* Int64(added)
  }

  /// Appends the integers of another column, of which there must be `added`.
  package mutating func append(
    _ column: ByteReader, count added: Int, _ field: String
  ) throws(ByteDecodingError) {
    var steps = StepColumnReader(column)
    guard count == 0 else {
      // The first of them is told from 0 there and from the last one here.
      var left = added
      while left > 0 {
        let isFirst = left == added
        let run = try steps.nextRun(field, atMost: isFirst ? 1 : left)
        append(step: isFirst ? run.step &- last : run.step, count: run.count)
        left -= run.count
      }
      return try steps.finish(field)
    }
    // All are there as they are to be stored; the last pair may grow.
    var start = column.offset
    while count < added {
      start = steps.offset
      (step, repeats) = try steps.nextRun(field, atMost: added - count)
      count += repeats
      last = last &+ step &* Int64(repeats)
    }
    try steps.finish(field)
    writer.write(raw: column.slice(upTo: start))
  }

  /// The column in bytes. Complexity: O(bytes).
  package var bytes: [UInt8] {
    var whole = writer
    if repeats > 0 {
      whole.write(signed: step)
      whole.write(count: repeats)
    }
    return whole.bytes
  }

  /// A reader of what is there now.
  package func makeReader() -> StepColumnReader { StepColumnReader(ByteReader(bytes)) }
}

/// Reads the integers of a ``StepColumn``.
@usableFromInline
package struct StepColumnReader: Sendable {
  private var reader: ByteReader
  @usableFromInline var value: Int64 = 0
  @usableFromInline var step: Int64 = 0
  private var hasStep = false
  /// How often the step is still to be taken.
  @usableFromInline var left = 0

  package init(_ reader: ByteReader) {
    self.reader = reader
  }

  /// Where the next pair is.
  fileprivate var offset: Int { reader.offset }

  /// The next integer.
  @inlinable
  @inline(__always)
  package mutating func next(_ field: String) throws(ByteDecodingError) -> Int64 {
    if left == 0 { try readRun(field) }
    left &-= 1
    value = value &+ step
    return value
  }

  @usableFromInline
  mutating func readRun(_ field: String) throws(ByteDecodingError) {
    let start = reader.offset
    let next = try reader.readSigned(field)
    guard !hasStep || next != step else {
      throw ByteDecodingError(.notCanonical, field, at: start)
    }
    step = next
    hasStep = true
    left = try reader.readInt(field, in: 1...Int.max)
  }

  /// The next integers that have one step: at most `limit` of them, at least one. Do not mix with
  /// ``next(_:)``.
  package mutating func nextRun(
    _ field: String, atMost limit: Int
  ) throws(ByteDecodingError) -> (step: Int64, count: Int) {
    if left == 0 { try readRun(field) }
    let taken = min(left, limit)
    left -= taken
    return (step, taken)
  }

  package func finish(_ field: String) throws(ByteDecodingError) {
    guard left == 0 else { throw ByteDecodingError(.trailingBytes, field, at: reader.offset) }
    try reader.finish(field)
  }
}
