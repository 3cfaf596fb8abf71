import Causality
import TestSupport
import Testing

@testable import Documents

@Suite("Conflicts of random histories")
struct ConflictPropertyTests {
  /// Replicas that edit and meet at random.
  private func histories(
    _ random: inout SeededGenerator, steps: Int = 50
  ) throws -> [DocumentReplica] {
    var replicas = (0..<Int.random(in: 2...3, using: &random)).map { DocumentReplica($0) }
    try RandomEditing.work(&replicas, steps: steps, &random)
    return replicas
  }

  private func described(_ conflicts: [Conflict]) -> [String] {
    conflicts.map { "\($0)" }
  }

  @Test("whoever has seen the same changes lists the same conflicts", arguments: 0..<30)
  func conflictsConverge(seed: UInt64) throws {
    var random = SeededGenerator(seed: 9_000 + seed)
    var replicas = try histories(&random)
    try meet(&replicas)
    let expected = try replicas[0].conflicts()
    for replica in replicas {
      #expect(try described(replica.conflicts()) == described(expected), "seed \(seed)")
    }
    var fresh = DocumentReplica(9)
    try fresh.receive(shuffledCausally(replicas[0].log, &random))
    #expect(try described(fresh.conflicts()) == described(expected), "seed \(seed)")
    #expect(Set(expected.map(\.id)).count == expected.count, "seed \(seed)")
    for conflict in expected {
      #expect(conflict.sides.count > 1, "seed \(seed)")
      if conflict.kind == .value, let last = conflict.sides.last?.value {
        #expect(try fresh.document.json(at: conflict.path) == last, "seed \(seed)")
      }
    }
  }

  @Test(
    "resolving them one after the other, any way, leaves none",
    arguments: 0..<30)
  func resolvingEndsThem(seed: UInt64) throws {
    var random = SeededGenerator(seed: 11_000 + seed)
    var replicas = try histories(&random)
    try meet(&replicas)
    try decideAll(&replicas, seed, &random)
  }

  @Test("one person alone never has a conflict", arguments: 0..<10)
  func aloneThereIsNone(seed: UInt64) throws {
    var random = SeededGenerator(seed: 12_000 + seed)
    var replica = DocumentReplica(0)
    for _ in 0..<80 {
      try replica.edit { editor in
        do { try RandomEditing.edit(editor, &random) } catch is EditError {}
      }
    }
    #expect(try replica.conflicts().isEmpty, "seed \(seed)")
  }
}

/// Decides every conflict of replicas that have met, one after the other and any way.
func decideAll(
  _ replicas: inout [DocumentReplica], _ seed: UInt64, _ random: inout SeededGenerator
) throws {
  var rounds = 0
  while let conflict = try replicas[0].conflicts().randomElement(using: &random) {
    rounds += 1
    guard rounds < 200 else {
      Issue.record("seed \(seed): \(conflict) does not go away")
      return
    }
    let side = Int.random(in: conflict.sides.indices, using: &random)
    do {
      try replicas[0].resolve(conflict, taking: .side(side))
    } catch let error as EditError where conflict.kind == .position {
      // What a side has put a node under may be gone, or under the node by now; what is shown can
      // always be confirmed.
      #expect([.cycle, .nothingThere].contains(error.code), "seed \(seed)")
      try replicas[0].resolve(conflict, taking: .side(conflict.sides.count - 1))
    }
    #expect(try !replicas[0].conflicts().contains(conflict), "seed \(seed)")
  }
  try meet(&replicas)
  for replica in replicas { #expect(try replica.conflicts().isEmpty, "seed \(seed)") }
}
