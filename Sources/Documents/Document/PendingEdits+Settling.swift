import Causality

extension Document {
  /// Puts the transactions that were gathered into the history and moves the frontier.
  ///
  /// They fit by construction. Should they not, after some billion keystrokes, the history is let
  /// go of, and the next merge says what is wrong with it.
  func settlePending() {
    endTyping()
    if pending.count > 0 {
      recordPending()
      let last = ChangeID(
        origin: pending.change.origin, sequence: pending.change.sequence + UInt64(pending.count - 1)
      )
      storedFrontier.removeAll(keepingCapacity: true)
      storedFrontier.append(FrontierEntry(change: last, endsInDelete: false))
    }
    pending.restart()
  }

  private func recordPending() {
    // Moved out, and back when all is in it.
    guard var history = storedHistory.take() else { return }
    do {
      var version = try history.append(pending)
      try pending.eachRun { run, text in
        if containers[run.container].sequence < 0 {
          containers[run.container].sequence = history.sequenceIndex(
            of: containers[run.container].id)
        }
        try history.append(
          run, text, version: version, to: containers[run.container].sequence)
        version += run.count
      }
    } catch {
      return
    }
    storedHistory = history
  }
}

extension DocumentHistory {
  /// Appends the changes, which follow everything here, without their operations.
  ///
  /// - Returns: the first of their events.
  fileprivate mutating func append(
    _ pending: borrowing PendingEdits
  ) throws(EventGraphError) -> Int {
    let start = eventCount
    try pending.eachChanges { (first, count, eventCount) throws(EventGraphError) in
      try appendAtFrontier(
        ChangeID(
          origin: pending.change.origin, sequence: pending.change.sequence + UInt64(first)),
        count: count, eventCount: eventCount)
    }
    append(lamports: pending.lamport, times: pending.moments)
    return start
  }

  /// Appends a run to a text. Rows come out the same as if its events had come one by one: of
  /// removals the first may continue the row before in another direction than its own.
  fileprivate mutating func append(
    _ run: PendingEdits.Run, _ text: UnsafeBufferPointer<UInt8>, version: Int, to sequence: Int
  ) throws(SequenceError) {
    guard run.kind != .insert else {
      return try insert(
        text, count: run.count, at: run.position, version: version, into: sequence)
    }
    guard run.isKeystrokes, run.count > 1 else {
      return try remove(run.count, at: run.position, version: version, from: sequence)
    }
    let isBackward = run.kind == .deleteBackward
    try remove(1, at: run.position, version: version, from: sequence)
    try remove(
      run.count - 1, at: isBackward ? run.position - 1 : run.position, isBackward: isBackward,
      version: version + 1, from: sequence)
  }
}
