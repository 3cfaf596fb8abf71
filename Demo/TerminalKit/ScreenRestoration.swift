#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// Gives the terminal back however the process ends: on exit, on a signal that ends it, and when it
/// crashes.
///
/// A signal handler may do next to nothing. So everything it needs lies ready in plain memory that
/// is never freed, and it calls only `write`, `tcsetattr`, `sigaction` and `raise`, which are
/// allowed there. After that the signal is raised again under the handler that was there before, so
/// that the process ends as it would have.
enum ScreenRestoration {
  /// Signals that end a process. A signal that was ignored before stays ignored (`nohup`).
  private static let signals = [
    SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE,
  ]

  /// From now on the terminal is given back: `bytes` are written and `attributes` set. For one
  /// terminal in the process at a time.
  static func arm(descriptor: CInt, bytes: [UInt8], attributes: termios) {
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
    for (index, byte) in bytes.enumerated() { memory[index] = byte }
    restorationBytes = UnsafePointer(memory)
    restorationByteCount = bytes.count
    let saved = UnsafeMutablePointer<termios>.allocate(capacity: 1)
    saved.initialize(to: attributes)
    restorationAttributes = UnsafePointer(saved)
    restorationDescriptor = descriptor
    install()
    isRestorationArmed = 1
  }

  /// Gives the terminal back now, if that has not been done.
  static func restore() {
    restoreScreen()
  }

  static func rearm() {
    isRestorationArmed = 1
  }

  private static func install() {
    guard previousActions == nil else { return }
    let actions = UnsafeMutablePointer<sigaction>.allocate(capacity: signalCountMax)
    actions.initialize(repeating: sigaction(), count: signalCountMax)
    previousActions = actions
    atexit { restoreScreen() }
    for signal in signals {
      sigaction(signal, nil, &actions[Int(signal)])
      if isIgnored(actions[Int(signal)]) { continue }
      var action = sigaction()
      setHandler(&action, restoreAndRaise)
      action.sa_flags = SA_ONSTACK
      sigaction(signal, &action, nil)
    }
  }

  private static func isIgnored(_ action: sigaction) -> Bool {
    #if canImport(Darwin)
      let handler = action.__sigaction_u.__sa_handler
    #else
      let handler = action.__sigaction_handler.sa_handler
    #endif
    return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  static func setHandler(
    _ action: inout sigaction, _ handler: @escaping @convention(c) (CInt) -> Void
  ) {
    #if canImport(Darwin)
      action.__sigaction_u.__sa_handler = handler
    #else
      action.__sigaction_handler.sa_handler = handler
    #endif
  }
}

private let signalCountMax = 65

// Read in signal handlers; written before the handlers are installed, and then only as single
// words.
nonisolated(unsafe) private var isRestorationArmed: CInt = 0
nonisolated(unsafe) private var restorationDescriptor: CInt = -1
nonisolated(unsafe) private var restorationBytes: UnsafePointer<UInt8>?
nonisolated(unsafe) private var restorationByteCount = 0
nonisolated(unsafe) private var restorationAttributes: UnsafePointer<termios>?
nonisolated(unsafe) private var previousActions: UnsafeMutablePointer<sigaction>?

private func restoreScreen() {
  guard isRestorationArmed != 0 else { return }
  isRestorationArmed = 0
  if let bytes = restorationBytes {
    var written = 0
    while written < restorationByteCount {
      let count = write(restorationDescriptor, bytes + written, restorationByteCount - written)
      if count > 0 {
        written += count
      } else if count == 0 || errno != EINTR {
        break
      }
    }
  }
  if let attributes = restorationAttributes {
    tcsetattr(restorationDescriptor, TCSANOW, attributes)
  }
}

private func restoreAndRaise(_ signal: CInt) {
  restoreScreen()
  if let previousActions { sigaction(signal, previousActions + Int(signal), nil) }
  // Blocked while the handler runs; it takes effect as soon as this returns.
  raise(signal)
}
