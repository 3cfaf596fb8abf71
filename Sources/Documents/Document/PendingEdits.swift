import Causality

/// Transactions on texts that were committed one after the other by one author and are not yet in
/// the history: what a history takes together costs little more than what it takes at once.
///
/// The document settles them, which puts them into the history and moves the frontier, before
/// anybody looks at either.
///
/// A keystroke with which a transaction begins is **offered**: it joins the runs at once, and they
/// keep it when the transaction is committed with nothing else in it. Keystrokes that go on with
/// the last run go past it, see `TypingGap`; the run learns of them all at once.
struct PendingEdits: ~Copyable {
  /// Consecutive events in one text.
  struct Run: BitwiseCopyable {
    var kind: SequenceRun.Kind
    /// Whether each event is a change of its own, so that more may join.
    var isKeystrokes: Bool
    /// The text, by its place among the document's containers.
    var container: Int
    var position: Int
    var count: Int
    /// How long the text is that is inserted, in bytes.
    var utf8Count: Int

    /// The position where it has left the gap.
    var gap: Int {
      switch kind {
      case .insert: position + count
      case .deleteForward: position
      case .deleteBackward: position - count + 1
      }
    }
  }

  private enum State: BitwiseCopyable { case closed, open, offered }

  /// How many changes, runs and bytes are gathered at the most.
  private static let countMax = 1 << 10
  private static let runCountMax = 1 << 8
  private static let utf8CountMax = 2 << 10

  private var state = State.closed
  /// The first change gathered, or the next one when there is none, and its Lamport time.
  private(set) var change = ChangeID(origin: Origin(high: 0, low: 0), sequence: 0)
  private(set) var lamport: UInt64 = 0
  /// How many changes are gathered, not counting one that is offered.
  private(set) var count = 0
  private var runCount = 0
  private var utf8Count = 0
  /// Taken when there is a change to be followed.
  private var columns: Columns?
  /// How many of the changes have more than one event.
  private var longCount = 0

  private struct Columns {
    /// The moments of the changes.
    let times = UnsafeMutablePointer<Int64>.allocate(capacity: countMax)
    /// The changes that have more than one event, by number, and how many they have. Each has a
    /// run.
    let long = UnsafeMutablePointer<(index: Int, eventCount: Int)>.allocate(
      capacity: runCountMax)
    let runs = UnsafeMutablePointer<Run>.allocate(capacity: runCountMax)
    /// What the runs insert, one after the other.
    let utf8 = UnsafeMutablePointer<UInt8>.allocate(capacity: utf8CountMax)

    func free() {
      times.deallocate()
      long.deallocate()
      runs.deallocate()
      utf8.deallocate()
    }
  }

  deinit { columns?.free() }

  /// Whether there is anything to settle.
  var isOpen: Bool { state != .closed }

  /// Whether a keystroke of the transaction at hand was taken, which is committed or taken back.
  var hasOffer: Bool { state == .offered }

  /// Gets ready for what follows a change that the history has.
  mutating func follow(_ change: ChangeID, lamport: UInt64) {
    guard change.sequence < .max - UInt64(Self.countMax), lamport < .max - UInt64(Self.countMax)
    else { return }
    if columns == nil { columns = Columns() }
    self.change = ChangeID(origin: change.origin, sequence: change.sequence + 1)
    self.lamport = lamport + 1
    state = .open
  }

  /// Goes on after what was gathered has been put into the history: a keystroke that is offered
  /// stays so, else nothing more is taken.
  mutating func restart() {
    if state == .offered, let columns {
      var run = columns.runs[runCount - 1]
      let offered = run.takeBack()
      columns.runs[0] = offered
      for index in 0..<offered.utf8Count {
        columns.utf8[index] = columns.utf8[utf8Count - offered.utf8Count + index]
      }
      change.sequence &+= UInt64(count)
      lamport &+= UInt64(count)
      runCount = 1
      utf8Count = offered.utf8Count
    } else {
      state = .closed
      runCount = 0
      utf8Count = 0
    }
    count = 0
    longCount = 0
  }

  // MARK: Keystrokes

  /// Takes the first edit of a transaction, the insertion of an ASCII byte, if there is room.
  @inline(__always)
  mutating func offer(inserting byte: UInt8, at position: Int, into container: Int) -> Bool {
    guard state == .open, let columns, utf8Count < Self.utf8CountMax else { return false }
    if runCount == 0
      || !columns.runs[runCount &- 1].extend(insertingAt: position, into: container, utf8Count: 1)
    {
      guard begin(.insert, at: position, in: container, utf8Count: 1) else { return false }
    }
    columns.utf8[utf8Count] = byte
    utf8Count &+= 1
    state = .offered
    return true
  }

  /// Takes the first edit of a transaction, the removal of one scalar, if there is room.
  @inline(__always)
  mutating func offer(removingAt position: Int, from container: Int) -> Bool {
    guard state == .open, let columns else { return false }
    if runCount == 0
      || !columns.runs[runCount &- 1].extend(removingAt: position, from: container)
    {
      guard begin(.deleteForward, at: position, in: container, utf8Count: 0) else { return false }
    }
    state = .offered
    return true
  }

  /// Begins a run with a keystroke if there is room for one.
  @inline(never)
  private mutating func begin(
    _ kind: SequenceRun.Kind, at position: Int, in container: Int, utf8Count: Int
  ) -> Bool {
    guard runCount < Self.runCountMax, let columns else { return false }
    columns.runs[runCount] = Run(
      kind: kind, isKeystrokes: true, container: container, position: position, count: 1,
      utf8Count: utf8Count)
    runCount &+= 1
    return true
  }

  /// Commits what was offered, here or at the gap, if the transaction is the next change.
  @inline(__always)
  mutating func accept(
    _ next: ChangeID, lamport nextLamport: UInt64, time: Timestamp
  ) -> Bool {
    guard let columns, isNext(next, nextLamport) else { return false }
    columns.times[count] = time.milliseconds
    count &+= 1
    return true
  }

  /// Goes on after what was offered here has been committed.
  mutating func endOffer() { state = .open }

  // MARK: At the gap

  /// The last run, when keystrokes may go on with it; where its text goes on, and the room there.
  var lastRun: (run: Run, utf8: UnsafeMutablePointer<UInt8>, room: Int)? {
    guard state == .open, runCount > 0, let columns else { return nil }
    let run = columns.runs[runCount - 1]
    return run.isKeystrokes ? (run, columns.utf8 + utf8Count, Self.utf8CountMax - utf8Count) : nil
  }

  /// Takes keystrokes that went on with the last run at the gap; the last of them may be offered.
  mutating func extendLastRun(
    by keystrokes: Int, _ kind: SequenceRun.Kind, isOffered: Bool
  ) {
    guard let columns else { return }
    let run = columns.runs + (runCount - 1)
    run.pointee.kind = kind
    run.pointee.count += keystrokes
    if kind == .insert {
      run.pointee.utf8Count += keystrokes
      utf8Count += keystrokes
    }
    if isOffered { state = .offered }
  }

  /// Gives back what was offered, for the draft of the transaction.
  @inline(never)
  mutating func giveBack(to draft: inout EditDraft) {
    guard let columns else { return }
    let offered = columns.runs[runCount - 1].takeBack()
    if columns.runs[runCount - 1].count == 0 { runCount -= 1 }
    utf8Count -= offered.utf8Count
    state = .open
    if offered.kind == .insert {
      let text = UnsafeBufferPointer(start: columns.utf8 + utf8Count, count: offered.utf8Count)
      draft.insert(text, count: 1, at: offered.position, into: offered.container)
    } else {
      draft.remove(1, at: offered.position, from: offered.container)
    }
  }

  // MARK: Transactions

  /// Takes a transaction if it is the next change and edits nothing but texts.
  mutating func take(
    _ draft: borrowing EditDraft, _ next: ChangeID, lamport nextLamport: UInt64, time: Timestamp
  ) -> Bool {
    guard state == .open, let columns, isNext(next, nextLamport),
      draft.stepCount <= Self.runCountMax &- runCount,
      draft.utf8Count <= Self.utf8CountMax &- utf8Count, draft.others.isEmpty
    else { return false }
    draft.copyText(to: columns.utf8 + utf8Count)
    utf8Count &+= draft.utf8Count
    let isKeystroke = draft.eventCount == 1
    for index in 0..<draft.stepCount {
      let run = Run(draft[index], isKeystrokes: isKeystroke)
      if isKeystroke, runCount > 0, columns.runs[runCount &- 1].extend(by: run) { break }
      columns.runs[runCount] = run
      runCount &+= 1
    }
    columns.times[count] = time.milliseconds
    if !isKeystroke {
      columns.long[longCount] = (count, draft.eventCount)
      longCount &+= 1
    }
    count &+= 1
    return true
  }

  @inline(__always)
  private func isNext(_ next: ChangeID, _ nextLamport: UInt64) -> Bool {
    // Nothing wraps: `follow` left room.
    next.sequence == change.sequence &+ UInt64(truncatingIfNeeded: count)
      && nextLamport == lamport &+ UInt64(truncatingIfNeeded: count) && count < Self.countMax
      && next.origin == change.origin
  }

  // MARK: What there is

  /// The moments of the changes. Do not keep them.
  var moments: UnsafeBufferPointer<Int64> {
    UnsafeBufferPointer(start: columns?.times, count: count)
  }

  /// Hands out the changes in order, those of one event each that follow each other together.
  func eachChanges<Failure: Error>(
    _ body: (_ first: Int, _ count: Int, _ eventCount: Int) throws(Failure) -> Void
  ) throws(Failure) {
    guard let columns else { return }
    var next = 0
    for number in 0..<longCount {
      let (index, eventCount) = columns.long[number]
      if index > next { try body(next, index - next, 1) }
      try body(index, 1, eventCount)
      next = index + 1
    }
    if count > next { try body(next, count - next, 1) }
  }

  /// Hands out the runs in order without what is offered, each with the text that it inserts.
  func eachRun(_ body: (Run, UnsafeBufferPointer<UInt8>) throws -> Void) rethrows {
    guard let columns else { return }
    var offset = 0
    for index in 0..<runCount {
      var run = columns.runs[index]
      if state == .offered, index == runCount - 1 { _ = run.takeBack() }
      guard run.count > 0 else { break }
      try body(run, UnsafeBufferPointer(start: columns.utf8 + offset, count: run.utf8Count))
      offset += run.utf8Count
    }
  }
}

extension PendingEdits.Run {
  /// - Precondition: the step is one of a text.
  @inline(__always)
  fileprivate init(_ step: EditDraft.Step, isKeystrokes: Bool) {
    kind = step.kind == .insertText ? .insert : .deleteForward
    self.isKeystrokes = isKeystrokes
    container = step.container
    position = step.position
    count = step.count
    utf8Count = step.utf8Count
  }

  /// Takes one more keystroke if that continues the run.
  @inline(__always)
  fileprivate mutating func extend(by step: Self) -> Bool {
    step.kind == .insert
      ? extend(insertingAt: step.position, into: step.container, utf8Count: step.utf8Count)
      : extend(removingAt: step.position, from: step.container)
  }

  @inline(__always)
  fileprivate mutating func extend(
    insertingAt next: Int, into text: Int, utf8Count added: Int
  ) -> Bool {
    guard kind == .insert, isKeystrokes, next == position &+ count, text == container else {
      return false
    }
    count &+= 1
    utf8Count &+= added
    return true
  }

  @inline(__always)
  fileprivate mutating func extend(removingAt next: Int, from text: Int) -> Bool {
    guard isKeystrokes, text == container else { return false }
    switch kind {
    case .insert: return false
    case .deleteForward where next == position: break
    case .deleteForward, .deleteBackward:
      // A single removal has no direction yet.
      guard next == position &- count, count == 1 || kind == .deleteBackward else { return false }
      kind = .deleteBackward
    }
    count &+= 1
    return true
  }

  /// Lets go of the last keystroke and gives it back.
  fileprivate mutating func takeBack() -> Self {
    count -= 1
    var last = self
    last.count = 1
    switch kind {
    case .insert:
      // What is offered is ASCII.
      utf8Count -= 1
      last.utf8Count = 1
      last.position += count
    case .deleteForward: break
    case .deleteBackward:
      last.position -= count
      last.kind = .deleteForward
      if count == 1 { kind = .deleteForward }
    }
    return last
  }
}
