private import Dispatch
private import Synchronization

#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

/// Runs an actor's work, one thing after the other, on one serial dispatch queue, so that a thread
/// that waits for the disk is none of the cooperative pool's. The exception is ``runAtOnce(_:)``:
/// with as many at work in it at once as there are cores, other tasks wait for their disks.
final class QueueExecutor: SerialExecutor {
  private let queue: DispatchQueue
  private let turn = Mutex(())
  /// The thread that has the turn; 0 while none has.
  private let owner = Atomic<UInt>(0)
  /// How much work is queued and has not begun.
  private let queued = Atomic(0)

  init(label: String) {
    queue = DispatchQueue(label: label)
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let unowned = UnownedJob(job)
    let executor = asUnownedSerialExecutor()
    queued.add(1, ordering: .relaxed)
    queue.async { [self] in
      turn.withLock { _ in
        queued.subtract(1, ordering: .relaxed)
        owning { unowned.runSynchronously(on: executor) }
      }
    }
  }

  /// Runs `body` as the actor's work on the thread of the caller, if nothing else of it runs just
  /// now or waits to: that spares two changes of threads, which cost about as much as a quick disk.
  ///
  /// - Returns: whether it did.
  func runAtOnce(_ body: () -> Void) -> Bool {
    // The lock is not fair: whoever asks again and again would have it before all that is queued.
    guard queued.load(ordering: .relaxed) == 0 else { return false }
    return turn.withLockIfAvailable { _ in owning(body) } != nil
  }

  private func owning(_ body: () -> Void) {
    owner.store(Self.currentThread, ordering: .relaxed)
    defer { owner.store(0, ordering: .relaxed) }
    body()
  }

  func checkIsolated() {
    precondition(isIsolatingCurrentContext() == true, "this is not the actor's turn")
  }

  // Only the thread itself can have stored its own number.
  func isIsolatingCurrentContext() -> Bool? {
    owner.load(ordering: .relaxed) == Self.currentThread
  }

  private static var currentThread: UInt {
    #if canImport(Glibc) || canImport(Musl)
      UInt(pthread_self())
    #else
      UInt(bitPattern: pthread_self())
    #endif
  }
}
