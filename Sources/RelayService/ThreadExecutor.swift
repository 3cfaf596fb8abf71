#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Runs an actor's jobs one after another on a thread of its own, so that work which waits for the
/// disk never holds up the threads that everybody shares.
final class ThreadExecutor: SerialExecutor {
  private let queue = JobQueue()

  init() {
    let context = Unmanaged.passRetained(queue).toOpaque()
    #if canImport(Glibc)
      var thread = pthread_t()
      let result = pthread_create(
        &thread, nil, { context in context.flatMap(ThreadExecutor.run) }, context)
    #else
      var thread: pthread_t?
      let result = pthread_create(&thread, nil, { ThreadExecutor.run($0) }, context)
    #endif
    precondition(result == 0, "no thread could be started: \(result)")
    #if canImport(Glibc)
      pthread_detach(thread)
    #else
      if let thread { pthread_detach(thread) }
    #endif
  }

  deinit {
    queue.close()
  }

  func enqueue(_ job: consuming ExecutorJob) {
    queue.add(UnownedJob(job), on: asUnownedSerialExecutor())
  }

  private static func run(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    Unmanaged<JobQueue>.fromOpaque(context).takeRetainedValue().run()
    return nil
  }
}

/// Jobs in order of arrival, and a thread that waits for them.
private final class JobQueue: @unchecked Sendable {
  // Everything below is touched with the mutex held, and only then.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var jobs: [(UnownedJob, UnownedSerialExecutor)] = []
  private var isClosed = false

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
  }

  func add(_ job: UnownedJob, on executor: UnownedSerialExecutor) {
    pthread_mutex_lock(mutex)
    jobs.append((job, executor))
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
  }

  func close() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
  }

  /// Until closed and empty.
  func run() {
    while let batch = take() {
      for (job, executor) in batch { job.runSynchronously(on: executor) }
    }
  }

  private func take() -> [(UnownedJob, UnownedSerialExecutor)]? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while jobs.isEmpty {
      guard !isClosed else { return nil }
      pthread_cond_wait(condition, mutex)
    }
    defer { jobs = [] }
    return jobs
  }
}
