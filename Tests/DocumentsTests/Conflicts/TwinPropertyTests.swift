import Causality
import DocumentModel
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// Random histories in which people decide about the same passages at once, mostly alike.
@Suite("Texts that several brought back at once")
struct TwinPropertyTests {
  private let path: DocumentPath = ["body"]

  /// What people do who have met: one of the conflicts is decided by some of them.
  private func decide(
    _ people: inout [UndoingPerson], _ random: inout SeededGenerator
  ) throws {
    guard
      let conflict = try people[0].replica.conflicts().filter({ $0.kind == .text })
        .randomElement(using: &random)
    else { return }
    let choices: [ConflictChoice] = [.base, .value("tide"), .side(0), .side(1)]
    let choice = choices.randomElement(using: &random) ?? .base
    for number in people.indices where Int.random(in: 0..<4, using: &random) > 0 {
      let own = Int.random(in: 0..<6, using: &random) == 0 ? .base : choice
      let history = try people[number].replica.history()
      try people[number].edit { try $0.resolve(conflict, taking: own, in: history) }
    }
  }

  private func edit(
    _ person: inout UndoingPerson, _ random: inout SeededGenerator
  ) throws {
    if Int.random(in: 0..<8, using: &random) == 0 {
      _ = try Bool.random(using: &random) ? person.undo() : person.redo()
      return
    }
    let count = try person.replica.document.text(at: path).unicodeScalars.count
    let position = Int.random(in: 0...count, using: &random)
    let removed = min(count - position, Int.random(in: 0...4, using: &random))
    let word = ["", "low ", "x", "sea", "🌊"].randomElement(using: &random) ?? ""
    try person.edit { editor in
      if Int.random(in: 0..<5, using: &random) == 0, removed > 0 {
        let value = Value.bool(Bool.random(using: &random))
        try editor.mark(
          path, position..<position + removed, name: "bold", value: value,
          expand: MarkExpansion.allCases.randomElement(using: &random) ?? .after)
      } else {
        try editor.splice(path, at: position, delete: removed, insert: word)
      }
    }
  }

  private func meet(_ people: inout [UndoingPerson]) throws {
    for target in people.indices {
      for source in people.indices where source != target {
        try people[target].replica.receive(
          people[target].replica.missing(from: people[source].replica))
      }
    }
  }

  private func history(_ random: inout SeededGenerator) throws -> [DocumentReplica] {
    var people = (0..<Int.random(in: 2...4, using: &random)).map { UndoingPerson($0) }
    try people[0].edit {
      try $0.make(["body"], .text)
      try $0.splice(["body"], at: 0, delete: 0, insert: "low tide here at noon")
    }
    people[0].stack = UndoStack()
    try meet(&people)
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      for number in people.indices {
        for _ in 0..<Int.random(in: 0...2, using: &random) { try edit(&people[number], &random) }
      }
      try meet(&people)
      try decide(&people, &random)
      for number in people.indices where Bool.random(using: &random) {
        try edit(&people[number], &random)
      }
      if Bool.random(using: &random) {
        let other = Int.random(in: 1..<people.count, using: &random)
        try people[0].replica.receive(people[0].replica.missing(from: people[other].replica))
      }
    }
    try meet(&people)
    return people.map(\.replica)
  }

  @Test(
    "every order in which changes come gives the text that the model gives", arguments: 0..<60)
  func converges(seed: UInt64) throws {
    var random = SeededGenerator(seed: 31_000 + seed)
    let replicas = try history(&random)
    let expected = replicas[0].canonical
    let model = Model(
      replicas[0].log.map {
        Change(id: $0.change, lamport: $0.lamport, time: $0.time, edits: [$0.edit])
      })
    #expect(model.difference(from: replicas[0].document) == nil, "seed \(seed)")
    for replica in replicas { #expect(replica.canonical == expected, "seed \(seed)") }
    let conflicts = try replicas[0].conflicts()
    for _ in 0..<4 {
      var fresh = DocumentReplica(9)
      for batch in split(shuffledCausally(replicas[0].log, &random), &random) {
        try fresh.receive(batch)
        if Bool.random(using: &random) { try fresh.reopen() }
      }
      #expect(fresh.canonical == expected, "seed \(seed)")
      #expect(try fresh.conflicts() == conflicts, "seed \(seed)")
    }
  }

  @Test("the histories have what they are about: twins, of two and of more")
  func areAboutTwins() throws {
    var twins: [SequenceTwins] = []
    for seed: UInt64 in 0..<20 {
      var random = SeededGenerator(seed: 31_000 + seed)
      let history = try history(&random)[0].history()
      twins += history.sequences.flatMap(\.log.twins)
    }
    #expect(twins.count > 20)
    // Of three who decided alike the first has two other names.
    #expect(Set(twins.map(\.first)).count < twins.count)
  }

  @Test("any two versions differ by the patches that lead from one to the other", arguments: 0..<30)
  func differences(seed: UInt64) throws {
    var random = SeededGenerator(seed: 32_000 + seed)
    let replicas = try history(&random)
    let history = try replicas[0].history()
    let document = replicas[0].document
    func version() -> VersionVector {
      // The text is there in every version.
      var version = VersionVector()
      version.advance(to: replicas[0].log[0].change)
      for edit in shuffledCausally(replicas[0].log, &random)
        .prefix(Int.random(in: 1...replicas[0].log.count, using: &random))
      {
        version.advance(to: edit.change)
      }
      return version
    }
    for _ in 0..<6 {
      let (from, to) = (version(), version())
      let before = try Document.replaying(documentID, replicas[0].log, at: from)
      let after = try Document.replaying(documentID, replicas[0].log, at: to)
      #expect(
        try document.text(at: path, version: from, in: history) == before.text(at: path),
        "seed \(seed)")
      var text = try Array(before.text(at: path).unicodeScalars)
      for patch in try document.textPatches(at: path, from: from, to: to, in: history) {
        text.replaceSubrange(
          patch.position..<patch.position + patch.removed,
          with: Array(patch.inserted.unicodeScalars))
      }
      #expect(
        try text.elementsEqual(after.text(at: path).unicodeScalars), "seed \(seed)")
    }
  }
}
