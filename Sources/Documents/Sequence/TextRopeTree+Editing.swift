/// Edits of checked arguments. After each the cursor is where the edit was.
extension TextRopeTree {
  /// Longer insertions get blocks of their own when they do not fit into one.
  private static let smallCountMax = TextRopeBlock.capacityMax / 16
  /// How full blocks are made when much text comes at once, so that the first edits find room.
  private static let fill = TextRopeBlock.capacityMax - TextRopeBlock.capacityMax / 16

  // MARK: At the gap

  /// Whether scalar `position` begins at the gap of the cursor, in a text that is far from every
  /// limit.
  func hasGap(at position: Int) -> Bool {
    position &- start.scalars == block.gapScalars
      && others.utf8 < Operation.positionMax - TextRopeBlock.capacityMax
  }

  /// Whether scalar `position` begins at the gap of the cursor and one more byte fits there. Any
  /// position is allowed: the gap is within the text.
  @inline(__always)
  func hasRoomAtGap(_ position: Int) -> Bool {
    // A text with so much beside this block may be at its limit.
    position &- start.scalars == block.gapScalars && block.room > 0
      && others.utf8 < TextRope.utf8CountMax - TextRopeBlock.capacityMax
  }

  /// Whether scalar `position` ends at the gap of the cursor and is ASCII. Any position is allowed.
  @inline(__always)
  func isASCIIBeforeGap(_ position: Int) -> Bool {
    position &- start.scalars &+ 1 == block.gapScalars && block.isASCIIBeforeGap
  }

  /// Whether scalar `position` begins at the gap of the cursor and is ASCII. Any position is
  /// allowed.
  @inline(__always)
  func isASCIIAfterGap(_ position: Int) -> Bool {
    position &- start.scalars == block.gapScalars && block.isASCIIAfterGap
  }

  // MARK: Inserting

  /// Inserts valid UTF-8 before scalar `position`, at most the count.
  ///
  /// - Parameter isASCII: whether it is known to be ASCII.
  mutating func insert(
    _ utf8: UnsafeBufferPointer<UInt8>, at position: Int, isASCII: Bool = false
  ) {
    guard let bytes = utf8.baseAddress, !utf8.isEmpty else { return }
    let offset = position - start.scalars
    if offset < 0 || offset > block.scalars { seek(end: position) }
    while utf8.count > block.room {
      if block.capacity < TextRopeBlock.capacityMax {
        grow(for: block.utf8 + utf8.count)
      } else if utf8.count > Self.smallCountMax {
        return insertBlocks(utf8, at: position)
      } else {
        raise()
        settleWidths()
        if !balance() {
          // At the end of its block text goes on in a new one, so that blocks stay full behind
          // someone who types.
          let offset = position - start.scalars
          if offset == block.scalars { return insertBlocks(utf8, at: position) }
          let cut = block.byteOffset(ofScalar: offset)
          let quarter = TextRopeBlock.capacityMax / 4
          split(atByte: min(max(cut, quarter), 3 * quarter))
        }
        tidy(around: position)
      }
    }
    block.moveGap(toScalar: position - start.scalars)
    block.put(bytes, TextWidths(of: utf8, isASCII: isASCII))
  }

  /// Makes the only block larger, for `count` bytes or the most that a block can have.
  private mutating func grow(for count: Int) {
    let needed = min(count, TextRopeBlock.capacityMax)
    let larger = block.copy(capacity: TextRopeBlock.capacity(for: needed))
    block.free()
    block = larger
    root = larger.base
  }

  /// Inserts text that is not empty as blocks of its own.
  private mutating func insertBlocks(_ utf8: UnsafeBufferPointer<UInt8>, at position: Int) {
    raise()
    settleWidths()
    let cut = block.byteOffset(ofScalar: position - start.scalars)
    if cut < block.utf8 {
      split(atByte: cut)
      descend(past: position - 1)
    }
    let before = total
    attachBlocks(utf8) { TextWidths(of: $0) }
    // Nothing is loose where every piece is at least five eighths of a block and none is old.
    if utf8.count <= 2 * Self.fill || before != .zero {
      let inserted = total.scalars - before.scalars
      tidy(around: position)
      tidy(around: position + inserted)
    }
  }

  /// Puts all of `utf8`, valid UTF-8 or not, into an empty text that has no node; false when it is
  /// not valid. The text is then of no use.
  mutating func open(_ utf8: UnsafeBufferPointer<UInt8>) -> Bool {
    if utf8.count > block.room {
      raise()
      settleWidths()
      guard attachBlocks(utf8, measured: { TextWidths(validating: $0) }) else { return false }
      if utf8.count <= 2 * Self.fill { tidy(around: 0) }
    } else {
      guard let widths = TextWidths(validating: utf8) else { return false }
      if let bytes = utf8.baseAddress { block.put(bytes, widths) }
    }
    return true
  }

  /// Puts text that is not empty into blocks after the cursor's block, which takes the first piece
  /// when it is empty itself. The cursor is then on the last. False, with a part of the text put,
  /// when a piece cannot be measured.
  @inline(__always)
  @discardableResult
  private mutating func attachBlocks(
    _ utf8: UnsafeBufferPointer<UInt8>, measured: (UnsafeBufferPointer<UInt8>) -> TextWidths?
  ) -> Bool {
    let pieces = (utf8.count + Self.fill - 1) / Self.fill
    var offset = 0
    for piece in 1...pieces {
      // The product is at most 2^31 * 2^21.
      var end = utf8.count * piece / pieces
      // In valid text a cut is within three bytes of a scalar; a piece has many more.
      var back = 0
      while end < utf8.count, back < 3, utf8[end] & 0xC0 == 0x80 {
        end -= 1
        back += 1
      }
      let part = UnsafeBufferPointer(rebasing: utf8[offset..<end])
      guard let bytes = part.baseAddress, let widths = measured(part) else { return false }
      if block.utf8 == 0 {
        block.put(bytes, widths)
        settleWidths()
      } else {
        let new = TextRopeBlock(capacity: TextRopeBlock.capacityMax)
        new.put(bytes, widths)
        attach(new, widths)
      }
      offset = end
    }
    return true
  }

  // MARK: Removing

  /// Removes `count` scalars from scalar `position` on, all of which exist.
  mutating func remove(_ count: Int, at position: Int) {
    guard count > 0 else { return }
    if isInBlock(count, at: position) {
      return block.remove(count, at: position - start.scalars)
    }
    seek(position)
    if isInBlock(count, at: position) {
      return block.remove(count, at: position - start.scalars)
    }
    var remaining = count
    while true {
      let offset = position - start.scalars
      let here = min(remaining, block.scalars - offset)
      if here == block.scalars, height > 0 {
        settledTotal &-= block.widths
        removeBlock()
      } else {
        block.remove(here, at: offset)
        settleWidths()
      }
      remaining -= here
      guard remaining > 0 else { break }
      descend(past: position)
    }
    tidy(around: position)
  }

  private func isInBlock(_ count: Int, at position: Int) -> Bool {
    let offset = position - start.scalars
    // Counts are below 2^31, so nothing overflows.
    return offset >= 0 && offset + count <= block.scalars
  }
}
