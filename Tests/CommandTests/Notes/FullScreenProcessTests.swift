import Foundation
import JSONCoding
import Testing

/// The full-screen application as a process on a terminal of its own.
@Suite("notes on a terminal")
struct FullScreenProcessTests {
  enum End: String, CaseIterable, Sendable {
    case leaves
    case terminate
    case hangUp
  }

  @Test("what was typed last is in the notes however the application ends", arguments: End.allCases)
  func nothingIsLost(end: End) async throws {
    let scratch = try Scratch()
    let store = scratch.path("notes.skerry")
    let terminal = try PersonAtTerminal(arguments: ["--store", store])
    try await terminal.waitFor("No notes yet")
    terminal.type("nPlan\r")
    try await terminal.waitFor("saved")
    terminal.type("bread and cheese Ω")
    try await terminal.waitFor("Ω")
    switch end {
    case .leaves: terminal.type("\u{11}")
    case .terminate: kill(terminal.process.processIdentifier, SIGTERM)
    case .hangUp: terminal.hangUp()
    }
    #expect(try await terminal.exitStatus() == 0)
    let listed = try await Tool(name: "notes").succeed("--store", store, "list", "--json")
    let id = try #require(listed.jsonLines().first?["id"]?.stringValue)
    let shown = try await Tool(name: "notes").succeed("--store", store, "show", id)
    #expect(shown.output == "bread and cheese Ω\n")
  }

  @Test("what another process writes appears while the note is open")
  func othersAppear() async throws {
    let scratch = try Scratch()
    let store = scratch.path("notes.skerry")
    let notes = Tool(name: "notes")
    let made = try await notes.succeed("--store", store, "new", "Plan", "--body", "mine\n")
    let id = made.output.trimmingCharacters(in: .newlines)
    let terminal = try PersonAtTerminal(arguments: ["--store", store])
    try await terminal.waitFor("mine")
    terminal.type("e")
    try await terminal.waitFor("saved")
    try await notes.succeed("--store", store, "append", id, "xyzzy")
    try await terminal.waitFor("xyzzy")
    terminal.type("Q")
    try await terminal.waitFor("Q")
    terminal.type("\u{11}")
    #expect(try await terminal.exitStatus() == 0)
    let shown = try await notes.succeed("--store", store, "show", id)
    #expect(shown.output == "Qmine\nxyzzy\n")
  }
}

/// Types at `notes` and watches what it writes on the screen.
private final class PersonAtTerminal {
  let process = Process()
  private var descriptor: Int32
  private var seen: [UInt8] = []

  init(arguments: [String]) throws {
    #if canImport(Darwin)
      descriptor = posix_openpt(O_RDWR | O_NOCTTY)
      try #require(descriptor >= 0 && grantpt(descriptor) == 0 && unlockpt(descriptor) == 0)
      let name = String(cString: try #require(ptsname(descriptor)))
    #else
      descriptor = open("/dev/ptmx", O_RDWR | O_NOCTTY)
      var unlocked: Int32 = 0
      var number: UInt32 = 0
      // TIOCSPTLCK and TIOCGPTN, which are macros that Swift does not see.
      try #require(ioctl(descriptor, 0x4004_5431, &unlocked) == 0)
      try #require(ioctl(descriptor, 0x8004_5430, &number) == 0)
      let name = "/dev/pts/\(number)"
    #endif
    var size = winsize(ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(descriptor, UInt(TIOCSWINSZ), &size)
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    let terminal = try #require(FileHandle(forUpdatingAtPath: name))
    process.executableURL = Tool.folder.appending(path: "notes")
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["TERM": "xterm-256color"], uniquingKeysWith: { $1 })
    process.standardInput = terminal
    process.standardOutput = terminal
    process.standardError = FileHandle.nullDevice
    try process.run()
    try terminal.close()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    hangUp()
  }

  func type(_ text: String) {
    let bytes = Array(text.utf8)
    _ = write(descriptor, bytes, bytes.count)
  }

  /// Waits until the text has been written on the screen since the last call. Only what changes
  /// is written, so it must be a text that comes at once where nothing like it was.
  func waitFor(_ text: String) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
      look()
      if String(decoding: seen, as: UTF8.self).contains(text) {
        seen = []
        return
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("'\(text)' did not appear: \(String(decoding: seen, as: UTF8.self))")
  }

  private func look() {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while descriptor >= 0 {
      let count = read(descriptor, &chunk, chunk.count)
      guard count > 0 else { return }
      seen += chunk[..<count]
    }
  }

  func hangUp() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
  }

  func exitStatus() async throws -> Int32 {
    let deadline = ContinuousClock.now + .seconds(60)
    while process.isRunning, ContinuousClock.now < deadline {
      look()
      try await Task.sleep(for: .milliseconds(20))
    }
    try #require(!process.isRunning, "the application does not end")
    return process.terminationStatus
  }
}
