/// Where somebody types or erases letter by letter, one transaction each: the gap in a text that
/// the last edit there left behind, and the pending run that goes on with each further keystroke.
///
/// A keystroke that does goes straight into the block of the text and the bytes of the run. The run
/// and the document learn how many there were when that ends (``Document/endTyping()``): before
/// anybody else looks at the text or at what is pending, or edits either.
struct TypingGap {
  private var block: TextRopeBlock?
  /// Where the run takes its next byte.
  private var utf8: UnsafeMutablePointer<UInt8>?
  /// The text that is typed into, and the text that is erased from, by its place among the
  /// document's containers: one at the most, the other is -1.
  private var typedText = -1
  private var erasedText = -1
  /// The scalars before the gap.
  private var position = 0
  /// How many more UTF-16 units there are before the gap; ASCII does not change that.
  private var wideCount = 0
  /// How many bytes may be typed.
  private var room = 0
  /// Which way is erased: both are open after a single removal.
  private var erasesForward = false
  private var erasesBackward = false
  /// Whether the last keystroke is of a transaction that is not committed yet. There is no other
  /// until it is.
  private(set) var isOffered = false
  /// How many keystrokes the run has yet to learn of.
  private(set) var count = 0

  /// Whether anybody would have to end this before looking.
  var isOpen: Bool { block != nil }
  /// How many bytes were typed of which the document has yet to learn.
  var typedCount: Int { typedText >= 0 ? count : 0 }
  /// What the keystrokes were.
  var kind: SequenceRun.Kind {
    typedText >= 0 ? .insert : erasesForward ? .deleteForward : .deleteBackward
  }

  init() {}

  /// - Parameters:
  ///   - run: which may be gone on with.
  ///   - block: of the text, with its gap where the run ends.
  ///   - wideCount: how many more UTF-16 units than scalars there are before the gap.
  ///   - utf8: where the run takes bytes, of which there may be `room` more.
  init(
    after run: PendingEdits.Run, in block: TextRopeBlock, wideCount: Int,
    utf8: UnsafeMutablePointer<UInt8>, room: Int
  ) {
    self.block = block
    self.wideCount = wideCount
    self.utf8 = utf8
    position = run.gap
    if run.kind == .insert {
      typedText = run.container
      self.room = min(room, block.room)
    } else {
      erasedText = run.container
      erasesForward = run.kind == .deleteForward
      erasesBackward = run.kind == .deleteBackward || run.count == 1
    }
  }

  /// Inserts a byte if it is ASCII, goes on with what was typed, and there is room.
  @inline(__always)
  mutating func type(_ byte: UInt8, at next: Int, in text: Int) -> Bool {
    guard next == position, text == typedText, byte < 0x80, count < room, !isOffered,
      let block, let utf8
    else { return false }
    block.put(byte)
    utf8[count] = byte
    count &+= 1
    position &+= 1
    isOffered = true
    return true
  }

  /// Removes a scalar if it is ASCII and goes on with what was erased.
  @inline(__always)
  mutating func erase(at next: Int, in text: Int) -> Bool {
    guard text == erasedText, !isOffered, let block else { return false }
    if next == position {
      guard erasesForward, block.isASCIIAfterGap else { return false }
      block.takeASCIIAfterGap()
      erasesBackward = false
    } else {
      guard next == position &- 1, erasesBackward, block.isASCIIBeforeGap else { return false }
      block.takeASCIIBeforeGap()
      position = next
      erasesForward = false
    }
    count &+= 1
    isOffered = true
    return true
  }

  /// The position of a UTF-16 unit of a text, when that is at the gap.
  @inline(__always)
  func position(ofUTF16 unit: Int, in text: Int) -> Int? {
    unit &- wideCount == position && (text == typedText || text == erasedText) ? position : nil
  }

  /// The transaction of the last keystroke is committed.
  @inline(__always)
  mutating func accept() { isOffered = false }
}

extension Document {
  /// Begins to take keystrokes at the gap, after one was committed. Not in a text that has marks,
  /// which are to move along.
  func beginTyping() {
    guard let (run, utf8, room) = pending.lastRun else { return }
    let slot = containers[run.container].slot
    guard marks.isEmpty || marks[slot] == nil, let block = storedTexts[slot].gap(at: run.gap)
    else { return }
    let wideCount = storedTexts[slot].read { $0.gapWideCount }
    typing = TypingGap(after: run, in: block, wideCount: wideCount, utf8: utf8, room: room)
  }

  /// Ends it, and tells the run and the document what they have missed.
  @inline(__always)
  func endTyping() {
    if typing.isOpen { endOpenTyping() }
  }

  @inline(never)
  private func endOpenTyping() {
    countedBytes += typing.typedCount
    if typing.count > 0 {
      pending.extendLastRun(by: typing.count, typing.kind, isOffered: typing.isOffered)
    }
    typing = TypingGap()
  }
}
