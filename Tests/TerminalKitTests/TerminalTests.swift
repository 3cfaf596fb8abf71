import Testing

@testable import TerminalKit

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A pair of descriptors of which one is a terminal and the other is who sits before it.
private struct PseudoTerminal {
  let person: CInt
  let terminal: CInt

  init(columns: UInt16 = 80, rows: UInt16 = 24) throws {
    #if canImport(Darwin)
      person = posix_openpt(O_RDWR | O_NOCTTY)
      try #require(person >= 0 && grantpt(person) == 0 && unlockpt(person) == 0)
      let name = String(cString: try #require(ptsname(person)))
    #else
      person = open("/dev/ptmx", O_RDWR | O_NOCTTY)
      var unlocked: CInt = 0
      var number: CUnsignedInt = 0
      // TIOCSPTLCK and TIOCGPTN, which are macros that Swift does not see.
      try #require(ioctl(person, 0x4004_5431, &unlocked) == 0)
      try #require(ioctl(person, 0x8004_5430, &number) == 0)
      let name = "/dev/pts/\(number)"
    #endif
    terminal = open(name, O_RDWR | O_NOCTTY)
    try #require(terminal >= 0)
    resize(columns: columns, rows: rows)
  }

  func resize(columns: UInt16, rows: UInt16) {
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(terminal, UInt(TIOCSWINSZ), &size)
  }

  func type(_ text: String) {
    let bytes = Array(text.utf8)
    _ = write(person, bytes, bytes.count)
  }

  /// What has been written on the screen until now.
  func screen() -> String {
    Self.drain(person)
  }

  static func drain(_ descriptor: CInt) -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while poll(&wait, 1, 50) > 0 {
      let count = read(descriptor, &buffer, buffer.count)
      if count <= 0 { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

@Suite(.serialized, .timeLimit(.minutes(1)))
struct TerminalTests {
  @Test func whatIsNotATerminalIsRefused() throws {
    var ends: [CInt] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let error = #expect(throws: TerminalError.self) {
      try Terminal.open(input: ends[0], output: ends[1])
    }
    #expect(error?.code == .notATerminal)
    #expect(Screen.size(of: ends[0]) == nil)
  }

  @Test func theTerminalIsTakenDrawnOnReadSuspendedAndGivenBack() async throws {
    let pair = try PseudoTerminal(columns: 100, rows: 30)
    var before = termios()
    tcgetattr(pair.terminal, &before)
    let terminal = try Terminal.open(
      input: pair.terminal, output: pair.terminal, environment: { _ in nil })
    #expect(terminal.size == Size(width: 100, height: 30))
    #expect(pair.screen().contains("\u{1B}[?1049h"))

    var surface = Surface(size: terminal.size)
    surface.write("ahoy", at: Point(x: 0, y: 0))
    try terminal.draw(surface)
    #expect(pair.screen().contains("ahoy"))
    try terminal.draw(surface)
    #expect(pair.screen().isEmpty)
    terminal.redraw()
    try terminal.draw(surface)
    #expect(pair.screen().contains("ahoy"))

    var events = terminal.events.makeAsyncIterator()
    pair.type("a\u{1B}[A")
    #expect(await events.next() == .key(.character("a"), []))
    #expect(await events.next() == .key(.up, []))
    pair.type("\u{1B}")
    #expect(await events.next() == .key(.escape, []))
    pair.resize(columns: 40, rows: 10)
    kill(getpid(), SIGWINCH)
    #expect(await events.next() == .resize(Size(width: 40, height: 10)))

    terminal.suspend()
    #expect(pair.screen().contains("\u{1B}[?1049l"))
    try terminal.draw(surface)
    #expect(pair.screen().isEmpty)
    try terminal.resume()
    #expect(pair.screen().contains("\u{1B}[?1049h"))
    try terminal.draw(surface)
    #expect(pair.screen().contains("ahoy"))
    pair.type("b")
    #expect(await events.next() == .key(.character("b"), []))

    terminal.close()
    terminal.close()
    #expect(pair.screen().contains("\u{1B}[?1049l"))
    var after = termios()
    tcgetattr(pair.terminal, &after)
    #expect(after.c_lflag == before.c_lflag && after.c_iflag == before.c_iflag)
    #expect(await events.next() == .end)
    #expect(await events.next() == nil)
    close(pair.person)
    close(pair.terminal)
  }

  @Test func itIsGivenBackOnASignal() async {
    await #expect(processExitsWith: .exitCode(42)) {
      try takeOver(expecting: SIGTERM)
      await sendToProcess(SIGTERM)
    }
    await #expect(processExitsWith: .exitCode(42)) {
      try takeOver(expecting: SIGHUP)
      await sendToProcess(SIGHUP)
    }
  }

  @Test func itIsGivenBackOnACrash() async {
    await #expect(processExitsWith: .exitCode(42)) {
      try takeOver(expecting: SIGILL, SIGTRAP)
      let empty: [Int] = []
      print(empty[Int.random(in: 1...2)])
    }
    await #expect(processExitsWith: .exitCode(42)) {
      try takeOver(expecting: SIGSEGV)
      await sendToProcess(SIGSEGV)
    }
  }

  @Test func theProcessStillEndsByTheSignal() async {
    await #expect(processExitsWith: .signal(SIGTERM)) {
      let pair = try PseudoTerminal()
      _ = try Terminal.open(input: pair.terminal, output: pair.terminal)
      await sendToProcess(SIGTERM)
    }
  }
}

nonisolated(unsafe) private var watched: CInt = -1
nonisolated(unsafe) private var held: Terminal?

/// To the process and not to this thread: the threads that run tasks block signals.
private func sendToProcess(_ signal: CInt) async {
  kill(getpid(), signal)
  try? await Task.sleep(for: .seconds(10))
}

/// Takes a terminal over in a process that will die of one of the signals. The handler that was
/// there before the terminal's own looks at what has been written by then, and tells by the exit
/// code.
private func takeOver(expecting signals: CInt...) throws {
  let pair = try PseudoTerminal()
  watched = pair.person
  for number in signals {
    signal(number) { _ in
      let text = PseudoTerminal.drain(watched)
      _exit(text.contains("\u{1B}[?1049l") && text.contains("\u{1B}[?25h") ? 42 : 1)
    }
  }
  held = try Terminal.open(input: pair.terminal, output: pair.terminal)
}
