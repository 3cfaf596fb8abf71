import JSONCoding

/// The bytes of a line of JSON, put together again and again in the same memory.
struct TraceLine: ~Copyable {
  private var start: UnsafeMutablePointer<UInt8>
  private var capacity = 512
  private var count = 0

  init() { start = .allocate(capacity: capacity) }

  deinit { start.deallocate() }

  /// What was appended since ``begin()``; valid until the next change.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

  mutating func begin() { count = 0 }

  mutating func append(_ text: StaticString) {
    append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append($0) }
  }

  mutating func append(_ value: JSONValue) {
    switch value {
    case .integer(let number) where number.magnitude <= 1 << 53: append(Int(number))
    case .string(let text): appendString(text)
    default: appendWritten(value)
    }
  }

  /// Its decimal digits.
  mutating func append(_ number: Int) {
    reserve(20)
    if number < 0 { put(UInt8(ascii: "-")) }
    let first = count
    var rest = number.magnitude
    repeat {
      put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    } while rest > 0
    var digits = UnsafeMutableBufferPointer(start: start + first, count: count - first)
    digits.reverse()
  }

  private mutating func appendString(_ text: String) {
    var copy = text
    let isPlain = copy.withUTF8 { utf8 in
      utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
    }
    guard isPlain else { return appendWritten(.string(text)) }
    append("\"")
    append(text)
    append("\"")
  }

  private mutating func appendWritten(_ value: JSONValue) {
    var written: [UInt8] = []
    value.write(to: &written)
    written.withUnsafeBufferPointer { append($0) }
  }

  private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let source = bytes.baseAddress else { return }
    reserve(bytes.count)
    (start + count).initialize(from: source, count: bytes.count)
    count += bytes.count
  }

  private mutating func put(_ byte: UInt8) {
    (start + count).initialize(to: byte)
    count += 1
  }

  private mutating func reserve(_ more: Int) {
    guard count + more > capacity else { return }
    let wider = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * (count + more))
    wider.initialize(from: start, count: count)
    start.deallocate()
    start = wider
    capacity = 2 * (count + more)
  }
}
