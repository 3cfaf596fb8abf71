internal import RunStructures

/// How much a piece of text is: scalars, UTF-8 bytes and UTF-16 units, in lanes of one vector. The
/// fourth lane is zero. Sums wrap; a text has at most 2^31 bytes, so that none does.
typealias TextWidths = SIMD4<UInt32>

extension TextWidths {
  @inline(__always)
  init(scalars: Int, utf8: Int, utf16: Int) {
    self.init(
      UInt32(truncatingIfNeeded: scalars), UInt32(truncatingIfNeeded: utf8),
      UInt32(truncatingIfNeeded: utf16), 0)
  }

  /// The widths of valid UTF-8.
  init(of utf8: UnsafeBufferPointer<UInt8>) {
    if utf8.count == 1 {
      self.init(scalars: 1, utf8: 1, utf16: 1)
    } else {
      self.init(UTF8Scalars.measure(utf8), utf8: utf8.count)
    }
  }

  /// The widths of valid UTF-8, for those who may know that it is ASCII.
  @inline(__always)
  init(of utf8: UnsafeBufferPointer<UInt8>, isASCII: Bool) {
    if isASCII {
      self.init(scalars: utf8.count, utf8: utf8.count, utf16: utf8.count)
    } else {
      self.init(of: utf8)
    }
  }

  /// The widths of bytes if they are valid UTF-8.
  init?(validating utf8: UnsafeBufferPointer<UInt8>) {
    guard let measure = UTF8Scalars.measure(validating: utf8) else { return nil }
    self.init(measure, utf8: utf8.count)
  }

  private init(_ measure: UTF8Scalars.Measure, utf8: Int) {
    self.init(scalars: measure.scalarCount, utf8: utf8, utf16: measure.utf16Count)
  }

  @inline(__always) var scalars: Int { Int(self[0]) }
  @inline(__always) var utf8: Int { Int(self[1]) }
  @inline(__always) var utf16: Int { Int(self[2]) }
}

/// A piece of a text in one allocation: a gap buffer of UTF-8.
///
///     base    [ head | text before the gap | gap | text after it ]
///                    0                 gapStart  gapEnd       capacity
///
/// The gap is between two scalars. What is on either side of it is measured by itself, so that
/// typing changes one word of the head. A handle: whoever makes a block frees it, and nobody
/// changes one that another text may be reading.
struct TextRopeBlock {
  /// What the head knows of one side of the gap. Everything is bounded by the capacity, so that
  /// nothing exceeds 16 bits.
  private struct Side {
    /// Where the gap starts or ends.
    var gap: UInt16
    var scalars: UInt16 = 0
    var utf16: UInt16 = 0
    /// The capacity, on the side after the gap.
    var capacity: UInt16 = 0

    @inline(__always)
    mutating func add(_ scalars: Int, utf16: Int) {
      self.scalars = UInt16(truncatingIfNeeded: Int(self.scalars) &+ scalars)
      self.utf16 = UInt16(truncatingIfNeeded: Int(self.utf16) &+ utf16)
    }
  }

  static let headSize = 16
  /// With its head, a full block is 2 KB.
  static let capacityMax = 2048 - headSize
  /// The capacities of the only block of a short text: powers of two with the head.
  static let capacityMin = 64 - headSize

  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(base: UnsafeMutableRawPointer) {
    self.base = base
  }

  init(capacity: Int) {
    base = .allocate(byteCount: Self.headSize + capacity, alignment: 16)
    let sides = base.bindMemory(to: Side.self, capacity: 2)
    sides.initialize(to: Side(gap: 0))
    (sides + 1).initialize(to: Side(gap: UInt16(capacity), capacity: UInt16(capacity)))
    (base + Self.headSize).bindMemory(to: UInt8.self, capacity: capacity)
  }

  func free() {
    base.deallocate()
  }

  /// The least capacity for a text of `count` bytes, which is at most `capacityMax`.
  static func capacity(for count: Int) -> Int {
    var size = capacityMin + headSize
    while size - headSize < count { size *= 2 }
    return size - headSize
  }

  @inline(__always)
  private var before: UnsafeMutablePointer<Side> { base.assumingMemoryBound(to: Side.self) }

  @inline(__always)
  private var after: UnsafeMutablePointer<Side> { base.assumingMemoryBound(to: Side.self) + 1 }

  @inline(__always)
  private var bytes: UnsafeMutablePointer<UInt8> {
    (base + Self.headSize).assumingMemoryBound(to: UInt8.self)
  }

  // MARK: Size

  @inline(__always) var capacity: Int { Int(after.pointee.capacity) }
  @inline(__always) var gapStart: Int { Int(before.pointee.gap) }
  @inline(__always) var gapEnd: Int { Int(after.pointee.gap) }
  @inline(__always) var gapScalars: Int { Int(before.pointee.scalars) }
  @inline(__always) var gapUTF16: Int { Int(before.pointee.utf16) }
  @inline(__always) var scalars: Int { gapScalars &+ Int(after.pointee.scalars) }
  @inline(__always) var utf16: Int { gapUTF16 &+ Int(after.pointee.utf16) }
  @inline(__always) var room: Int { gapEnd &- gapStart }
  @inline(__always) var utf8: Int { capacity &- room }
  @inline(__always) var isASCII: Bool { scalars == utf8 }
  /// Whether each scalar is one UTF-16 unit.
  @inline(__always) var isBasic: Bool { scalars == utf16 }

  @inline(__always)
  var widths: TextWidths { TextWidths(scalars: scalars, utf8: utf8, utf16: utf16) }

  /// The widths of the text before the gap.
  @inline(__always)
  var gapWidths: TextWidths { TextWidths(scalars: gapScalars, utf8: gapStart, utf16: gapUTF16) }

  var beforeGap: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: bytes, count: gapStart)
  }

  var afterGap: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: bytes + gapEnd, count: capacity - gapEnd)
  }

  @inline(__always)
  private func byte(_ offset: Int) -> UInt8 {
    offset < gapStart ? bytes[offset] : bytes[offset &+ room]
  }

  // MARK: The gap

  /// Moves the gap to before scalar `offset`, at most `scalars`.
  func moveGap(toScalar offset: Int) {
    let moved = offset - gapScalars
    guard moved != 0 else { return }
    if isASCII {
      moveGap(toByte: offset, scalar: offset)
    } else if moved > 0 {
      let length = UTF8Scalars.byteOffset(of: moved, in: afterGap)
      moveGap(toByte: gapStart + length, scalar: offset)
    } else {
      moveGap(toByte: gapStart - lengthBeforeGap(of: -moved), scalar: offset)
    }
  }

  /// The bytes of the last `count` scalars before the gap; there are as many.
  private func lengthBeforeGap(of count: Int) -> Int {
    if count > 32 {
      return gapStart - UTF8Scalars.byteOffset(of: gapScalars - count, in: beforeGap)
    }
    var start = gapStart
    for _ in 0..<count {
      start -= 1
      while bytes[start] & 0xC0 == 0x80 { start -= 1 }
    }
    return gapStart - start
  }

  /// Moves the gap to byte `target` of the text, where scalar `offset` begins.
  private func moveGap(toByte target: Int, scalar offset: Int) {
    let moved = target - gapStart
    if moved > 0 {
      (bytes + gapStart).update(from: bytes + gapEnd, count: moved)
    } else {
      (bytes + (gapEnd + moved)).update(from: bytes + target, count: -moved)
    }
    // What passed the gap is at its new place in any case; the old one may be overwritten.
    let begin = moved > 0 ? gapStart : gapEnd + moved
    let scalars = offset - gapScalars
    let utf16 =
      moved.signum() * widths(of: bytes + begin, abs(moved), scalars: abs(scalars)).utf16
    before.pointee.add(scalars, utf16: utf16)
    after.pointee.add(-scalars, utf16: -utf16)
    before.pointee.gap = UInt16(truncatingIfNeeded: target)
    after.pointee.gap = UInt16(truncatingIfNeeded: gapEnd + moved)
  }

  // MARK: Editing

  /// One in each field of a side but the capacity.
  private static let one: UInt64 = 0x0000_0001_0001_0001

  /// Puts one ASCII byte before the gap, which has room for it.
  @inline(__always)
  func put(_ byte: UInt8) {
    bytes[gapStart] = byte
    add(Self.one)
  }

  /// Adds to all fields of the side before the gap at once. No field wraps: each keeps between zero
  /// and the capacity.
  @inline(__always)
  private func add(_ change: UInt64) {
    let word = UInt64(littleEndian: base.load(as: UInt64.self))
    base.storeBytes(of: (word &+ change).littleEndian, as: UInt64.self)
  }

  /// Puts text of known widths, for which there is room, before the gap.
  func put(_ source: UnsafePointer<UInt8>, _ widths: TextWidths) {
    (bytes + gapStart).update(from: source, count: widths.utf8)
    before.pointee.gap += UInt16(truncatingIfNeeded: widths.utf8)
    before.pointee.add(widths.scalars, utf16: widths.utf16)
  }

  /// Puts text of known widths, for which there is room, after the gap.
  private func putAfterGap(_ source: UnsafePointer<UInt8>, _ widths: TextWidths) {
    (bytes + (gapEnd - widths.utf8)).update(from: source, count: widths.utf8)
    after.pointee.gap -= UInt16(truncatingIfNeeded: widths.utf8)
    after.pointee.add(widths.scalars, utf16: widths.utf16)
  }

  private func takeBeforeGap(_ widths: TextWidths) {
    before.pointee.gap -= UInt16(truncatingIfNeeded: widths.utf8)
    before.pointee.add(-widths.scalars, utf16: -widths.utf16)
  }

  private func takeAfterGap(_ widths: TextWidths) {
    after.pointee.gap += UInt16(truncatingIfNeeded: widths.utf8)
    after.pointee.add(-widths.scalars, utf16: -widths.utf16)
  }

  /// Whether there is a scalar before the gap and it is ASCII.
  @inline(__always)
  var isASCIIBeforeGap: Bool { gapStart > 0 && bytes[gapStart &- 1] < 0x80 }

  /// Whether there is a scalar after the gap and it is ASCII.
  @inline(__always)
  var isASCIIAfterGap: Bool { gapEnd < capacity && bytes[gapEnd] < 0x80 }

  /// Removes the scalar before the gap, which is ASCII.
  @inline(__always)
  func takeASCIIBeforeGap() {
    add(0 &- Self.one)
  }

  /// Removes the scalar after the gap, which is ASCII.
  @inline(__always)
  func takeASCIIAfterGap() {
    takeAfterGap(TextWidths(1, 1, 1, 0))
  }

  /// Removes `count` scalars from scalar `offset` on; there are as many.
  func remove(_ count: Int, at offset: Int) {
    // The gap takes in what goes: bring it there unless it is there.
    if gapScalars < offset {
      moveGap(toScalar: offset)
    } else if gapScalars > offset + count {
      moveGap(toScalar: offset + count)
    }
    let back = gapScalars - offset
    var gone = TextWidths(scalars: back, utf8: back, utf16: back)
    var goneAfter = TextWidths(scalars: count - back, utf8: count - back, utf16: count - back)
    if !isASCII {
      let length = lengthBeforeGap(of: back)
      gone = widths(of: bytes + (gapStart - length), length, scalars: back)
      goneAfter = widths(
        of: bytes + gapEnd, UTF8Scalars.byteOffset(of: count - back, in: afterGap),
        scalars: count - back)
    }
    takeBeforeGap(gone)
    takeAfterGap(goneAfter)
  }

  /// The widths of bytes of this block of which the scalars are counted.
  private func widths(of part: UnsafePointer<UInt8>, _ length: Int, scalars: Int) -> TextWidths {
    let utf16 =
      isBasic
      ? scalars : UTF8Scalars.utf16Count(UnsafeBufferPointer(start: part, count: length))
    return TextWidths(scalars: scalars, utf8: length, utf16: utf16)
  }

  /// Moves the first bytes of the text, up to a scalar at or before `limit`, to the end of
  /// `target`, which has room for `limit`. Returns what moved.
  @discardableResult
  func moveFirst(_ limit: Int, toEndOf target: TextRopeBlock) -> TextWidths {
    let length = scalarStart(atOrBefore: limit)
    moveGap(toByte: 0, scalar: 0)
    target.moveGap(toByte: target.utf8, scalar: target.scalars)
    let moved = TextWidths(of: UnsafeBufferPointer(start: bytes + gapEnd, count: length))
    target.put(bytes + gapEnd, moved)
    takeAfterGap(moved)
    return moved
  }

  /// Moves the text from the scalar at or before byte `offset` on to the start of `target`, which
  /// has room for it and for three bytes more. Returns what moved.
  @discardableResult
  func moveLast(from offset: Int, toStartOf target: TextRopeBlock) -> TextWidths {
    let start = scalarStart(atOrBefore: offset)
    moveGap(toByte: utf8, scalar: scalars)
    target.moveGap(toByte: 0, scalar: 0)
    let moved = TextWidths(
      of: UnsafeBufferPointer(start: bytes + start, count: gapStart - start))
    target.putAfterGap(bytes + start, moved)
    takeBeforeGap(moved)
    return moved
  }

  /// A copy with another capacity, which has room for the text.
  func copy(capacity: Int) -> TextRopeBlock {
    let copy = TextRopeBlock(capacity: capacity)
    let tail = afterGap
    (copy.bytes).update(from: bytes, count: gapStart)
    (copy.bytes + (capacity - tail.count)).update(from: bytes + gapEnd, count: tail.count)
    copy.before.pointee = before.pointee
    copy.after.pointee = after.pointee
    copy.after.pointee.gap = UInt16(capacity - tail.count)
    copy.after.pointee.capacity = UInt16(capacity)
    return copy
  }

  // MARK: Positions

  /// The byte at which scalar `offset`, at most `scalars`, begins.
  func byteOffset(ofScalar offset: Int) -> Int {
    if isASCII { return offset }
    if offset < gapScalars { return UTF8Scalars.byteOffset(of: offset, in: beforeGap) }
    return gapStart + UTF8Scalars.byteOffset(of: offset - gapScalars, in: afterGap)
  }

  /// The byte at which the scalar begins that holds UTF-16 unit `unit`.
  func byteOffset(ofUTF16 unit: Int) -> Int {
    if isBasic { return byteOffset(ofScalar: unit) }
    if unit < gapUTF16 { return UTF8Scalars.byteOffset(ofUTF16: unit, in: beforeGap) }
    return gapStart + UTF8Scalars.byteOffset(ofUTF16: unit - gapUTF16, in: afterGap)
  }

  /// The scalar boundary at or before byte `offset` of the text.
  func scalarStart(atOrBefore offset: Int) -> Int {
    var start = offset
    while start > 0, start < utf8, byte(start) & 0xC0 == 0x80 { start -= 1 }
    return start
  }

  /// The widths of the text before byte `end`, a scalar boundary.
  func widths(upToByte end: Int) -> TextWidths {
    if isASCII { return TextWidths(scalars: end, utf8: end, utf16: end) }
    if end < gapStart { return TextWidths(of: UnsafeBufferPointer(rebasing: beforeGap[..<end])) }
    return gapWidths
      &+ TextWidths(of: UnsafeBufferPointer(rebasing: afterGap[..<(end - gapStart)]))
  }
}
