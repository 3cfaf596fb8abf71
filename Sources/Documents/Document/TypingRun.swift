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

  init() {
    times = .allocate(capacity: Self.countMax)
    utf8 = .allocate(capacity: 4 * Self.countMax)
  }

  deinit {
    times.deallocate()
    utf8.deallocate()
  }

  /// What was inserted. Do not keep it.
  var text: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: utf8, count: utf8Count) }

  /// The moments of the keystrokes. Do not keep them.
  var moments: UnsafeBufferPointer<Int64> { UnsafeBufferPointer(start: times, count: count) }

  /// Forgets what was gathered, and what could be continued.
  mutating func removeAll() {
    container = -1
    count = 0
    utf8Count = 0
    hasOffer = false
    isNext = false
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
    // Sums cannot overflow: `follow` left room.
    isNext =
      container >= 0 && next.sequence == change.sequence + UInt64(count)
      && nextLamport == lamport + UInt64(count) && next.origin == change.origin
      && count < Self.countMax
  }

  /// Takes the insertion of one scalar when it continues the run.
  @inline(__always)
  mutating func offer(
    inserting scalar: UnsafeBufferPointer<UInt8>, at next: Int, into text: Int
  ) -> Bool {
    guard isNext, kind == .insert, text == container, next == position + count else {
      return false
    }
    for index in scalar.indices { utf8[utf8Count + index] = scalar[index] }
    offeredBytes = scalar.count
    utf8Count += offeredBytes
    hasOffer = true
    isNext = false
    return true
  }

  /// Takes the removal of one scalar when it continues the run.
  @inline(__always)
  mutating func offer(removingAt next: Int, from text: Int) -> Bool {
    guard isNext, text == container else { return false }
    switch kind {
    case .insert: return false
    case .deleteForward:
      if next != position {
        // What was recorded before, one removal, may have been the first of a backward run.
        guard count == 0, next == position - 1 else { return false }
        kind = .deleteBackward
        position = next
      }
    case .deleteBackward: guard next == position - count else { return false }
    }
    offeredBytes = 0
    hasOffer = true
    isNext = false
    return true
  }

  @inline(__always)
  mutating func acceptOffer(time: Timestamp) {
    times[count] = time.milliseconds
    count += 1
    hasOffer = false
  }

  /// Gives the keystroke that was taken back, for a draft.
  mutating func retract(into draft: inout EditDraft) {
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
    typing.removeAll()
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
