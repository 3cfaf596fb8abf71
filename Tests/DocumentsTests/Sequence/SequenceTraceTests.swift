import Causality
import Documents
import EditingTraces
import TestSupport
import Testing

/// Recorded histories, when `SKERRY_TRACES` names their folder. A debug build leaves out what would
/// take it more than some seconds altogether.
@Suite("Sequence: recorded histories")
struct SequenceTraceTests {
  #if DEBUG
    static let localNames = ["automerge-paper", "sveltecomponent"]
    static let deliverySeeds: [UInt64] = [1]
  #else
    static let localNames = ["automerge-paper", "seph-blog1", "rustcode", "sveltecomponent"]
    static let deliverySeeds: [UInt64] = [1, 2, 3, 4, 5]
  #endif

  @Test("a small history of two people, made up")
  func synthetic() throws {
    let trace = ConcurrentTrace(
      name: "synthetic", endContent: "Hello, brave new world!", agentCount: 2,
      transactions: [
        .init(
          parents: [], agent: 0,
          patches: [TracePatch(position: 0, deleteCount: 0, insertion: "Helo wrld")]),
        .init(
          parents: [0], agent: 0,
          patches: [
            TracePatch(position: 3, deleteCount: 0, insertion: "l"),
            TracePatch(position: 5, deleteCount: 1, insertion: ", brave "),
          ]),
        .init(
          parents: [0], agent: 1,
          patches: [
            TracePatch(position: 6, deleteCount: 0, insertion: "o"),
            TracePatch(position: 10, deleteCount: 0, insertion: "!"),
          ]),
        .init(
          parents: [1, 2], agent: 1,
          patches: [TracePatch(position: 13, deleteCount: 0, insertion: "new ")]),
      ])
    try Self.checkEnd(of: trace)
  }

  private static func checkEnd(of trace: ConcurrentTrace) throws {
    let history = try TraceHistory(trace)
    let text = try SequenceWalker.text(
      graph: history.graph, log: history.log, ranks: history.ranks, at: history.graph.frontier)
    #expect(text.string == trace.endContent)
    let insertions = try SequenceWalker.insertions(
      graph: history.graph, log: history.log, ranks: history.ranks, at: history.graph.frontier)
    #expect(insertions.reduce(0) { $0 + $1.count } == text.count)
  }

  @Test(
    "local edits end with the recorded text",
    .enabled(if: TraceFolder.fromEnvironment != nil, "\(TraceFolder.advice)"),
    arguments: localNames)
  func sequential(name: String) throws {
    let folder = try #require(TraceFolder.fromEnvironment)
    let trace = try folder.sequential(name)
    var text = TextRope()
    for patch in trace.patches { try text.apply(patch) }
    #expect(text.string == trace.endContent)
  }

  @Test(
    "the replay of a recorded graph ends with the recorded text",
    .enabled(if: TraceFolder.fromEnvironment != nil, "\(TraceFolder.advice)"),
    arguments: ["friendsforever", "clownschool", "node_nodecc"])
  func concurrent(name: String) throws {
    let folder = try #require(TraceFolder.fromEnvironment)
    try Self.checkEnd(of: try folder.concurrent(name))
  }

  /// Positions of this history mean what the tie-breaks of its maker made them mean; those that do
  /// not fit ours have no effect.
  @Test(
    "git-makefile ends alike whatever the order and the batches of delivery",
    .enabled(if: TraceFolder.fromEnvironment != nil, "\(TraceFolder.advice)"))
  func anyOrder() throws {
    let folder = try #require(TraceFolder.fromEnvironment)
    let trace = try folder.concurrent("git-makefile")
    let inOrder = try TraceHistory(trace)
    let expected = try SequenceWalker.text(
      graph: inOrder.graph, log: inOrder.log, ranks: inOrder.ranks, at: inOrder.graph.frontier)
    for seed in Self.deliverySeeds {
      var random = SeededGenerator(seed: seed)
      let order = Self.deliveryOrder(of: trace, &random)
      let shuffled = Self.reordered(trace, order)
      var history = TraceHistory(agentCount: trace.agentCount)
      var text = TextRope()
      var isSound = true
      var next = shuffled.transactions[...]
      while !next.isEmpty {
        let batch = next.prefix(Int.random(in: 1...200, using: &random))
        next = next.dropFirst(batch.count)
        let before = history.graph.frontier
        for transaction in batch { try history.append(transaction) }
        let merge = try SequenceWalker.merge(
          graph: history.graph, log: history.log, ranks: history.ranks, from: before,
          to: history.graph.frontier, length: text.count, isSound: isSound)
        if merge.ineffectiveEventCount > 0 { isSound = false }
        try text.apply(merge.patches, from: history.log)
      }
      #expect(text == expected, "seed \(seed)")
    }
  }

  /// Any order with parents first and each agent's own transactions in order.
  private static func deliveryOrder(
    of trace: ConcurrentTrace, _ random: inout SeededGenerator
  ) -> [Int] {
    var waitingFor = trace.transactions.map { $0.parents }
    var lastOfAgent = [Int?](repeating: nil, count: trace.agentCount)
    for (index, transaction) in trace.transactions.enumerated() {
      if let last = lastOfAgent[transaction.agent] { waitingFor[index].append(last) }
      lastOfAgent[transaction.agent] = index
    }
    var children = [[Int]](repeating: [], count: waitingFor.count)
    for (index, parents) in waitingFor.enumerated() {
      for parent in parents { children[parent].append(index) }
    }
    var missing = waitingFor.map(\.count)
    var ready = missing.indices.filter { missing[$0] == 0 }
    var order: [Int] = []
    while !ready.isEmpty {
      let choice = ready.remove(at: Int.random(in: 0..<ready.count, using: &random))
      order.append(choice)
      for child in children[choice] {
        missing[child] -= 1
        if missing[child] == 0 { ready.append(child) }
      }
    }
    return order
  }

  private static func reordered(_ trace: ConcurrentTrace, _ order: [Int]) -> ConcurrentTrace {
    var place = [Int](repeating: 0, count: order.count)
    for (index, transaction) in order.enumerated() { place[transaction] = index }
    var result = trace
    result.transactions = order.map {
      var transaction = trace.transactions[$0]
      transaction.parents = transaction.parents.map { place[$0] }
      return transaction
    }
    return result
  }

  @Test("two long branches merge in time that grows like their length", arguments: ["", "front"])
  func longBranches(shape: String) throws {
    let count = 4000
    var graph = EventGraph()
    var log = SequenceLog(.text)
    _ = try graph.append(origin: 0, sequence: 1, eventCount: 100, parents: [])
    try log.appendInsert(version: 0, position: 0, text: String(repeating: "·", count: 100))
    var random = SeededGenerator(seed: 4)
    for origin in 1...2 {
      var parent = 99
      for sequence in 1...count {
        let position = shape == "front" ? 0 : Int.random(in: 0..<100 + sequence, using: &random)
        parent = try graph.append(
          origin: origin, sequence: UInt64(sequence), eventCount: 1, parents: [parent]
        ).lowerBound
        try log.appendInsert(version: parent, position: position, text: "\(origin)")
      }
    }
    let ranks: [UInt32] = [0, 1, 2]
    let heads = graph.frontier
    var text = try SequenceWalker.text(graph: graph, log: log, ranks: ranks, at: [heads[1]])
    let patches = try SequenceWalker.merge(
      graph: graph, log: log, ranks: ranks, from: [heads[1]], to: [heads[0]],
      length: text.count)
    try text.apply(patches, from: log)
    #expect(text.count == 100 + 2 * count)
    let whole = try SequenceWalker.text(graph: graph, log: log, ranks: ranks, at: heads)
    #expect(text == whole)
  }
}
