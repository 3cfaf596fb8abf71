import Causality
import DocumentModel
import TestSupport
import Testing

@testable import Documents

/// Marks are a function of the set of changes, and the one that the model states.
@Suite("Marks against the model")
struct MarkPropertyTests {
  private func change(_ incoming: IncomingEdit) -> Change {
    Change(
      id: incoming.change, lamport: incoming.lamport, time: incoming.time, edits: [incoming.edit])
  }

  /// Any positions, in any direction; sometimes on parents that are not those of the author.
  private func lie(
    by replica: DocumentReplica, _ random: inout SeededGenerator
  ) -> IncomingEdit {
    var parents = replica.document.parents
    if Int.random(in: 0..<2, using: &random) == 0 {
      let named = replica.log.map(\.change).shuffled(using: &random)
      parents = named.prefix(Int.random(in: 0...2, using: &random)).sorted()
    }
    let length = (try? replica.document.count(at: ["t"])) ?? 0
    let operations = (0..<Int.random(in: 1...4, using: &random)).map { _ in
      RandomMarking.operation(length: length, beyond: 3, &random)
    }
    return IncomingEdit(
      change: ChangeID(origin: replica.origin, sequence: replica.vector[replica.origin] + 1),
      lamport: replica.lamport + UInt64.random(in: 1...3, using: &random),
      time: Timestamp(clampingMilliseconds: 0),
      edit: DocumentEdit(document: documentID, parents: parents, operations: operations))
  }

  @Test(arguments: 0..<60)
  func everyStepIsWhatTheModelShows(seed: UInt64) throws {
    var random = SeededGenerator(seed: 20_000 + seed)
    let replicaCount = Int.random(in: 2...4, using: &random)
    let lyingPercent = seed % 3 == 0 ? 20 : 0
    let exchangePercent = [15, 30, 50].randomElement(using: &random) ?? 30
    var replicas = (0..<replicaCount).map { DocumentReplica($0) }
    try replicas[0].edit { editor in
      try editor.make(["t"], .text)
      try editor.splice(["t"], at: 0, delete: 0, insert: "the fox jumped")
    }
    for index in replicas.indices.dropFirst() { try replicas[index].receive(replicas[0].log) }
    var model = Model(replicas[0].log.map(change))
    var past: [(VersionVector, state: [UInt8], spans: [TextSpan])] = []
    for step in 0..<50 {
      let mine = Int.random(in: 0..<replicaCount, using: &random)
      if Int.random(in: 0..<100, using: &random) < exchangePercent {
        let other = replicas[Int.random(in: 0..<replicaCount, using: &random)]
        let missing = replicas[mine].missing(from: other)
        let part = Int.random(in: 0...missing.count, using: &random)
        for batch in split(Array(missing.prefix(part)), &random) {
          try replicas[mine].receive(batch)
        }
      } else if Int.random(in: 0..<100, using: &random) < lyingPercent {
        let lie = lie(by: replicas[mine], &random)
        try replicas[mine].receive([lie])
        model.add(change(lie))
      } else {
        let made = try replicas[mine].edit { editor in
          for _ in 0..<Int.random(in: 1...3, using: &random) {
            try RandomMarking.edit(editor, &random)
          }
        }
        if let made { model.add(change(made)) }
      }
      switch Int.random(in: 0..<6, using: &random) {
      case 0: try replicas[mine].reopen()
      case 1: replicas[mine].document.releaseHistory()
      default: break
      }
      let replica = replicas[mine]
      let difference = model.difference(from: replica.document, seeing: replica.vector)
      #expect(difference == nil, "seed \(seed), step \(step), replica \(mine)")
      if difference != nil { return }
      if step % 8 == 0 {
        past.append(
          (
            replica.vector, replica.document.encodeState(),
            try replica.document.textSpans(at: ["t"])
          ))
      }
    }
    for target in replicas.indices {
      for source in replicas.indices {
        try replicas[target].receive(replicas[target].missing(from: replicas[source]))
      }
    }
    let state = replicas[0].document.encodeState()
    for replica in replicas { #expect(replica.document.encodeState() == state, "seed \(seed)") }

    // In other orders and batches, twice, and from the history as a whole.
    for _ in 0..<3 {
      var fresh = DocumentReplica(9)
      for batch in split(shuffledCausally(replicas[0].log, &random), &random) {
        try fresh.receive(batch)
        if Int.random(in: 0..<5, using: &random) == 0 { try fresh.receive(batch) }
      }
      #expect(fresh.document.encodeState() == state, "seed \(seed)")
    }
    let history = try replicas[0].history()
    #expect(try Document(history: history).encodeState() == state, "seed \(seed)")
    for (vector, bytes, spans) in past {
      let then = try Document.replaying(documentID, replicas[0].log, at: vector)
      #expect(then.encodeState() == bytes, "seed \(seed)")
      // A liar's change need not build on the ones before it, as a version takes for granted.
      guard lyingPercent == 0 else { continue }
      #expect(
        try replicas[0].document.textSpans(at: ["t"], version: vector, in: history) == spans,
        "seed \(seed)")
    }
  }

  /// One author after another: with or without history, by replay because of one change beside
  /// them, and in a document that keeps its history and commits keystroke by keystroke.
  @Test(arguments: 0..<20)
  func theFastPathMarksAsTheReplayDoes(seed: UInt64) throws {
    var random = SeededGenerator(seed: 21_000 + seed)
    var author = DocumentReplica(0)
    try author.edit { try $0.make(["t"], .text) }
    let live = Document(id: documentID)
    live.keep(DocumentHistory(document: documentID))
    _ = try live.merge(author.log) { DocumentHistory(document: documentID) }
    let editor = live.beginEdit(
      ChangeID(origin: author.origin, sequence: 2), lamport: 2)
    for step in 0..<60 {
      let sequence = author.vector[author.origin] + 1
      editor.begin(
        ChangeID(origin: author.origin, sequence: sequence), lamport: author.lamport + 1,
        time: .epoch)
      var copy = random
      // Long stretches of typing and deleting letter by letter.
      let length = try live.count(at: ["t"])
      let isTyping = step % 12 < 8
      let at = Int.random(in: 0...length, using: &random)
      copy = random
      func act(_ editor: Editor, _ random: inout SeededGenerator) throws {
        if isTyping {
          if step % 24 < 12 {
            try editor.splice(["t"], at: min(at, step % 12), delete: 0, insert: "é")
          } else if length > 0 {
            try editor.splice(["t"], at: min(length - 1, 3), delete: 1, insert: "")
          }
        } else {
          try RandomMarking.edit(editor, &random)
        }
      }
      try act(editor, &random)
      _ = try editor.commit()
      try author.edit { try act($0, &copy) }
      #expect(live.canonicalJSON() == author.document.canonicalJSON(), "seed \(seed) \(step)")
      if step % 10 == 9 { try author.reopen() }
    }
    let aside = IncomingEdit(
      change: ChangeID(origin: testOrigin(5), sequence: 1), lamport: 1, time: .epoch,
      edit: DocumentEdit(
        document: documentID, parents: [],
        operations: [Operation(.root, .set("k", .null, replaces: []))]))
    var walked = DocumentReplica(8)
    try walked.receive([aside])
    try walked.receive(author.log)
    try author.receive([aside])
    _ = try live.merge([aside]) { DocumentHistory(document: documentID) }
    #expect(walked.document.encodeState() == author.document.encodeState(), "seed \(seed)")
    #expect(live.encodeState() == author.document.encodeState(), "seed \(seed)")
  }
}
