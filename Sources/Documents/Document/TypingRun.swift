import Causality

/// Keystrokes that were committed one after the other, each a change of one scalar, that continue
/// each other in one text: they are in the text and not yet in the history.
///
/// A history takes a run at the price of a keystroke. The document settles a run, which puts it
/// into the history and moves the frontier, before anybody looks at either.
struct TypingRun: ~Copyable {
  /// How many keystrokes are gathered at the most.
  private static let countMax = 256

  /// How many keystrokes are gathered, not counting one that is offered.
  private(set) var count = 0
  /// Whether a keystroke of the transaction at hand was taken, which is committed or taken back.
  private(set) var hasOffer = false
  private(set) var kind = SequenceRun.Kind.insert
  /// The text, by its place among the document's containers; -1 when nothing can be continued.
  private(set) var container = -1
  /// Whether the transaction at hand is the one that would continue the run.
  private var isNext = false
  /// The first keystroke: its position, change and Lamport time.
  private(set) var position = 0
  private(set) var change = ChangeID(origin: Origin(high: 0, low: 0), sequence: 0)
  private(set) var lamport: UInt64 = 0

  /// The moments of the keystrokes, and what they inserted.
  private let times: UnsafeMutablePointer<Int64>
  private let utf8: UnsafeMutablePointer<UInt8>
  private var utf8Count = 0
  private var offeredBytes = 0

  /// The block in whose gap the run goes on, while nobody else has touched the text.
  private var gap: TextRopeBlock?
  /// How many bytes were put there.
  private(set) var bytesInGap = 0

  init() {
    times = .allocate(capacity: Self.countMax)
    utf8 = .allocate(capacity: 4 * Self.countMax)
  }

  deinit {
    times.deallocate()
    utf8.deallocate()
  }

  /// What was inserted, without what is offered. Do not keep it.
  var text: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: utf8, count: hasOffer ? utf8Count - offeredBytes : utf8Count)
  }

  /// The moments of the keystrokes. Do not keep them.
  var moments: UnsafeBufferPointer<Int64> { UnsafeBufferPointer(start: times, count: count) }

  /// Forgets what was gathered, and what could be continued.
  mutating func removeAll() {
    container = -1
    count = 0
    utf8Count = 0
    hasOffer = false
    isNext = false
    gap = nil
    bytesInGap = 0
  }

  /// Goes on after what was gathered has been put into the history. A keystroke that is offered
  /// stays so, the first of a new run.
  mutating func restart() {
    guard hasOffer else { return removeAll() }
    switch kind {
    case .insert: position += count
    case .deleteForward: break
    case .deleteBackward: position -= count
    }
    change = ChangeID(origin: change.origin, sequence: change.sequence &+ UInt64(count))
    lamport &+= UInt64(count)
    let kept = utf8Count - offeredBytes
    for index in 0..<offeredBytes { utf8[index] = utf8[kept + index] }
    utf8Count = offeredBytes
    count = 0
    gap = nil
    bytesInGap = 0
  }

  /// Gets ready for what continues a transaction that is recorded already, if that is a keystroke.
  mutating func follow(_ draft: borrowing EditDraft, change: ChangeID, lamport: UInt64) {
    guard let step = draft.keystroke, change.sequence < .max - UInt64(Self.countMax),
      lamport < .max - UInt64(Self.countMax)
    else { return }
    kind = step.kind == .insertText ? .insert : .deleteForward
    position = step.kind == .insertText ? step.position + 1 : step.position
    container = step.container
    self.change = ChangeID(origin: change.origin, sequence: change.sequence + 1)
    self.lamport = lamport + 1
  }

  // MARK: The transaction at hand

  @inline(__always)
  mutating func begin(_ next: ChangeID, lamport nextLamport: UInt64) {
    // Nothing follows what wraps: `follow` left room, and numbers only grow.
    isNext =
      container >= 0 && next.sequence == change.sequence &+ UInt64(count)
      && nextLamport == lamport &+ UInt64(count) && next.origin == change.origin
      && count < Self.countMax
  }

  // MARK: Straight into the gap

  /// Where the run goes on in the text.
  var cursor: Int {
    let done = hasOffer ? count + 1 : count
    switch kind {
    case .insert: return position + done
    case .deleteForward: return position
    case .deleteBackward: return position - done + 1
    }
  }

  /// Takes the block with the gap at the cursor; nil when there is none that may be written to.
  mutating func enter(_ gap: TextRopeBlock?) {
    self.gap = gap
  }

  /// Lets go of the gap: somebody else reads or edits the text.
  @inline(__always)
  mutating func leaveGap() {
    gap = nil
  }

  /// Inserts an ASCII byte and takes it, when it continues the run in the gap.
  @inline(__always)
  mutating func type(_ byte: UInt8, at next: Int, in text: Int) -> Bool {
    guard isNext, let gap, kind == .insert, text == container, next == position &+ count,
      gap.room > 0
    else { return false }
    gap.put(byte)
    bytesInGap &+= 1
    utf8[utf8Count] = byte
    utf8Count &+= 1
    takeOffer(bytes: 1)
    return true
  }

  /// Removes an ASCII byte and takes that, when it continues the run at the gap.
  @inline(__always)
  mutating func erase(at next: Int, in text: Int) -> Bool {
    guard isNext, let gap, text == container else { return false }
    switch kind {
    case .insert: return false
    case .deleteForward where next == position:
      guard gap.isASCIIAfterGap else { return false }
      gap.takeASCIIAfterGap()
    case .deleteForward, .deleteBackward:
      guard gap.isASCIIBeforeGap, continuesBackward(at: next) else { return false }
      gap.takeASCIIBeforeGap()
    }
    takeOffer(bytes: 0)
    return true
  }

  @inline(__always)
  private mutating func takeOffer(bytes: Int) {
    offeredBytes = bytes
    hasOffer = true
    isNext = false
  }

  /// Whether a removal continues the run backward, which then is a backward one: what was recorded
  /// before, one removal, may have been the first of such a run.
  @inline(__always)
  private mutating func continuesBackward(at next: Int) -> Bool {
    if kind == .deleteBackward { return next == position &- count }
    guard count == 0, next == position &- 1 else { return false }
    kind = .deleteBackward
    position = next
    return true
  }

  // MARK: Elsewhere in the text

  /// Takes the insertion of one scalar when it continues the run.
  mutating func offer(
    inserting scalar: UnsafeBufferPointer<UInt8>, at next: Int, into text: Int
  ) -> Bool {
    guard isNext, kind == .insert, text == container, next == position + count else {
      return false
    }
    for index in scalar.indices { utf8[utf8Count + index] = scalar[index] }
    utf8Count += scalar.count
    takeOffer(bytes: scalar.count)
    return true
  }

  /// Takes the removal of one scalar when it continues the run.
  mutating func offer(removingAt next: Int, from text: Int) -> Bool {
    guard isNext, text == container else { return false }
    switch kind {
    case .insert: return false
    case .deleteForward where next == position: break
    case .deleteForward, .deleteBackward: guard continuesBackward(at: next) else { return false }
    }
    takeOffer(bytes: 0)
    return true
  }

  @inline(__always)
  mutating func acceptOffer(time: Timestamp) {
    times[count] = time.milliseconds
    count += 1
    hasOffer = false
  }

  /// The transaction at hand does not continue the run: gives a keystroke that was taken back, for
  /// its draft.
  mutating func breakOff(into draft: inout EditDraft) {
    isNext = false
    guard hasOffer else { return }
    hasOffer = false
    utf8Count -= offeredBytes
    if kind == .insert {
      draft.insert(
        UnsafeBufferPointer(start: utf8 + utf8Count, count: offeredBytes), count: 1,
        at: position + count, into: container)
    } else {
      draft.remove(1, at: kind == .deleteBackward ? position - count : position, from: container)
    }
  }
}

extension Document {
  /// Puts the keystrokes that were gathered into the history and moves the frontier.
  ///
  /// They fit by construction. Should they not, after some billion keystrokes, the history is let
  /// go of, and the next merge says what is wrong with it.
  func settleTyping() {
    approximateBytes += typing.bytesInGap
    if typing.count > 0 {
      let last = ChangeID(
        origin: typing.change.origin, sequence: typing.change.sequence + UInt64(typing.count - 1))
      do {
        try storedHistory?.append(typing, to: sequence(of: typing.container))
      } catch {
        storedHistory = nil
      }
      let entry = FrontierEntry(change: last, endsInDelete: false)
      storedFrontier.removeAll(keepingCapacity: true)
      storedFrontier.append(entry)
    }
    typing.restart()
  }

  /// Lets the keystrokes that continue the run go straight into the gap of their text, unless that
  /// has marks, which are to move along.
  func openGapForTyping() {
    guard typing.container >= 0 else { return }
    let slot = containers[typing.container].slot
    guard marks.isEmpty || marks[slot] == nil else { return }
    typing.enter(storedTexts[slot].gap(at: typing.cursor))
  }
}

extension DocumentHistory {
  /// Appends keystrokes that follow everything here.
  fileprivate mutating func append(_ typing: borrowing TypingRun, to sequence: Int) throws {
    let events = try appendSteps(typing.change, lamport: typing.lamport, count: typing.count)
    append(times: typing.moments)
    switch typing.kind {
    case .insert:
      try insert(
        typing.text, count: typing.count, at: typing.position, version: events.lowerBound,
        into: sequence)
    case .deleteForward, .deleteBackward:
      try remove(
        typing.count, at: typing.position, isBackward: typing.kind == .deleteBackward,
        version: events.lowerBound, from: sequence)
    }
  }
}
