/// Somebody who waits until something holds of the replica.
struct Wait {
  /// Looked at after everything that happens here.
  let isMet: (ReplicaCore.Open) -> Bool
  let continuation: CheckedContinuation<Bool, Never>
}

extension ReplicaCore {
  /// Returns true when `isMet` holds; false when the time is up, the task is cancelled or the
  /// replica is closed. What other processes commit is looked at every 50 ms.
  func untilHolds(
    within timeout: Duration, _ isMet: @escaping (Open) -> Bool
  ) async -> Bool {
    guard state != nil else { return false }
    lookAround()
    guard let open = state else { return false }
    if isMet(open) { return true }
    guard timeout > .zero else { return false }
    lastWaitNumber += 1
    let number = lastWaitNumber
    let alarm = Task {
      try await Task.sleep(for: timeout)
      endWait(number, isMet: false)
    }
    defer { alarm.cancel() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        guard !Task.isCancelled else { return continuation.resume(returning: false) }
        waits[number] = Wait(isMet: isMet, continuation: continuation)
        startPolling()
      }
    } onCancel: {
      Task { await endWait(number, isMet: false) }
    }
  }

  /// Lets go those whose condition holds now.
  func settleWaits() {
    guard !waits.isEmpty, let open = state else { return }
    for (number, wait) in waits.sorted(by: { $0.key < $1.key }) where wait.isMet(open) {
      endWait(number, isMet: true)
    }
  }

  func endWaits() {
    for number in waits.keys.sorted() { endWait(number, isMet: false) }
  }

  private func endWait(_ number: UInt64, isMet: Bool) {
    waits.removeValue(forKey: number)?.continuation.resume(returning: isMet)
  }
}
