import Foundation
import Testing

/// `skerry-sim sweep --against`, with programs that stand for other builds of it.
@Suite("Comparing two builds of the simulator", .serialized)
struct ComparingBuildsTests {
  private let scratch: Scratch
  private let simulator = Tool(name: "skerry-sim")

  init() throws {
    scratch = try Scratch()
  }

  /// A program that answers as the simulator does, through a filter.
  private func otherBuild(_ filter: String) throws -> String {
    let program = Tool.folder.appending(path: simulator.name).path
    let path = scratch.path("other-build")
    try Data("#!/bin/sh\n'\(program)' \"$@\" | \(filter)\n".utf8)
      .write(to: URL(filePath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    return path
  }

  @Test("equal runs in another process pass")
  func equal() async throws {
    let outcome = try await simulator.run(
      "sweep", "quiet-ring", "--seeds", "1..2", "--against", try otherBuild("cat"))
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("2 runs, 0 failed"))
  }

  @Test("a run that differs fails the sweep and says in which program")
  func different() async throws {
    let other = try otherBuild("sed -u 's/\"events\":/\"events\":1/'")
    let outcome = try await simulator.run(
      "sweep", "quiet-ring", "--seeds", "1..1", "--against", other)
    #expect(outcome.status == 1)
    #expect(outcome.output.contains("the same plan runs differently in \(other)"))
  }

  @Test("a program that is not there is a usage error")
  func missing() async throws {
    let outcome = try await simulator.run(
      "sweep", "quiet-ring", "--seeds", "1..1", "--against", scratch.path("nowhere"))
    #expect(outcome.status != 0)
    #expect(outcome.errors.contains("There is no program"))
  }
}
