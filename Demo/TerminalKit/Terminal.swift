internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

package struct TerminalError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Code: Sendable {
    /// Input or output is not a terminal.
    case notATerminal
    /// The operating system refused.
    case system
    /// Writing failed: the terminal is gone.
    case gone
  }

  package let code: Code
  package let description: String
}

/// The terminal that the process runs in, taken over for drawing: raw input, the alternate screen,
/// the mouse, bracketed paste. It is given back by `close`, and also when the process exits, is
/// ended by a signal or crashes. One at a time.
package final class Terminal: Sendable {
  private struct State {
    var shown: Surface?
    var isActive = true
    var isClosed = false
  }

  /// Keys, pastes, the mouse and changes of size, for one consumer. Ends when the terminal is
  /// closed or gone.
  package let events: AsyncStream<InputEvent>

  private let input: CInt
  private let output: CInt
  private let raw: RawMode
  private let reader: TerminalInput
  private let encoder: SurfaceEncoder
  private let state = Mutex(State())

  private static let enter = Array(
    ("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[?2004h\u{1B}[?1000h\u{1B}[?1002h\u{1B}[?1006h"
      + "\u{1B}[?1004h").utf8)
  private static let leave = Array(
    ("\u{1B}[?2026l\u{1B}[0m\u{1B}[?1004l\u{1B}[?1006l\u{1B}[?1002l\u{1B}[?1000l\u{1B}[?2004l"
      + "\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l").utf8)

  private init(
    input: CInt, output: CInt, raw: RawMode, encoder: SurfaceEncoder,
    reader: TerminalInput, events: AsyncStream<InputEvent>
  ) {
    self.input = input
    self.output = output
    self.raw = raw
    self.encoder = encoder
    self.reader = reader
    self.events = events
  }

  deinit {
    close()
  }

  /// Takes the terminal over.
  /// - Throws: `notATerminal` when input or output is something else; `system`.
  package static func open(
    input: CInt = STDIN_FILENO, output: CInt = STDOUT_FILENO,
    environment: (String) -> String? = Screen.environment
  ) throws(TerminalError) -> Terminal {
    guard Screen.isTerminal(input), Screen.isTerminal(output) else {
      throw TerminalError(
        code: .notATerminal,
        description: "this needs a terminal, and input or output is something else")
    }
    guard let raw = RawMode(of: input) else {
      throw TerminalError(
        code: .system, description: "the terminal's settings cannot be read (error \(errno))")
    }
    let (events, continuation) = AsyncStream.makeStream(of: InputEvent.self)
    guard
      let reader = TerminalInput(
        descriptor: input, sizeDescriptor: output, events: continuation)
    else {
      throw TerminalError(code: .system, description: "no pipe can be made (error \(errno))")
    }
    let encoder = SurfaceEncoder(colors: ColorDepth.of(environment: environment))
    let terminal = Terminal(
      input: input, output: output, raw: raw, encoder: encoder, reader: reader, events: events)
    ScreenRestoration.arm(descriptor: output, bytes: leave, attributes: raw.before)
    raw.enter()
    try terminal.write(enter)
    reader.start()
    return terminal
  }

  /// What the terminal says now; 80 × 24 when it says nothing.
  package var size: Size {
    Screen.size(of: output) ?? Size(width: 80, height: 24)
  }

  /// Brings the screen to look like a surface, by one write of what differs.
  /// - Throws: `gone`.
  package func draw(_ surface: Surface) throws(TerminalError) {
    try state.withLock { state throws(TerminalError) in
      guard state.isActive else { return }
      let bytes = encoder.diff(from: state.shown, to: surface)
      state.shown = surface
      if !bytes.isEmpty { try write(bytes) }
    }
  }

  /// The next `draw` draws everything: somebody else has written on the screen.
  package func redraw() {
    state.withLock { $0.shown = nil }
  }

  /// Gives the terminal back for a while, as to an editor. Returns when nothing is read here any
  /// more.
  package func suspend() {
    let wasActive = state.withLock { state in
      defer { state.isActive = false }
      return state.isActive
    }
    guard wasActive else { return }
    reader.pause()
    ScreenRestoration.restore()
  }

  /// Takes the terminal over again; everything is drawn anew.
  package func resume() throws(TerminalError) {
    let mayResume = state.withLock { state in
      guard !state.isActive, !state.isClosed else { return false }
      state.isActive = true
      state.shown = nil
      return true
    }
    guard mayResume else { return }
    ScreenRestoration.rearm()
    raw.enter()
    try write(Self.enter)
    reader.proceed()
  }

  /// Gives the terminal back. May be called again.
  package func close() {
    let wasOpen = state.withLock { state in
      defer {
        state.isClosed = true
        state.isActive = false
      }
      return !state.isClosed
    }
    guard wasOpen else { return }
    reader.stop()
    ScreenRestoration.restore()
  }

  private func write(_ bytes: [UInt8]) throws(TerminalError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { buffer -> Int in
        let rest = UnsafeRawBufferPointer(rebasing: buffer[written...])
        #if canImport(Darwin)
          return Darwin.write(output, rest.baseAddress, rest.count)
        #elseif canImport(Musl)
          return Musl.write(output, rest.baseAddress, rest.count)
        #else
          return Glibc.write(output, rest.baseAddress, rest.count)
        #endif
      }
      if count > 0 {
        written += count
      } else if count < 0, errno == EAGAIN {
        // The other end is slow, and the descriptor was made non-blocking by somebody else.
        var wait = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
        poll(&wait, 1, 1_000)
      } else if count == 0 || errno != EINTR {
        throw TerminalError(code: .gone, description: "the terminal is gone (error \(errno))")
      }
    }
  }
}

/// Input byte for byte, without echo and without keys that send signals.
private struct RawMode: Sendable {
  let before: termios
  private let descriptor: CInt

  init?(of descriptor: CInt) {
    var attributes = termios()
    guard tcgetattr(descriptor, &attributes) == 0 else { return nil }
    before = attributes
    self.descriptor = descriptor
  }

  func enter() {
    var attributes = before
    cfmakeraw(&attributes)
    tcsetattr(descriptor, TCSANOW, &attributes)
  }
}
