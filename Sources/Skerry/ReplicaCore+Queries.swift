internal import ReplicaStore

/// When what queries read is brought forward without being asked for.
struct ProjectionSchedule {
  /// Waits for its time.
  var task: Task<Void, Never>?
  /// How long the last step took.
  var lastCost = Duration.zero

  /// A step waits so long for more to come; and so much longer than the last one took, so that a
  /// long text which is being typed does not keep the store busy with itself.
  static let pause = Duration.milliseconds(200)
  static let pauseFactor = 20

  var pause: Duration { max(Self.pause, lastCost * Self.pauseFactor) }
}

extension ReplicaCore {
  /// Brings what queries read one step forward.
  func project() throws(ReplicaError) -> (position: Int64, remaining: Int) {
    let store = try opened().store
    let began = ContinuousClock.now
    let step = try ReplicaError.translating { try store.project() }
    projection.lastCost = ContinuousClock.now - began
    if store.hasNewsOfOthers { lookAround() }
    return (step.reached.position, step.remaining)
  }

  /// Sees to it that what queries read follows the documents, in a store that has been queried.
  func projectSoon() {
    guard projection.task == nil, let store = state?.store, store.isKnownToLag else { return }
    let pause = projection.pause
    projection.task = Task { [weak self] in
      try? await Task.sleep(for: pause)
      guard !Task.isCancelled else { return }
      await self?.projectNow()
    }
  }

  private func projectNow() {
    projection.task = nil
    guard let step = try? project(), step.remaining > 0 else { return }
    projectSoon()
  }

  /// - Returns: whether there was anything.
  func hasProjectionTables() throws(ReplicaError) -> Bool {
    let store = try opened().store
    return try ReplicaError.translating { try store.hasProjectionTables() }
  }

  func dropProjection() throws(ReplicaError) -> Bool {
    let store = try opened().store
    return try ReplicaError.translating { try store.dropProjection() }
  }

  func queryIndexes() throws(ReplicaError) -> [QueryIndex] {
    let store = try opened().store
    return try ReplicaError.translating {
      try store.declaredIndexes().map { QueryIndex(name: $0.name, path: $0.path) }
    }
  }

  func declareIndex(_ name: String, on path: [PathStep]) throws(ReplicaError) {
    let store = try opened().store
    try ReplicaError.translating { try store.declare(DeclaredIndex(name: name, path: path)) }
  }

  func removeIndex(_ name: String) throws(ReplicaError) {
    let store = try opened().store
    try ReplicaError.translating { try store.removeIndex(name) }
  }
}
