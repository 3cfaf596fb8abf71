import Causality

/// What one transaction has done to a document so far, in columns: insertions into texts and
/// removals from them as numbers and bytes, all else as operations. Neighbouring ones are joined.
///
/// It owns its memory and keeps it from one transaction to the next, so that a keystroke allocates
/// nothing.
struct EditDraft: ~Copyable {
  struct Step: BitwiseCopyable {
    enum Kind: BitwiseCopyable { case insertText, removeText, other }

    var kind: Kind
    /// The container, of the first two kinds.
    var container: Int
    var position: Int
    /// Events, which for the first two kinds are scalars.
    var count: Int
    /// Where its text begins in `utf8`, or its place in `others`.
    var content: Int
    /// How long its text is, in bytes.
    var utf8Count: Int
  }

  private var steps: UnsafeMutableBufferPointer<Step>
  private(set) var stepCount = 0
  /// What was inserted into texts, one after the other: the first `utf8Count` bytes.
  private var utf8: UnsafeMutableBufferPointer<UInt8>
  private(set) var utf8Count = 0
  private(set) var others: [Operation] = []
  private(set) var eventCount = 0

  /// Room for text that is kept for the next transaction, in bytes.
  private static let keptRoom = 64 << 10

  init() {
    steps = .allocate(capacity: 4)
    utf8 = .allocate(capacity: 64)
  }

  deinit {
    steps.deallocate()
    utf8.deallocate()
  }

  var isEmpty: Bool { stepCount == 0 }

  /// - Precondition: `index` is below `stepCount`.
  subscript(index: Int) -> Step {
    precondition(index >= 0 && index < stepCount, "no such step")
    return steps[index]
  }

  /// The text that a step inserts. Do not keep it.
  func text(of step: Step) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: utf8[step.content..<step.content + step.utf8Count])
  }

  /// Writes the text of all steps, one after the other.
  @inline(__always)
  func copyText(to target: UnsafeMutablePointer<UInt8>) {
    if utf8Count == 1 {
      target.initialize(to: utf8[0])
    } else if utf8Count > 0, let source = utf8.baseAddress {
      target.initialize(from: source, count: utf8Count)
    }
  }

  /// The only step, when that is a keystroke: one scalar inserted or removed.
  var keystroke: Step? {
    stepCount == 1 && eventCount == 1 && steps[0].kind != .other ? steps[0] : nil
  }

  var endsInDelete: Bool {
    guard stepCount > 0, steps[stepCount - 1].kind == .other else { return false }
    return others[steps[stepCount - 1].content].isDeleteDocument
  }

  @inline(__always)
  mutating func removeAll() {
    stepCount = 0
    utf8Count = 0
    eventCount = 0
    if utf8.count > Self.keptRoom || !others.isEmpty { giveBack() }
  }

  @inline(never)
  private mutating func giveBack() {
    others.removeAll()
    guard utf8.count > Self.keptRoom else { return }
    utf8.deallocate()
    utf8 = .allocate(capacity: 64)
  }

  mutating func insert(
    _ text: UnsafeBufferPointer<UInt8>, count: Int, at position: Int, into container: Int
  ) {
    append(text)
    joinInsertion(count, utf8Count: text.count, at: position, into: container)
  }

  /// Inserts an ASCII byte.
  @inline(__always)
  mutating func insert(_ byte: UInt8, at position: Int, into container: Int) {
    if utf8Count == utf8.count { Self.grow(&utf8, keeping: utf8Count, for: utf8Count + 1) }
    utf8[utf8Count] = byte
    utf8Count &+= 1
    joinInsertion(1, utf8Count: 1, at: position, into: container)
  }

  /// Takes an insertion whose text is the last.
  @inline(__always)
  private mutating func joinInsertion(
    _ count: Int, utf8Count added: Int, at position: Int, into container: Int
  ) {
    eventCount &+= count
    let last = stepCount &- 1
    if last >= 0, steps[last].kind == .insertText, steps[last].container == container,
      position == steps[last].position + steps[last].count
    {
      steps[last].count += count
      steps[last].utf8Count += added
      return
    }
    append(
      Step(
        kind: .insertText, container: container, position: position, count: count,
        content: utf8Count - added, utf8Count: added))
  }

  @inline(__always)
  mutating func remove(_ count: Int, at position: Int, from container: Int) {
    eventCount += count
    let last = stepCount - 1
    if last >= 0, steps[last].kind == .removeText, steps[last].container == container,
      position == steps[last].position || position + count == steps[last].position
    {
      // The lower of the two positions, and the scalars of both.
      steps[last].position = position
      steps[last].count += count
      return
    }
    append(
      Step(
        kind: .removeText, container: container, position: position, count: count, content: 0,
        utf8Count: 0))
  }

  mutating func append(_ operation: Operation, eventCount count: Int) {
    eventCount += count
    append(
      Step(
        kind: .other, container: 0, position: 0, count: count, content: others.count, utf8Count: 0))
    others.append(operation)
  }

  // MARK: Memory

  @inline(__always)
  private mutating func append(_ step: Step) {
    if stepCount == steps.count { Self.grow(&steps, keeping: stepCount, for: stepCount + 1) }
    steps.initializeElement(at: stepCount, to: step)
    stepCount += 1
  }

  private mutating func append(_ text: UnsafeBufferPointer<UInt8>) {
    let end = utf8Count + text.count
    if end > utf8.count { Self.grow(&utf8, keeping: utf8Count, for: end) }
    _ = UnsafeMutableBufferPointer(rebasing: utf8[utf8Count..<end]).update(fromContentsOf: text)
    utf8Count = end
  }

  private static func grow<Element: BitwiseCopyable>(
    _ buffer: inout UnsafeMutableBufferPointer<Element>, keeping count: Int, for needed: Int
  ) {
    let larger = UnsafeMutableBufferPointer<Element>.allocate(
      capacity: max(needed, buffer.count * 2))
    _ = larger.initialize(from: buffer[..<count])
    buffer.deallocate()
    buffer = larger
  }
}

extension Document {
  /// The operations of a draft of this document.
  func operations(of draft: borrowing EditDraft) -> [Operation] {
    var operations: [Operation] = []
    operations.reserveCapacity(draft.stepCount)
    for index in 0..<draft.stepCount {
      let step = draft[index]
      switch step.kind {
      case .insertText:
        let text = String(decoding: draft.text(of: step), as: UTF8.self)
        operations.append(
          Operation(containers[step.container].id, .insertText(at: step.position, text)))
      case .removeText:
        operations.append(
          Operation(
            containers[step.container].id, .remove(at: step.position, count: step.count)))
      case .other: operations.append(draft.others[step.content])
      }
    }
    return operations
  }

  /// Records an edit that was made here in the history that the document keeps.
  func record(
    _ draft: borrowing EditDraft, of change: ChangeID, lamport: UInt64, time: Timestamp
  ) throws(MergeError) {
    settle()
    do {
      guard
        var version = try storedHistory?.beginAtFrontier(
          change, lamport: lamport, time: time, eventCount: draft.eventCount
        ).lowerBound
      else { return }
      for index in 0..<draft.stepCount {
        let step = draft[index]
        switch step.kind {
        case .insertText:
          try storedHistory?.insert(
            draft.text(of: step), count: step.count, at: step.position, version: version,
            into: sequence(of: step.container))
        case .removeText:
          try storedHistory?.remove(
            step.count, at: step.position, version: version, from: sequence(of: step.container))
        case .other:
          try storedHistory?.record(draft.others[step.content], lamport: lamport, version: version)
        }
        version += step.count
      }
    } catch {
      throw .damagedHistory("\(change) of document \(id): \(error)")
    }
  }

  /// The place of a text in the history that the document keeps.
  func sequence(of container: Int) -> Int {
    let known = containers[container].sequence
    if known >= 0 { return known }
    let index = storedHistory?.sequenceIndex(of: containers[container].id) ?? 0
    containers[container].sequence = index
    return index
  }
}
