import Causality
import ChangeCoding
import Documents
import EditingTraces
import JSONCoding

/// Traces as edits of a document whose text lies under "body".
enum TraceEdits {
  static let document = DocumentID(high: 1, low: 1)
  private static let author = Origin(high: 1, low: 1)
  private static let time = Timestamp(clampingMilliseconds: 0)

  /// A document that records what is done to it, with an empty text, and an editor of it.
  static func makeText() throws -> (editor: Editor, body: ContainerHandle) {
    let document = Document(id: Self.document)
    document.keep(DocumentHistory(document: Self.document))
    let editor = document.beginEdit(change(1), lamport: 1, time: time)
    try editor.make(["body"], .text)
    let body = try editor.text(at: ["body"])
    _ = try editor.commit()
    return (editor, body)
  }

  static func change(_ sequence: UInt64) -> ChangeID {
    ChangeID(origin: author, sequence: sequence)
  }

  /// Replays a session as a person's edits, one transaction a patch, all of it recorded.
  static func replayLocally(_ patches: FlatPatches) throws -> Document {
    let (editor, body) = try makeText()
    var next = change(1)
    let time = Self.time
    try patches.eachPatch { position, deleted, inserted in
      next.sequence += 1
      editor.begin(next, lamport: next.sequence, time: time)
      if deleted > 0 { try editor.removeText(body, at: position, count: deleted) }
      if !inserted.isEmpty { try editor.insertText(body, at: position, utf8: inserted) }
      _ = try editor.commit()
    }
    return editor.document
  }

  /// The same from positions in UTF-16 units, as most user interfaces have them. In the published
  /// traces they are those of scalars.
  static func replayLocallyByUTF16(_ patches: FlatPatches) throws -> Document {
    let (editor, body) = try makeText()
    let document = editor.document
    var next = change(1)
    let time = Self.time
    try patches.eachPatch { unit, deleted, inserted in
      next.sequence += 1
      editor.begin(next, lamport: next.sequence, time: time)
      let position = try document.position(ofUTF16: unit, in: body)
      if deleted > 0 {
        let end = try document.position(ofUTF16: unit + deleted, in: body)
        try editor.removeText(body, at: position, count: end - position)
      }
      if !inserted.isEmpty { try editor.insertText(body, at: position, utf8: inserted) }
      _ = try editor.commit()
    }
    return document
  }

  /// Keystrokes of one person in the middle of the text, each a change, in blocks as they are sent.
  ///
  /// - Returns: the blocks, and the state of the document after them.
  static func keystrokes(
    on state: [UInt8], count: Int, inBlocksOf size: Int
  ) throws -> (blocks: [[UInt8]], end: [UInt8]) {
    let document = try Document(id: Self.document, state: state)
    let middle = try document.count(at: ["body"]) / 2
    let typist = Origin(high: 3, low: 1)
    var blocks: [[UInt8]] = []
    var changes: [Change] = []
    for index in 0..<count {
      let id = ChangeID(origin: typist, sequence: UInt64(index + 1))
      let editor = document.beginEdit(id, lamport: 1_000_000 + UInt64(index))
      try editor.splice(["body"], at: middle + index, delete: 0, insert: "x")
      guard let edit = try editor.finish() else { continue }
      changes.append(Change(id: id, lamport: editor.lamport, time: time, edits: [edit]))
      if changes.count == size {
        blocks.append(ChangeBlock.encode(changes))
        changes = []
      }
    }
    return (blocks, document.encodeState())
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

  /// A text of a thousand scalars, and what two people do to it who know nothing of each other: one
  /// scalar a change, mostly typed on, at times somewhere else, a tenth removed.
  static func offline(operations: Int) -> (ours: [IncomingEdit], theirs: [IncomingEdit]) {
    let body = ContainerID.child(parent: .root, key: "body", kind: .text, generation: nil)
    let root = change(1)
    let start = IncomingEdit(
      change: root, lamport: 1, time: time,
      edit: DocumentEdit(
        document: document, parents: [],
        operations: [
          Operation(.root, .make("body", .text, isAnew: false, replaces: [])),
          Operation(body, .insertText(at: 0, String(repeating: "tide ", count: 200))),
        ]))
    func edits(by number: UInt64) -> [IncomingEdit] {
      var random = number
      var length = 1_000
      var cursor = 500
      var last = root
      return (1...operations).map { index in
        // A linear congruential generator (Knuth): the same edits in every run.
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let dice = Int(random >> 33)
        if dice % 20 == 0 { cursor = dice / 20 % (length + 1) }
        let operation: Operation
        if dice % 10 == 1, cursor > 0 {
          cursor -= 1
          length -= 1
          operation = Operation(body, .remove(at: cursor, count: 1))
        } else {
          operation = Operation(body, .insertText(at: cursor, "a"))
          cursor += 1
          length += 1
        }
        defer { last = ChangeID(origin: Origin(high: 4, low: number), sequence: UInt64(index)) }
        return IncomingEdit(
          change: ChangeID(origin: Origin(high: 4, low: number), sequence: UInt64(index)),
          lamport: UInt64(index + 1), time: time,
          edit: DocumentEdit(document: document, parents: [last], operations: [operation]))
      }
    }
    return ([start] + edits(by: 1), edits(by: 2))
  }

  /// What two people do to a text whom they see writing: one to sixteen changes each at once, then
  /// both have what the other wrote. Each keeps to a half of the text.
  static func together(operations: Int) -> [IncomingEdit] {
    let body = ContainerID.child(parent: .root, key: "body", kind: .text, generation: nil)
    let root = change(1)
    var edits = [
      IncomingEdit(
        change: root, lamport: 1, time: time,
        edit: DocumentEdit(
          document: document, parents: [],
          operations: [
            Operation(.root, .make("body", .text, isAnew: false, replaces: [])),
            Operation(body, .insertText(at: 0, String(repeating: "tide ", count: 200))),
          ]))
    ]
    var random: UInt64 = 1
    func dice() -> Int {
      // A linear congruential generator (Knuth): the same edits in every run.
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(random >> 33)
    }
    var lengths = [500, 500]
    var cursors = [250, 250]
    var sequences: [UInt64] = [0, 0]
    var heads = [root]
    var lamport: UInt64 = 1
    while edits.count <= operations {
      // The ends of the halves stay as they are, so that nobody reaches into the other's.
      let starts = [0, lengths[0]]
      let counts = [1 + dice() % 16, 1 + dice() % 16]
      var next: [ChangeID] = []
      for person in 0..<2 {
        var parents = heads
        for step in 0..<counts[person] {
          if dice() % 20 == 0 { cursors[person] = 1 + dice() % (lengths[person] - 2) }
          let operation: Operation
          if dice() % 10 == 1, cursors[person] > 1, lengths[person] > 10 {
            cursors[person] -= 1
            lengths[person] -= 1
            operation = Operation(
              body, .remove(at: starts[person] + cursors[person], count: 1))
          } else {
            operation = Operation(body, .insertText(at: starts[person] + cursors[person], "a"))
            cursors[person] += 1
            lengths[person] += 1
          }
          sequences[person] += 1
          let id = ChangeID(
            origin: Origin(high: 4, low: UInt64(person)), sequence: sequences[person])
          edits.append(
            IncomingEdit(
              change: id, lamport: lamport + UInt64(step) + 1, time: time,
              edit: DocumentEdit(document: document, parents: parents, operations: [operation])))
          parents = [id]
        }
        next += parents
      }
      heads = next.sorted()
      lamport += UInt64(counts.max() ?? 0)
    }
    return edits
  }

  /// What one person does to a document with a text, two fields, a list, a counter and a tree:
  /// mostly typing, one change in a hundred anything else, marks among that.
  static func mixed(operations: Int) throws -> Document {
    let document = Document(id: document)
    document.keep(DocumentHistory(document: document.id))
    var sequence: UInt64 = 0
    func edit(_ body: (Editor) throws -> Void) throws {
      sequence += 1
      let editor = document.beginEdit(change(sequence), lamport: sequence, time: time)
      try body(editor)
      _ = try editor.commit()
    }
    try edit { editor in
      try editor.make(["body"], .text)
      try editor.splice(["body"], at: 0, delete: 0, insert: String(repeating: "tide ", count: 200))
      try editor.set(["title"], to: "none")
      try editor.set(["tags"], to: ["a", "b", "c", "d"])
      try editor.make(["tree"], .tree)
      try editor.splice(["tree"], at: 0, delete: 0, insert: [["a": 1], ["a": 2]])
    }
    var random: UInt64 = 1
    var cursor = 500
    var length = 1_000
    while sequence < operations {
      // A linear congruential generator (Knuth): the same edits in every run.
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let dice = Int(random >> 33)
      if dice % 20 == 0 { cursor = 8 + dice / 20 % (length - 8) }
      switch sequence % 500 {
      case 100: try edit { try $0.set(["title"], to: .integer(Int64(dice))) }
      case 200:
        try edit {
          try $0.mark(["body"], cursor - 8..<cursor, name: "bold", value: .integer(Int64(dice % 3)))
        }
      case 300:
        try edit {
          try $0.splice(["tags"], at: 1, delete: 1, insert: [.integer(Int64(dice))])
          try $0.move(["tags"], from: 3, to: 0)
        }
      case 400:
        try edit {
          try $0.increment(["seen"], by: 1)
          try $0.moveNode(["tree"], from: 0, to: ["tree"], at: 1)
        }
      case 0: try edit { try $0.set(["place"], to: .integer(Int64(dice))) }
      default:
        if dice % 10 == 1, cursor > 8 {
          cursor -= 1
          length -= 1
          try edit { try $0.splice(["body"], at: cursor, delete: 1, insert: "") }
        } else {
          try edit { try $0.splice(["body"], at: cursor, delete: 0, insert: "a") }
          cursor += 1
          length += 1
        }
      }
    }
    return document
  }
}
