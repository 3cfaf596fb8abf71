import ArgumentParser
import CommandKit
import FoundationEssentials
import JSONCoding
import SimulationKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The other end of ``WorkerPool``: runs the plans that come as lines, and answers each with a
/// line.
struct Work: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs plans that come as JSON lines on standard input.", shouldDisplay: false)

  func run() throws {
    var otherBuilds: [String: WorkerPool] = [:]
    while let line = readLine() {
      let order = try JSONValue(parsing: line).objectValue
      let plan = try Plan(json: order?["plan"] ?? .null)
      let bug = try SabotageArgument.checked(order?["sabotage"]?.stringValue)
      let promises = order?["breaking"]?.arrayValue?.compactMap(\.stringValue) ?? []
      let run = try Simulation.run(plan, with: bug, breaking: promises)
      var report = run
      if order?["twice"]?.boolValue == true {
        let second = try Simulation.run(plan, with: bug, breaking: promises)
        if second != run { report.markUnrepeatable(second, "a second time") }
      }
      if let program = order?["against"]?.stringValue {
        let pool = try otherBuilds[program] ?? WorkerPool(jobs: 1, program: program)
        otherBuilds[program] = pool
        let other = try pool.run(Order(plan: plan, sabotage: bug?.name, promises: promises))
        if other != run { report.markUnrepeatable(other, "in \(program)") }
      }
      print(report.json.text())
      fflush(nil)
    }
  }
}

/// What a worker is asked to do.
struct Order {
  var plan: Plan
  var sabotage: String?
  /// Run it twice, and say when the runs differ.
  var isRunTwice = false
  /// It is enough when one of these is broken.
  var promises: [String] = []
  /// Run it also in this other build of the program, and say when the runs differ.
  var otherBuild: String?

  fileprivate var json: JSONValue {
    [
      "plan": plan.json, "twice": .bool(isRunTwice),
      "breaking": .array(promises.map { .string($0) }),
      "sabotage": sabotage.map { .string($0) } ?? .null,
      "against": otherBuild.map { .string($0) } ?? .null,
    ]
  }
}

/// Runs plans in child processes, several at once.
///
/// A run that traps takes its process with it and nothing else: that is a broken promise like
/// others, and the sweep goes on. So is a run that does not end.
final class WorkerPool {
  private final class Child {
    var process: pid_t = 0
    var input: Int32 = -1
    var output: Int32 = -1
    var received: [UInt8] = []
    var order: Order?
    var startedAt = ContinuousClock.now
  }

  private let program: String
  private var children: [Child] = []
  /// A plan that takes longer has hung: a thousand times what a run takes.
  private static let secondsMax = 600

  /// - Parameter program: what the children run, another build of this program; nil for this one.
  init(jobs: Int, program: String? = nil) throws {
    self.program = program ?? WorkerPool.executable
    // A worker that dies while it is written to must not take this process along.
    signal(SIGPIPE, SIG_IGN)
    // A world's memory is taken again by the next one: glibc need not give it back in between.
    setenv("MALLOC_MMAP_THRESHOLD_", "33554432", 0)
    setenv("MALLOC_TRIM_THRESHOLD_", "1073741824", 0)
    for _ in 0..<jobs {
      let child = Child()
      try start(child)
      children.append(child)
    }
  }

  deinit {
    for child in children { WorkerPool.end(child) }
  }

  /// Runs one plan.
  func run(_ order: Order) throws -> RunReport {
    var result: RunReport?
    var isGiven = false
    try run {
      defer { isGiven = true }
      return isGiven ? nil : order
    } done: { _, report in
      result = report
      return true
    }
    guard let result else { throw CommandFailure(sentence: "a worker gave no answer") }
    return result
  }

  /// Runs plans until `next` has no more of them, or `done` says that it is enough.
  func run(
    _ next: () throws -> Order?, done: (Order, RunReport) throws -> Bool
  ) throws {
    var isEnough = false
    while true {
      for child in children where child.order == nil && !isEnough {
        guard let order = try next() else { break }
        try give(order, to: child)
      }
      let busy = children.filter { $0.order != nil }
      guard !busy.isEmpty else { return }
      for (order, report) in try wait(busy) {
        if try !done(order, report) { isEnough = true }
      }
    }
  }

  private func give(_ order: Order, to child: Child) throws {
    child.order = order
    child.startedAt = .now
    var bytes: [UInt8] = []
    order.json.write(to: &bytes)
    bytes.append(UInt8(ascii: "\n"))
    var offset = 0
    while offset < bytes.count {
      let count = bytes[offset...].withUnsafeBytes { write(child.input, $0.baseAddress, $0.count) }
      // A dead child is found when its answer is read.
      guard count > 0 else { return }
      offset += count
    }
  }

  private func wait(_ busy: [Child]) throws -> [(Order, RunReport)] {
    var polls = busy.map { pollfd(fd: $0.output, events: Int16(POLLIN), revents: 0) }
    let count = poll(&polls, nfds_t(polls.count), 1_000)
    guard count >= 0 || errno == EINTR else {
      throw CommandFailure(sentence: "waiting for the workers failed")
    }
    var results: [(Order, RunReport)] = []
    for (child, entry) in zip(busy, polls) {
      guard let order = child.order else { continue }
      if entry.revents != 0 {
        if let report = try receive(child, order) { results.append((order, report)) }
      } else if ContinuousClock.now - child.startedAt > .seconds(Self.secondsMax) {
        results.append((order, .died(order.plan, "the run did not end")))
        try restart(child)
      }
    }
    return results
  }

  private func receive(_ child: Child, _ order: Order) throws -> RunReport? {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    let count = read(child.output, &buffer, buffer.count)
    guard count > 0 else {
      try restart(child)
      return .died(order.plan, "the process died: no input may bring that about")
    }
    child.received += buffer[..<count]
    guard child.received.last == UInt8(ascii: "\n") else { return nil }
    let report = try RunReport(json: try JSONValue(parsing: child.received))
    child.received = []
    child.order = nil
    return report
  }

  // MARK: Processes

  private func restart(_ child: Child) throws {
    WorkerPool.end(child)
    child.received = []
    child.order = nil
    try start(child)
  }

  private func start(_ child: Child) throws {
    var toChild: [Int32] = [0, 0]
    var fromChild: [Int32] = [0, 0]
    guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else {
      throw CommandFailure(sentence: "a pipe to a worker cannot be made")
    }
    // Siblings must not hold each other's ends open.
    for descriptor in [toChild[1], fromChild[0]] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
    #else
      var actions = posix_spawn_file_actions_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    posix_spawn_file_actions_addclose(&actions, toChild[0])
    posix_spawn_file_actions_addclose(&actions, fromChild[1])
    var arguments: [UnsafeMutablePointer<CChar>?] = [
      strdup(CommandLine.arguments[0]), strdup("work"), nil,
    ]
    defer { for argument in arguments { free(argument) } }
    let status = posix_spawnp(&child.process, program, &actions, nil, &arguments, environ)
    close(toChild[0])
    close(fromChild[1])
    guard status == 0 else { throw CommandFailure(sentence: "a worker cannot be started") }
    child.input = toChild[1]
    child.output = fromChild[0]
  }

  /// This very program, wherever it was found.
  private static var executable: String {
    #if os(Linux)
      "/proc/self/exe"
    #else
      CommandLine.arguments[0]
    #endif
  }

  private static func end(_ child: Child) {
    close(child.input)
    close(child.output)
    kill(child.process, SIGKILL)
    var status: Int32 = 0
    waitpid(child.process, &status, 0)
  }
}
