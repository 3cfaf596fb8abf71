/// Where somebody types: the gap in a text that the last edit there left behind.
///
/// What goes on there goes straight to the block, past the text that holds it. Nobody else may have
/// that text meanwhile: whoever reads or edits it closes the gap first.
struct TypingGap {
  private var block: TextRopeBlock?
  /// The text, by its place among the document's containers.
  private var container = -1
  /// The scalars before the gap.
  private var position = 0

  /// Opens the gap at a position of a text where there is one that may be written to.
  mutating func open(_ block: TextRopeBlock?, at position: Int, in container: Int) {
    self.block = block
    self.position = position
    self.container = container
  }

  @inline(__always)
  mutating func close() {
    block = nil
  }

  /// Inserts an ASCII byte if that is to stand at the gap and there is room.
  @inline(__always)
  mutating func type(_ byte: UInt8, at next: Int, in text: Int) -> Bool {
    guard let block, next == position, text == container, block.room > 0 else { return false }
    block.put(byte)
    position &+= 1
    return true
  }

  /// Removes an ASCII byte if it stands beside the gap.
  @inline(__always)
  mutating func erase(at next: Int, in text: Int) -> Bool {
    guard let block, text == container else { return false }
    if next == position {
      guard block.isASCIIAfterGap else { return false }
      block.takeASCIIAfterGap()
    } else {
      guard next == position &- 1, block.isASCIIBeforeGap else { return false }
      block.takeASCIIBeforeGap()
      position = next
    }
    return true
  }
}

extension Document {
  /// Opens the gap that an edit of a text has left at a position, unless the text has marks, which
  /// are to move along.
  @inline(__always)
  func openGap(at position: Int, in handle: ContainerHandle) {
    let slot = slot(of: handle)
    guard marks.isEmpty || marks[slot] == nil else { return gap.close() }
    gap.open(storedTexts[slot].gap(at: position), at: position, in: handle.index)
  }
}
