/// Holds back changes until everything that happened before them has been applied, and hands them
/// out in causal order.
///
/// A change is ready when its origin's previous change and all its dependencies are applied (causal
/// delivery: Birman and Joseph, "Reliable Communication in the Presence of Failures", 1987, with
/// explicit dependencies in place of vector timestamps). Each waiting change waits for one thing
/// at a time and is looked at again only when that one is applied, so inserting and releasing cost
/// O(1) on average for each dependency.
///
/// The order in which ready changes come out depends on the order of insertion alone. Memory is
/// bounded: a change that would have to wait beyond the limit is refused and has to be asked for
/// again; one that is ready is never refused, so the buffer cannot block itself.
package struct CausalBuffer<Element: Sendable>: Sendable {
  /// What became of an inserted change.
  package enum Insertion: Hashable, Sendable {
    /// `next` will return it.
    case ready
    /// It waits for another change.
    case waiting
    /// It was applied or inserted before; nothing changed.
    case duplicate
    /// It would have to wait and there is no room; nothing changed.
    case full
  }

  private struct Waiting: Sendable {
    var element: Element
    var dependencies: [ChangeID]
    var byteCount: Int
  }

  /// Applied, or handed out by `next` and so about to be.
  package private(set) var applied: VersionVector
  /// The most bytes that may wait.
  package let byteCountMax: Int
  /// The bytes that wait; those of ready changes are not counted.
  package private(set) var byteCount = 0

  /// Both are only looked up in.
  private var waiting: [ChangeID: Waiting] = [:]
  /// Who waits for what, by origin and sequence of what is awaited.
  private var waiters: [Origin: [UInt64: [ChangeID]]] = [:]
  /// Ready ones from `head` on; the front is cut off now and then.
  private var ready: [(id: ChangeID, element: Element)] = []
  private var head = 0
  /// The ready ones once more. Only looked up in.
  private var readyIDs: Set<ChangeID> = []

  package init(applied: VersionVector, byteCountMax: Int = 64 << 20) {
    self.applied = applied
    self.byteCountMax = byteCountMax
  }

  /// Changes that wait.
  package var waitingCount: Int { waiting.count }
  /// Changes that are ready and were not taken.
  package var readyCount: Int { ready.count - head }
  package var isEmpty: Bool { waiting.isEmpty && readyCount == 0 }

  package func contains(_ id: ChangeID) -> Bool {
    waiting[id] != nil || readyIDs.contains(id)
  }

  /// Takes a change.
  ///
  /// - Parameters:
  ///   - dependencies: what its author had seen; its own predecessor need not be among them.
  ///   - byteCount: what it counts for against the limit.
  package mutating func insert(
    _ element: Element, id: ChangeID, dependencies: [ChangeID], byteCount: Int
  ) -> Insertion {
    guard id.sequence > 0, !applied.contains(id), !contains(id) else { return .duplicate }
    guard let awaited = firstUnapplied(of: id, dependencies) else {
      makeReady(id, element)
      return .ready
    }
    let (sum, overflow) = self.byteCount.addingReportingOverflow(max(0, byteCount))
    guard !overflow, sum <= byteCountMax else { return .full }
    self.byteCount = sum
    waiting[id] = Waiting(
      element: element, dependencies: dependencies, byteCount: max(0, byteCount))
    wait(id, for: awaited)
    return .waiting
  }

  /// The next ready change. Taking it counts as applying it, so what waited for it becomes ready.
  package mutating func next() -> (id: ChangeID, element: Element)? {
    while head < ready.count {
      let change = ready[head]
      head += 1
      if head >= 64, head >= ready.count / 2 {
        ready.removeFirst(head)
        head = 0
      }
      readyIDs.remove(change.id)
      // Somebody else may have applied it meanwhile.
      guard !applied.contains(change.id) else { continue }
      applied.advance(to: change.id)
      wake(change.id.origin, change.id.sequence)
      return change
    }
    return nil
  }

  /// Somebody else has applied these.
  package mutating func advance(to vector: VersionVector) {
    for entry in vector.entries {
      let before = applied[entry.origin]
      guard entry.sequence > before else { continue }
      applied.advance(entry.origin, to: entry.sequence)
      guard let awaited = waiters[entry.origin] else { continue }
      // What waited for any of them, in the order in which they would have been applied.
      for sequence in awaited.keys.sorted() where sequence <= entry.sequence {
        wake(entry.origin, sequence)
      }
    }
    forgetApplied(vector)
  }

  /// Gives up a waiting change, for instance as its origin was found to be at fault.
  ///
  /// - Returns: its element, or nil when it did not wait. What waits for it goes on waiting.
  @discardableResult
  package mutating func remove(_ id: ChangeID) -> Element? {
    guard let removed = waiting.removeValue(forKey: id) else { return nil }
    byteCount -= removed.byteCount
    return removed.element
  }

  /// What has to come before anything here can go on: awaited, and neither applied nor itself
  /// waiting here. Sorted. Complexity: O(n log n) in the number of awaited changes.
  package var missing: [ChangeID] {
    var missing: [ChangeID] = []
    for (origin, awaited) in waiters {
      for (sequence, those) in awaited {
        let id = ChangeID(origin: origin, sequence: sequence)
        if !contains(id), those.contains(where: { waiting[$0] != nil }) { missing.append(id) }
      }
    }
    return missing.sorted()
  }

  // MARK: Waiting and waking

  private func firstUnapplied(of id: ChangeID, _ dependencies: [ChangeID]) -> ChangeID? {
    if id.sequence > 1 {
      let previous = ChangeID(origin: id.origin, sequence: id.sequence - 1)
      if !applied.contains(previous) { return previous }
    }
    return dependencies.first { !applied.contains($0) }
  }

  private mutating func wait(_ id: ChangeID, for awaited: ChangeID) {
    waiters[awaited.origin, default: [:]][awaited.sequence, default: []].append(id)
  }

  /// Looks again at those that waited for this change.
  private mutating func wake(_ origin: Origin, _ sequence: UInt64) {
    guard let those = waiters[origin]?.removeValue(forKey: sequence) else { return }
    if waiters[origin]?.isEmpty == true { waiters[origin] = nil }
    for id in those {
      guard let change = waiting[id] else { continue }
      if let awaited = firstUnapplied(of: id, change.dependencies) {
        wait(id, for: awaited)
      } else {
        waiting[id] = nil
        byteCount -= change.byteCount
        if !applied.contains(id) { makeReady(id, change.element) }
      }
    }
  }

  private mutating func makeReady(_ id: ChangeID, _ element: Element) {
    ready.append((id, element))
    readyIDs.insert(id)
  }

  /// Lets go of waiting changes that turned out to be applied though a dependency of theirs is
  /// not known to be: they would never be woken.
  private mutating func forgetApplied(_ vector: VersionVector) {
    guard !waiting.isEmpty else { return }
    for id in Array(waiting.keys) where vector.contains(id) { remove(id) }
  }
}
