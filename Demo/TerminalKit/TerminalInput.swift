internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// The thread that waits for bytes and for changes of size, and makes events of them.
final class TerminalInput: Sendable {
  /// How long after an ESC byte the rest of a sequence may take before it counts as the key.
  private static let escapeMilliseconds: CInt = 40

  private enum Order: UInt8 {
    case stop = 0x51
    case pause = 0x50
    case proceed = 0x52
    case resized = 0x57
  }

  private let descriptor: CInt
  private let sizeDescriptor: CInt
  /// Orders to the thread, and its acknowledgement of a pause.
  private let orders: (read: CInt, write: CInt)
  private let answers: (read: CInt, write: CInt)
  private let events: AsyncStream<InputEvent>.Continuation

  init?(
    descriptor: CInt, sizeDescriptor: CInt, events: AsyncStream<InputEvent>.Continuation
  ) {
    guard let orders = Self.makePipe() else { return nil }
    guard let answers = Self.makePipe() else {
      close(orders.read)
      close(orders.write)
      return nil
    }
    self.descriptor = descriptor
    self.sizeDescriptor = sizeDescriptor
    self.orders = orders
    self.answers = answers
    self.events = events
  }

  deinit {
    for pipe in [orders, answers] {
      close(pipe.read)
      close(pipe.write)
    }
  }

  /// Starts the thread, which keeps this object alive until `stop`.
  func start() {
    windowChangeDescriptor = orders.write
    var action = sigaction()
    ScreenRestoration.setHandler(&action) { _ in
      // The one thing that is done in the handler: a byte that wakes the thread.
      let code = errno
      var byte = Order.resized.rawValue
      _ = write(windowChangeDescriptor, &byte, 1)
      errno = code
    }
    action.sa_flags = SA_RESTART
    sigaction(SIGWINCH, &action, nil)
    Self.startThread { [self] in run() }
  }

  func stop() {
    windowChangeDescriptor = -1
    send(.stop)
  }

  /// Returns when the thread has stopped reading, so that another program can.
  func pause() {
    send(.pause)
    var byte: UInt8 = 0
    while read(answers.read, &byte, 1) < 0, errno == EINTR {}
  }

  func proceed() {
    send(.proceed)
  }

  private func send(_ order: Order) {
    var byte = order.rawValue
    while write(orders.write, &byte, 1) < 0, errno == EINTR {}
  }

  // MARK: The thread

  private func run() {
    // A thread inherits what is blocked, and one that was started by a task inherits nearly
    // everything. This one takes the signals that are meant for the process.
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)

    var parser = InputParser()
    var isPaused = false
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
      var waits = [
        pollfd(fd: orders.read, events: Int16(POLLIN), revents: 0),
        pollfd(fd: isPaused ? -1 : descriptor, events: Int16(POLLIN), revents: 0),
      ]
      let limit: CInt = parser.isWaiting && !isPaused ? Self.escapeMilliseconds : -1
      let ready = poll(&waits, 2, limit)
      if ready < 0, errno != EINTR { return finish() }
      if ready == 0 { publish(parser.timeOut()) }
      guard ready > 0 else { continue }

      if waits[0].revents != 0 {
        var byte: UInt8 = 0
        guard read(orders.read, &byte, 1) == 1 else { continue }
        switch Order(rawValue: byte) {
        case .stop: return finish()
        case .pause:
          isPaused = true
          _ = write(answers.write, &byte, 1)
        case .proceed: isPaused = false
        case .resized:
          if let size = Screen.size(of: sizeDescriptor) { events.yield(.resize(size)) }
        case nil: break
        }
      } else if waits[1].revents != 0 {
        let count = read(descriptor, &buffer, buffer.count)
        if count > 0 {
          publish(parser.feed(buffer[..<count]))
        } else if count == 0 || (errno != EINTR && errno != EAGAIN) {
          return finish()
        }
      }
    }
  }

  private func publish(_ new: [InputEvent]) {
    for event in new { events.yield(event) }
  }

  private func finish() {
    events.yield(.end)
    events.finish()
  }

  // MARK: System calls

  private static func makePipe() -> (read: CInt, write: CInt)? {
    var ends: [CInt] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  private final class Body: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) {
      self.run = run
    }
  }

  private static func startThread(_ run: @escaping @Sendable () -> Void) {
    let body = Unmanaged.passRetained(Body(run)).toOpaque()
    #if canImport(Darwin)
      var thread: pthread_t?
      let result = pthread_create(
        &thread, nil,
        { body in
          Unmanaged<Body>.fromOpaque(body).takeRetainedValue().run()
          return nil
        }, body)
      if result == 0, let thread { pthread_detach(thread) }
    #else
      var thread = pthread_t()
      let result = pthread_create(
        &thread, nil,
        { body in
          if let body { Unmanaged<Body>.fromOpaque(body).takeRetainedValue().run() }
          return nil
        }, body)
      if result == 0 { pthread_detach(thread) }
    #endif
    if result != 0 { Unmanaged<Body>.fromOpaque(body).release() }
  }
}

/// Where the handler of SIGWINCH writes; -1 while nobody listens.
nonisolated(unsafe) private var windowChangeDescriptor: CInt = -1
