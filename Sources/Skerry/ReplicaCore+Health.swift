extension ReplicaCore {
  /// How long is waited for more to happen before the health is looked at.
  private static let healthPause = Duration.seconds(1)

  nonisolated func followHealth() -> AsyncStream<Health> {
    let stream = healthFollowers.add()
    Task {
      await startPolling()
      await lookAtHealth(isAsked: true)
    }
    return stream
  }

  /// Sees to it that somebody who wants to know is told, some time after something happened. Links
  /// that are up wake the engine at each heartbeat.
  func lookAtHealthSoon() {
    guard healthTask == nil, state != nil, service != nil || !healthFollowers.isEmpty
    else { return }
    healthTask = Task { [weak self] in
      try? await Task.sleep(for: Self.healthPause)
      guard !Task.isCancelled else { return }
      await self?.lookAtHealth()
    }
  }

  /// Tells followers, metrics, and other processes that use the store.
  ///
  /// - Parameter isAsked: somebody new wants to know, who is told in any case.
  func lookAtHealth(isAsked: Bool = false) {
    healthTask?.cancel()
    healthTask = nil
    guard state != nil else { return }
    do {
      if service != nil {
        // Who has asked may have ended without a word.
        if isAskedForPresence { lookForQuestions() }
        try report(Health(try ownStatus()), toldOfPresence)
      }
      let status = try status()
      let health = Health(status)
      if isAsked || health != toldHealth { healthFollowers.tell(health) }
      toldHealth = health
      ReplicaMetrics.record(status)
    } catch {
      say("How the replica is could not be found out: \(error)", .warning)
    }
  }
}
