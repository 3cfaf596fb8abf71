import Causality
import EditingTraces
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// The beginnings of recorded sessions, as long as a debug build has time for; the whole of them is
/// measured and checked by the benchmarks.
@Suite(.enabled(if: TraceFolder.fromEnvironment != nil))
struct DocumentTraceTests {
  private var folder: TraceFolder {
    get throws { try #require(TraceFolder.fromEnvironment) }
  }

  @Test func aSessionOfOneComesToTheSameTextHereAndThere() throws {
    let patches = try folder.sequential("automerge-paper").patches.prefix(4_000)
    var replica = DocumentReplica(0)
    var plain: [Unicode.Scalar] = []
    try replica.edit { try $0.make(["body"], .text) }
    for patch in patches {
      let end = patch.position + patch.deleteCount
      plain.replaceSubrange(patch.position..<end, with: Array(patch.insertion.unicodeScalars))
      try replica.edit {
        try $0.splice(
          ["body"], at: patch.position, delete: patch.deleteCount, insert: patch.insertion)
      }
    }
    #expect(try replica.document.text(at: ["body"]).unicodeScalars.elementsEqual(plain))
    var other = DocumentReplica(1)
    try other.receive(replica.log)
    #expect(other.document.encodeState() == replica.document.encodeState())
  }

  /// Each writes knowing only what the recording says that it knew.
  @Test func twoWhoTypeAtOnceEndWithTheSameText() throws {
    let transactions = try folder.concurrent("friendsforever").transactions.prefix(1_200)
    var replicas = [DocumentReplica(0), DocumentReplica(1)]
    try replicas[0].edit { try $0.make(["body"], .text) }
    try replicas[1].receive(replicas[0].log)
    var edits: [IncomingEdit] = []
    for transaction in transactions {
      let mine = transaction.agent
      var missing: Set<Int> = []
      var pending = transaction.parents
      while let index = pending.popLast() {
        guard !replicas[mine].vector.contains(edits[index].change),
          missing.insert(index).inserted
        else { continue }
        pending += transactions[index].parents
      }
      try replicas[mine].receive(missing.sorted().map { edits[$0] })
      let edit = try replicas[mine].edit { editor in
        for patch in transaction.patches {
          try editor.splice(
            ["body"], at: patch.position, delete: patch.deleteCount, insert: patch.insertion)
        }
      }
      edits.append(try #require(edit))
    }
    try replicas[0].receive(replicas[0].missing(from: replicas[1]))
    try replicas[1].receive(replicas[1].missing(from: replicas[0]))
    #expect(replicas[0].document.encodeState() == replicas[1].document.encodeState())
    var random = SeededGenerator(seed: 1)
    var third = DocumentReplica(2)
    for batch in split(replicas[0].log, &random) { try third.receive(batch) }
    #expect(third.document.encodeState() == replicas[0].document.encodeState())
  }
}
