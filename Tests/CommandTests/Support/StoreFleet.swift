import Foundation
import JSONCoding
import Testing

/// Stores of one test that share a workspace, each command on them a process of its own.
protocol StoreFleet {
  var scratch: Scratch { get }
}

extension StoreFleet {
  var skerry: Tool { Tool.skerry }

  /// A store with one document that holds a text, and its id.
  func makeStore(_ name: String) async throws -> String {
    let store = scratch.path(name)
    try await skerry.succeed("init", store, "--name", name)
    let answers = try await skerry.succeed(
      "apply", store,
      input: #"{"doc":null,"ops":[{"op":"make","path":["t"],"type":"text"}]}"#
    ).jsonLines()
    return try #require(answers[0]["docs"]?.arrayValue?.first?.stringValue)
  }

  func code(_ name: String, _ expires: String = "1h") async throws -> String {
    let invited = try await skerry.succeed("invite", scratch.path(name), "--expires", expires)
    #expect(invited.lines.count == 1)
    return String(try #require(invited.lines.first))
  }

  func join(_ name: String, from other: String) async throws {
    try await skerry.succeed(
      "join", scratch.path(name), code(other), "--from", scratch.path(other), "--name", name)
  }

  func insert(_ text: String, into id: String, of name: String) async throws {
    try await insert([text], into: id, of: name)
  }

  /// Puts each of the texts at the start, a transaction for each.
  func insert(_ texts: [String], into id: String, of name: String) async throws {
    let lines = texts.map { text in
      #"{"doc":"\#(id)","ops":[{"op":"splice","path":["t"],"at":0,"insert":"#
        + JSONValue.string(text).text() + #","delete":0}]}"#
    }
    let answers = try await skerry.succeed(
      "apply", scratch.path(name), input: lines.joined(separator: "\n")
    ).jsonLines()
    #expect(answers.count == texts.count && answers.allSatisfy { $0["ok"] == true }, "\(answers)")
  }

  func state(_ name: String) async throws -> String {
    try await skerry.succeed("export", scratch.path(name), "--canonical").output
  }

  /// Waits until all show the same state.
  func untilEqual(_ names: [String], seconds: Double = 90) async throws {
    var states: [String] = []
    let areEqual = try await until(seconds: seconds) {
      states = []
      for name in names {
        states.append(try await state(name))
        // One that differs is enough.
        if states.last != states.first { return false }
      }
      return true
    }
    if !areEqual { Issue.record("the stores did not become equal: \(states)") }
  }

  /// Looks again and again until something holds; false when it never does.
  func until(
    seconds: Double = 90, _ holds: () async throws -> Bool
  ) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
      if try await holds() { return true }
      try await Task.sleep(for: .milliseconds(50))
    }
    return false
  }

  func serve(_ name: String, _ more: String...) async throws -> (RunningTool, String) {
    try await serve(name, arguments: more)
  }

  func serve(
    _ name: String, listen: String = "127.0.0.1:0", arguments: [String]
  ) async throws -> (RunningTool, String) {
    let server = try skerry.start(["serve", scratch.path(name), "--listen", listen] + arguments)
    return (server, try await server.line(after: "listening on "))
  }

  /// Ends servers in good order.
  func stop(_ servers: [RunningTool]) async throws {
    for server in servers { server.signal(SIGTERM) }
    for server in servers { #expect(try await server.end().status == 0, "\(server.errors)") }
  }

  func expectHealthy(_ names: [String]) async throws {
    for name in names {
      #expect(try await skerry.succeed("doctor", scratch.path(name), "--json").json()["ok"] == true)
    }
  }

  func status(_ name: String) async throws -> JSONValue {
    try await skerry.succeed("status", scratch.path(name), "--json").json()
  }
}

extension Array {
  func asyncMap<Result>(
    _ transform: (Element) async throws -> Result
  ) async rethrows -> [Result] {
    var results: [Result] = []
    for element in self { results.append(try await transform(element)) }
    return results
  }
}
