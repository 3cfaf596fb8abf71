internal import Synchronization

/// Transactions that wait for the disk. Those that arrive while it is busy leave together and share
/// one write.
final class TransactionQueue<Group>: Sendable {
  /// What ran in a group that is not durable yet.
  struct Ran {
    /// What it edited.
    var documents: [DocumentID]
    /// Called when the group is durable, or with why it is not.
    var finish: (ReplicaError?) -> Void
  }

  struct Pending: Sendable {
    let run: @Sendable (Group) -> Ran
    /// Called instead when it cannot be run.
    private let whenRefused: @Sendable (ReplicaError) -> Void

    init(
      run: @escaping @Sendable (Group) -> Ran,
      refuse: @escaping @Sendable (ReplicaError) -> Void
    ) {
      self.run = run
      whenRefused = refuse
    }

    func refuse(_ failure: ReplicaError = ReplicaError(.closed, "The replica is closed.")) {
      whenRefused(failure)
    }
  }

  enum Admission {
    /// Somebody will take it.
    case joined
    /// The caller must have the queue drained.
    case first
    /// So it must, and nobody else has waited of late.
    case alone
    case closed
  }

  private struct State {
    var waiting: [Pending] = []
    /// How many left together the last time.
    var lastCount = 0
    var isClosed = false
  }

  private let state = Mutex(State())

  func append(_ pending: Pending) -> Admission {
    state.withLock { state in
      if state.isClosed { return .closed }
      state.waiting.append(pending)
      guard state.waiting.count == 1 else { return .joined }
      return state.lastCount == 1 ? .alone : .first
    }
  }

  func takeAll() -> [Pending] {
    state.withLock { state in
      defer { state.waiting = [] }
      if !state.waiting.isEmpty { state.lastCount = state.waiting.count }
      return state.waiting
    }
  }

  /// Lets nothing more in and gives out what is still waiting.
  func close() -> [Pending] {
    state.withLock { state in
      state.isClosed = true
      defer { state.waiting = [] }
      return state.waiting
    }
  }
}
