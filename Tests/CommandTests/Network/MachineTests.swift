import Foundation
import JSONCoding
import TestSupport
import Testing

/// Real `skerry serve` processes on machines on which something is wrong.
@Suite("Served replicas on bad machines", .serialized)
struct MachineTests: StoreFleet {
  let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  private func copy(_ name: String, to other: String) throws {
    try FileManager.default.copyItem(atPath: scratch.path(name), toPath: scratch.path(other))
  }

  @Test("a copied store and one that was put back are noticed, and no edit is lost")
  func copies() async throws {
    let id = try await makeStore("a")
    try await join("b", from: "a")
    // Of the hub, in place: the file is the same, and only peers can tell.
    let backup = try Data(contentsOf: URL(filePath: scratch.path("a")))
    try await insert("lost here ", into: id, of: "a")
    let (first, place) = try await serve("a")
    try await skerry.succeed("sync", scratch.path("b"), "tcp://\(place)")
    try await stop([first])
    let file = try FileHandle(forWritingTo: URL(filePath: scratch.path("a")))
    try file.truncate(atOffset: 0)
    try file.write(contentsOf: backup)
    try file.close()
    try await insert("after the backup ", into: id, of: "a")

    // Of a leaf, as a file of its own.
    try copy("b", to: "c")
    try await insert("by the original ", into: id, of: "b")
    try await insert("by the copy ", into: id, of: "c")

    let (hub, hubPlace) = try await serve("a")
    let (original, _) = try await serve("b", "--peer", "tcp://\(hubPlace)")
    let (twin, _) = try await serve("c", "--peer", "tcp://\(hubPlace)")
    try await untilEqual(["a", "b", "c"])
    let text = try await state("c")
    for words in ["lost here ", "after the backup ", "by the original ", "by the copy "] {
      #expect(text.contains(words))
    }
    for (name, words) in [("a", "copied or restored"), ("c", "copied, restored or moved")] {
      let notes = try await status(name)["identityNotes"]?.arrayValue ?? []
      #expect(notes.contains { $0.stringValue?.contains(words) == true }, "\(name): \(notes)")
    }
    let origins = try await ["a", "b", "c"].asyncMap { name in
      try await skerry.succeed("info", scratch.path(name), "--json").json()["origin"]
    }
    #expect(Set(origins).count == 3)
    try await stop([twin, original, hub])
    try await expectHealthy(["a", "b", "c"])
  }

  @Test(
    "a clock that is a year ahead wins nothing, and is only shown",
    .enabled(if: WallClock.canBeMoved, "the clock of a process is moved by a library made with cc"))
  func clock() async throws {
    let ahead = Tool(
      name: "skerry",
      environment: ["LD_PRELOAD": try WallClock.library(secondsAhead: 365 * 86_400, in: scratch)])
    let id = try await makeStore("a")
    try await join("b", from: "a")
    func set(_ value: Int, _ tool: Tool, _ name: String) async throws {
      let line = #"{"doc":"\#(id)","ops":[{"op":"set","path":["n"],"value":\#(value)}]}"#
      let answers = try await tool.succeed("apply", scratch.path(name), input: line).jsonLines()
      #expect(answers.first?["ok"] == true)
    }
    let server = try ahead.start(["serve", scratch.path("a"), "--listen", "127.0.0.1:0"])
    let place = try await server.line(after: "listening on ")
    try await set(1, ahead, "a")
    let (dialler, _) = try await serve("b", "--peer", "tcp://\(place)")
    try await untilEqual(["a", "b"])
    // It was written later, knowing of the other, a year before it by the clocks.
    try await set(2, skerry, "b")
    try await untilEqual(["a", "b"])
    #expect(try await skerry.succeed("get", scratch.path("a"), id, "n").json() == 2)
    let log = try await skerry.succeed("log", scratch.path("b"), "--json").jsonLines()
    let times = log.compactMap { $0["time"]?.stringValue }
    #expect(times.count >= 3 && times[0] < times[1], "\(times)")
    try await stop([dialler, server])
    try await expectHealthy(["a", "b"])
  }

  @Test(
    "a full disk refuses with a sentence, breaks nothing, and goes on when there is room",
    .enabled(
      if: Mount.isPossible, "only root can mount a small file system, where that is allowed"))
  func fullDisk() async throws {
    let id = try await makeStore("a")
    let disk = try Mount(at: scratch.path("small"), megabytes: 2)
    defer { disk.unmount() }
    try await join("small/b", from: "a")
    let (server, place) = try await serve("a")
    let (full, _) = try await serve("small/b", "--peer", "tcp://\(place)")
    try await insert("fits ", into: id, of: "a")
    try await untilEqual(["a", "small/b"])
    // More than there is room for, and nothing of it compresses well.
    var random = SeededGenerator(seed: 7)
    func text(_ word: String, count: Int) -> String {
      var scalars = Array(word.unicodeScalars)
      for _ in 0..<count {
        scalars.append(Unicode.Scalar(UInt8.random(in: 65...122, using: &random)))
      }
      return String(String.UnicodeScalarView(scalars))
    }
    try await insert((0..<30).map { text("big\($0) ", count: 50_000) }, into: id, of: "a")
    #expect(try await until { full.errors.contains("full") || full.errors.contains("disk") })
    // It is told what is wrong, here and there, and what was there can be read.
    let read = try await skerry.succeed("get", scratch.path("small/b"), id, "t")
    #expect(read.output.contains("fits "))
    let value = JSONValue.string(text("own ", count: 3_000_000)).text()
    let line = #"{"doc":null,"ops":[{"op":"set","path":["x"],"value":\#(value)}]}"#
    let refused = try await skerry.run("apply", scratch.path("small/b"), input: line)
    #expect(
      refused.output.contains(#""ok":false"#) || refused.status == 1,
      "\(refused.output.prefix(300)) \(refused.errors)")
    #expect(try await skerry.succeed("docs", scratch.path("small/b")).lines.count == 1)
    try disk.grow(megabytes: 64)
    try await untilEqual(["a", "small/b"])
    try await insert("room again ", into: id, of: "small/b")
    try await untilEqual(["a", "small/b"])
    try await stop([full, server])
    try await expectHealthy(["a", "small/b"])
  }
}

/// A wall clock of a process's own: a library that is loaded before the system's.
private enum WallClock {
  private static let compiler = ["/usr/bin/cc", "/usr/bin/clang", "/usr/bin/gcc"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }

  static var canBeMoved: Bool { compiler != nil }

  static func library(secondsAhead: Int, in scratch: Scratch) throws -> String {
    let source = """
      #define _GNU_SOURCE
      #include <dlfcn.h>
      #include <time.h>
      int clock_gettime(clockid_t clock, struct timespec *time) {
        static int (*next)(clockid_t, struct timespec *);
        if (!next) next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
        int status = next(clock, time);
        if (status == 0 && clock == CLOCK_REALTIME) time->tv_sec += \(secondsAhead);
        return status;
      }
      """
    let (code, library) = (scratch.path("ahead.c"), scratch.path("ahead.so"))
    try Data(source.utf8).write(to: URL(filePath: code))
    let process = Process()
    process.executableURL = URL(filePath: try #require(compiler))
    process.arguments = ["-shared", "-fPIC", "-o", library, code, "-ldl"]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return library
  }
}

/// A file system in memory, of a few megabytes.
private struct Mount {
  let path: String

  /// Whether one can be mounted here.
  static let isPossible: Bool = {
    guard getuid() == 0, let scratch = try? Scratch(),
      let mount = try? Mount(at: scratch.path("probe"), megabytes: 1)
    else { return false }
    mount.unmount()
    return true
  }()

  init(at path: String, megabytes: Int) throws {
    self.path = path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    guard mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
      throw ToolError(description: "no tmpfs at \(path): \(String(cString: strerror(errno)))")
    }
  }

  func grow(megabytes: Int) throws {
    guard mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT), "size=\(megabytes)m") == 0 else {
      throw ToolError(description: "\(path) cannot be made larger")
    }
  }

  func unmount() { umount2(path, Int32(MNT_DETACH)) }
}
