import ByteCoding
import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

private let textID = ContainerID.child(parent: .root, key: "t", kind: .text, generation: nil)
private let listID = ContainerID.child(parent: .root, key: "l", kind: .list, generation: nil)

/// Members that lie about positions and parents: their edits may do nothing, but they do the same
/// nothing everywhere.
@Suite struct HostileHistoryTests {
  private func edit(
    by origin: Int, _ sequence: UInt64, lamport: UInt64, parents: [ChangeID],
    _ operations: [Operation]
  ) -> IncomingEdit {
    IncomingEdit(
      change: ChangeID(origin: testOrigin(origin), sequence: sequence), lamport: lamport,
      time: Timestamp(clampingMilliseconds: 0),
      edit: DocumentEdit(document: documentID, parents: parents, operations: operations))
  }

  private func isFlawed(_ container: ContainerID, in document: Document) -> Bool {
    document.handles[container].map { document.containers[$0.index].isFlawed } ?? false
  }

  /// The insertion of two units.
  private func pair(in container: ContainerID, at position: Int) -> Operation {
    container.kind == .text
      ? Operation(container, .insertText(at: position, "ab"))
      : Operation(
        container, .insertElements(at: position, [.value(.bool(true)), .value(.integer(1))]))
  }

  private func length(of container: ContainerID, in document: Document) -> Int {
    guard let handle = document.handles[container] else { return 0 }
    let slot = document.slot(of: handle)
    return container.kind == .text ? document.texts[slot].count : document.lists[slot].count
  }

  // MARK: Single edits

  /// Reaching over the end by one is told from reaching it, with and without history alike.
  @Test(arguments: [textID, listID])
  func whatDoesNotFitIsRemembered(container: ContainerID) throws {
    let most = Operation.positionMax
    let cases: [(operation: Operation, isFlaw: Bool)] = [
      (pair(in: container, at: 1), false), (pair(in: container, at: 2), false),
      (pair(in: container, at: 3), true), (pair(in: container, at: most), true),
      (Operation(container, .remove(at: 0, count: 1)), false),
      (Operation(container, .remove(at: 0, count: 2)), false),
      (Operation(container, .remove(at: 1, count: 2)), true),
      (Operation(container, .remove(at: 2, count: 1)), true),
      (Operation(container, .remove(at: most, count: 9)), true),
    ]
    let first = edit(by: 0, 1, lamport: 1, parents: [], [pair(in: container, at: 0)])
    for (operation, isFlaw) in cases {
      let second = edit(by: 1, 1, lamport: 2, parents: [first.change], [operation])
      // Touches something else, so that the same edit is merged by replay.
      let aside = edit(
        by: 2, 1, lamport: 2, parents: [first.change],
        [Operation(.root, .set("k", .null, replaces: []))])
      var direct = DocumentReplica(7)
      try direct.receive([first, second])
      #expect(isFlawed(container, in: direct.document) == isFlaw)
      #expect(!direct.document.hasHistory)
      try direct.reopen()
      #expect(isFlawed(container, in: direct.document) == isFlaw)
      try direct.receive([aside])
      var merged = DocumentReplica(8)
      try merged.receive([first, aside])
      try merged.receive([second])
      #expect(merged.document.hasHistory)
      #expect(isFlawed(container, in: merged.document) == isFlaw)
      #expect(merged.document.encodeState() == direct.document.encodeState())
    }
  }

  /// A deletion beyond the end makes "ab" look as if it had been longer; what then arrives from
  /// before it must not be measured by that.
  @Test(arguments: [textID, listID])
  func aDeletionOfNothingDoesNotMakeTheTextLonger(container: ContainerID) throws {
    let first = edit(by: 0, 1, lamport: 1, parents: [], [pair(in: container, at: 0)])
    let deletion = edit(
      by: 1, 1, lamport: 2, parents: [first.change],
      [Operation(container, .remove(at: 2, count: 1))])
    let insertion = edit(
      by: 2, 1, lamport: 2, parents: [first.change], [pair(in: container, at: 3)])
    var states: Set<[UInt8]> = []
    for order in [[first, deletion, insertion], [first, insertion, deletion]] {
      for sizes in [[3], [2, 1], [1, 2], [1, 1, 1]] {
        for reopens in [false, true] {
          var replica = DocumentReplica(7)
          var rest = order[...]
          for size in sizes {
            try replica.receive(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
            if reopens { try replica.reopen() }
          }
          #expect(length(of: container, in: replica.document) == 2)
          states.insert(replica.document.encodeState())
        }
      }
    }
    #expect(states.count == 1)
  }

  @Test func aFlawedTextAndASoundListAreTheseBytes() throws {
    let document = Document(id: documentID)
    _ = try document.merge(
      [
        edit(
          by: 0, 1, lamport: 1, parents: [],
          [
            Operation(textID, .insertText(at: 0, "hé")),
            Operation(textID, .remove(at: 1, count: 5)),
            Operation(listID, .insertElements(at: 0, [.value(.bool(true))])),
          ])
      ]
    ) { DocumentHistory(document: documentID) }
    let origin = "00000000000000000000000000000001"
    let containers = "02" + "0100016c01" + "0100017402"
    let list = "00" + "0101" + "000107" + "01" + "02" + "00"
    let text = "01" + "0168"
    let state = document.encodeState()
    #expect(
      Hexadecimal.encode(state)
        == "01" + "00000000000000d00000000000000001" + "01" + origin + "01000100" + containers
        + "00" + list + text + "42ed29e8")
    #expect(try Document(id: documentID, state: state).encodeState() == state)
  }

  // MARK: Random histories

  /// How a replica treats its document between batches.
  private enum Habit: CaseIterable {
    case keepsHistory, reopens, releasesHistory, anything
  }

  /// Honest and lying replicas edit and exchange; whoever has the same changes has the same bytes,
  /// in whatever order and batches they came and whatever was kept in between.
  @Test(arguments: 0..<30)
  func liarsCannotMakeReplicasDiffer(seed: UInt64) throws {
    var random = SeededGenerator(seed: 5_000 + seed)
    let replicaCount = Int.random(in: 2...4, using: &random)
    var replicas = (0..<replicaCount).map { DocumentReplica($0) }
    // What everyone edits is there before anyone does.
    try replicas[0].edit { try start($0) }
    for index in replicas.indices.dropFirst() { try replicas[index].receive(replicas[0].log) }
    let hostilePercent = [10, 30, 60].randomElement(using: &random) ?? 30
    let exchangePercent = [10, 30, 60].randomElement(using: &random) ?? 30
    var past: [(VersionVector, [UInt8])] = []
    for _ in 0..<40 {
      let mine = Int.random(in: 0..<replicaCount, using: &random)
      if Int.random(in: 0..<100, using: &random) < exchangePercent {
        let other = replicas[Int.random(in: 0..<replicaCount, using: &random)]
        let missing = replicas[mine].missing(from: other)
        let part = Int.random(in: 0...missing.count, using: &random)
        try receive(Array(missing.prefix(part)), by: &replicas[mine], habit(mine), &random)
      } else if Int.random(in: 0..<100, using: &random) < hostilePercent {
        let lie = hostileEdit(by: replicas[mine], &random)
        try receive([lie], by: &replicas[mine], habit(mine), &random)
      } else {
        try replicas[mine].edit { try honestEdit($0, &random) }
      }
      if Int.random(in: 0..<8, using: &random) == 0 {
        past.append((replicas[mine].vector, replicas[mine].document.encodeState()))
      }
    }
    for target in replicas.indices {
      for source in replicas.indices where source != target {
        let missing = replicas[target].missing(from: replicas[source])
        try receive(missing, by: &replicas[target], habit(target), &random)
      }
    }
    let expected = replicas[0]
    let state = expected.document.encodeState()
    for replica in replicas {
      #expect(replica.canonical == expected.canonical)
      #expect(replica.document.encodeState() == state)
    }
    for habit in Habit.allCases {
      for edits in [expected.log, causallyShuffled(expected.log, &random)] {
        var fresh = DocumentReplica(9)
        try receive(edits, by: &fresh, habit, &random)
        #expect(fresh.canonical == expected.canonical)
        #expect(fresh.document.encodeState() == state)
      }
    }
    for (vector, bytes) in past {
      let then = try Document.replaying(documentID, expected.log, at: vector)
      #expect(then.encodeState() == bytes)
    }
  }

  /// One author after another, some of them lying: applied one by one without history, or all
  /// measured by the walker because of one change beside them, the result is the same.
  @Test(arguments: 0..<20)
  func theFastPathJudgesAsTheWalkerDoes(seed: UInt64) throws {
    var random = SeededGenerator(seed: 6_000 + seed)
    var author = DocumentReplica(0)
    try author.edit { try start($0) }
    var usedHistory = false
    for _ in 0..<20 {
      if Bool.random(using: &random) {
        try author.edit { try honestEdit($0, &random) }
      } else {
        let lie = hostileEdit(by: author, isAtFrontier: true, &random)
        usedHistory = try author.receive([lie]).usedHistory || usedHistory
      }
      if Int.random(in: 0..<4, using: &random) == 0 { try author.reopen() }
    }
    #expect(!usedHistory)
    let aside = edit(
      by: 5, 1, lamport: 1, parents: [], [Operation(.root, .set("k", .null, replaces: []))])
    var walked = DocumentReplica(8)
    try walked.receive([aside])
    for batch in split(author.log, &random) {
      #expect(try walked.receive(batch).usedHistory)
      if Int.random(in: 0..<4, using: &random) == 0 { try walked.reopen() }
    }
    try author.receive([aside])
    #expect(walked.canonical == author.canonical)
    #expect(walked.document.encodeState() == author.document.encodeState())
  }

  private func habit(_ replica: Int) -> Habit {
    Habit.allCases[replica % Habit.allCases.count]
  }

  private func receive(
    _ edits: [IncomingEdit], by replica: inout DocumentReplica, _ habit: Habit,
    _ random: inout SeededGenerator
  ) throws {
    for batch in split(edits, &random) {
      try replica.receive(batch)
      switch habit {
      case .keepsHistory: break
      case .reopens: try replica.reopen()
      case .releasesHistory: replica.document.releaseHistory()
      case .anything:
        if Bool.random(using: &random) { try replica.reopen() }
      }
    }
  }

  private func start(_ editor: Editor) throws {
    try editor.make(["t"], .text)
    try editor.make(["l"], .list)
  }

  private func honestEdit(_ editor: Editor, _ random: inout SeededGenerator) throws {
    let isText = Bool.random(using: &random)
    let path: DocumentPath = isText ? ["t"] : ["l"]
    let length = try editor.document.count(at: path)
    let at = Int.random(in: 0...length, using: &random)
    let count = Int.random(in: 0...min(3, length - at), using: &random)
    if isText {
      try editor.splice(
        path, at: at, delete: count, insert: RandomEditing.texts.randomElement(using: &random) ?? ""
      )
    } else {
      try editor.splice(
        path, at: at, delete: count, insert: [RandomEditing.value(&random), .integer(7)])
    }
  }

  /// Any positions, within or beyond; parents that the author has, or might have, or invents.
  private func hostileEdit(
    by replica: DocumentReplica, isAtFrontier: Bool = false, _ random: inout SeededGenerator
  ) -> IncomingEdit {
    var parents = replica.document.parents
    switch Int.random(in: 0..<8, using: &random) {
    case _ where isAtFrontier: break
    case 0, 1, 2:
      // Not its own previous change perhaps, or one and its ancestor.
      let named = replica.log.map(\.change).shuffled(using: &random)
      parents = named.prefix(Int.random(in: 0...2, using: &random)).sorted()
    case 3:
      // A change of another document.
      parents.append(ChangeID(origin: testOrigin(99), sequence: 1))
    default: break
    }
    var operations: [Operation] = []
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let container = [textID, listID].randomElement(using: &random) ?? textID
      let length = length(of: container, in: replica.document)
      let position =
        Int.random(in: 0..<12, using: &random) == 0
        ? Operation.positionMax : Int.random(in: 0...(length + 4), using: &random)
      let count = Int.random(in: 1...4, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0 where container == textID:
        operations.append(Operation(container, .insertText(at: position, "xyz")))
      case 0:
        let element: Operation.Element =
          Bool.random(using: &random) ? .value(.null) : .container(.text)
        operations.append(
          Operation(
            container,
            .insertElements(at: position, Array(repeating: element, count: count))))
      case 1:
        operations.append(
          Operation(
            container,
            .mark(
              from: min(position, length), to: Int.random(in: 0...(length + 1), using: &random),
              "b",
              Bool.random(using: &random) ? .null : .integer(Int64(count)),
              MarkExpansion.allCases.randomElement(using: &random) ?? .none)))
      default:
        operations.append(Operation(container, .remove(at: position, count: count)))
      }
    }
    let origin = replica.origin
    return IncomingEdit(
      change: ChangeID(origin: origin, sequence: replica.vector[origin] + 1),
      lamport: replica.lamport + 1, time: Timestamp(clampingMilliseconds: 0),
      edit: DocumentEdit(document: documentID, parents: parents, operations: operations))
  }

  /// Another causal order; what no edit here made counts as seen.
  private func causallyShuffled(
    _ edits: [IncomingEdit], _ random: inout SeededGenerator
  ) -> [IncomingEdit] {
    let known = Set(edits.map(\.change))
    let foreign = Set(edits.flatMap(\.edit.parents)).subtracting(known)
    return shuffledCausally(edits, seen: foreign, &random)
  }
}
