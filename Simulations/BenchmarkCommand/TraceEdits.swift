import Causality
import Documents
import EditingTraces

/// Traces as edits of a document whose text lies under "body".
enum TraceEdits {
  static let document = DocumentID(high: 1, low: 1)
  private static let author = Origin(high: 1, low: 1)
  private static let time = Timestamp(clampingMilliseconds: 0)

  /// Replays a session as a person's edits, one transaction a patch, and keeps every change.
  static func replayLocally(_ trace: SequentialTrace) throws -> (Document, [Change]) {
    let document = Document(id: Self.document)
    var changes: [Change] = []
    changes.reserveCapacity(trace.patches.count + 1)
    func commit(_ editor: Editor) throws {
      guard let edit = try editor.finish() else { return }
      changes.append(
        Change(id: editor.change, lamport: editor.lamport, time: time, edits: [edit]))
    }
    func begin() -> Editor {
      let sequence = UInt64(changes.count + 1)
      return document.beginEdit(
        ChangeID(origin: author, sequence: sequence), lamport: sequence)
    }
    let first = begin()
    try first.make(["body"], .text)
    let body = try first.text(at: ["body"])
    try commit(first)
    for patch in trace.patches {
      let editor = begin()
      if patch.deleteCount > 0 {
        try editor.removeText(body, at: patch.position, count: patch.deleteCount)
      }
      if !patch.insertion.isEmpty {
        try editor.insertText(body, at: patch.position, patch.insertion)
      }
      try commit(editor)
    }
    return (document, changes)
  }

  /// The changes of several people exactly as they made them, each naming what its author had seen.
  static func edits(of trace: ConcurrentTrace) -> [IncomingEdit] {
    let origins = (0..<trace.agentCount).map { Origin(high: 2, low: UInt64($0)) }
    let body = ContainerID.child(
      parent: .root, key: "body", kind: .text, generation: nil)
    // The text is made before anybody types, so that all share one.
    let root = ChangeID(origin: author, sequence: 1)
    var edits = [
      IncomingEdit(
        change: root, lamport: 1, time: time,
        edit: DocumentEdit(
          document: document, parents: [],
          operations: [
            Operation(
              .root, .make("body", .text, isAnew: false, replaces: []))
          ]))
    ]
    var sequences = [UInt64](repeating: 0, count: trace.agentCount)
    var identities: [ChangeID] = []
    var lamports: [UInt64] = []
    for transaction in trace.transactions {
      sequences[transaction.agent] += 1
      let id = ChangeID(
        origin: origins[transaction.agent], sequence: sequences[transaction.agent])
      let lamport = 1 + (transaction.parents.map { lamports[$0] }.max() ?? 1)
      let operations = transaction.patches.flatMap { patch -> [Operation] in
        var operations: [Operation] = []
        if patch.deleteCount > 0 {
          operations.append(Operation(body, .remove(at: patch.position, count: patch.deleteCount)))
        }
        if !patch.insertion.isEmpty {
          operations.append(Operation(body, .insertText(at: patch.position, patch.insertion)))
        }
        return operations
      }
      let parents =
        transaction.parents.isEmpty ? [root] : transaction.parents.map { identities[$0] }
      edits.append(
        IncomingEdit(
          change: id, lamport: lamport, time: time,
          edit: DocumentEdit(
            document: document, parents: parents.sorted(), operations: operations)))
      identities.append(id)
      lamports.append(lamport)
    }
    return edits
  }
}
