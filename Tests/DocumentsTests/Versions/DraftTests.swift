import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

/// What readers see of a document but for the names of nodes, which are new in whoever takes the
/// steps.
private func reading(_ document: Document) throws -> String {
  func unnamed(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(let elements): .array(elements.map(unnamed))
    case .object(let object):
      .object(
        JSONObject(
          uniqueMembers: object.members.filter { $0.key != "id" }.map {
            JSONObject.Member(key: $0.key, value: unnamed($0.value))
          }))
    default: value
    }
  }
  return unnamed(try document.json()).text()
}

@Suite("Patches taken as edits")
struct PatchEditingTests {
  @Test("whoever takes the steps from one version to another has the other", arguments: 0..<24)
  func anyToAny(seed: UInt64) throws {
    let moments = try Moments(people: 3, steps: 50, seed: seed, isRich: seed >= 8)
    let history = try moments.replicas[0].history()
    var random = SeededGenerator(seed: seed &+ 3)
    for _ in 0..<8 {
      let from = try #require(moments.moments.randomElement(using: &random)).version
      let to = try #require(moments.moments.randomElement(using: &random)).version
      let log = moments.replicas[0].log
      let document = try Document.replaying(documentID, log, at: from)
      let wanted = try Document.replaying(documentID, log, at: to)
      let patches = try moments.replicas[0].document.patches(from: from, to: to, in: history)
      let change = ChangeID(origin: testOrigin(50), sequence: 1)
      let editor = document.beginEdit(change, lamport: 10_000)
      try editor.apply(patches)
      _ = try editor.finish()
      #expect(try reading(document) == reading(wanted), "seed \(seed)")
      if patches.isEmpty { continue }
      #expect(document.isDeleted == wanted.isDeleted || !wanted.isDeleted, "seed \(seed)")
    }
  }
}

@Suite("Drafts merged")
struct DraftMergingTests {
  @Test("a draft merges as if somebody had written it meanwhile", arguments: 0..<24)
  func asMeanwhile(seed: UInt64) throws {
    let moments = try Moments(people: 3, steps: 40, seed: seed, isRich: seed >= 8)
    let main = moments.replicas[0]
    var random = SeededGenerator(seed: seed &+ 5)
    for _ in 0..<4 {
      let base = try #require(moments.moments.randomElement(using: &random)).version
      var draft = DocumentReplica(40)
      try draft.receive(main.log.filter { base.contains($0.change) })
      let start = draft.log.count
      for _ in 0..<6 {
        if seed >= 8 {
          try draft.edit { try RandomRichEditing.edit($0, &random) }
        } else {
          try draft.editAtRandom(&random)
        }
      }
      let edits = Array(draft.log[start...])
      let merge = try Document.merging(edits, lamport: 10_000, in: try main.history())

      var meanwhile = DocumentReplica(41)
      try meanwhile.receive(main.log)
      try meanwhile.receive(
        edits.enumerated().map { index, edit in
          var edit = edit
          edit.lamport = 10_000 + UInt64(index)
          return edit
        })
      let document = try Document.replaying(documentID, main.log)
      let editor = document.beginEdit(
        ChangeID(origin: testOrigin(50), sequence: 1), lamport: 20_000)
      try editor.merge(merge, in: try main.history())
      let edit = try editor.finish()
      #expect(try reading(document) == reading(meanwhile.document), "seed \(seed)")
      #expect(document.isDeleted == meanwhile.document.isDeleted, "seed \(seed)")
      try expectListed(merge, document, edit, main, seed)
      // Whatever is listed is about the draft, and nothing about it is left out.
      let listed = Set(merge.conflicts.map(\.id))
      let known = Set(try main.conflicts().map(\.id))
      for conflict in try meanwhile.conflicts() where !known.contains(conflict.id) {
        let isOfDraft = conflict.sides.contains { $0.change.origin == testOrigin(40) }
        #expect(listed.contains(conflict.id) == isOfDraft, "seed \(seed)")
      }
    }
  }

  /// Two plain values of one place are in the ledger with what was there before, and the merge is
  /// that of everybody.
  private func expectListed(
    _ merge: DraftMerge, _ document: Document, _ edit: DocumentEdit?, _ main: DocumentReplica,
    _ seed: UInt64
  ) throws {
    guard let edit else { return }
    var other = DocumentReplica(42)
    try other.receive(main.log)
    try other.receive([
      IncomingEdit(
        change: ChangeID(origin: testOrigin(50), sequence: 1), lamport: 20_000, time: .epoch,
        edit: edit)
    ])
    #expect(other.document.encodeState() == document.encodeState(), "seed \(seed)")
    let listed = try other.conflicts().filter { $0.kind == .value }
    for conflict in merge.conflicts where conflict.kind == .value {
      let plain = conflict.sides.map { side in
        if case .value(let value)? = side.content { value } else { Value?.none }
      }
      guard let shown = plain.last, let shown, Set(plain.compactMap(\.self)).count > 1,
        plain.indices.contains(where: {
          plain[$0] != nil && plain[$0] != shown
            && !merge.changes.contains(conflict.sides[$0].change)
        })
      else { continue }
      // Keys that look alike are not the same.
      let found = listed.first { "\($0.path)".utf8.elementsEqual("\(conflict.path)".utf8) }
      #expect(found?.sides.last?.value == shown.json, "seed \(seed): \(conflict)")
      if case .value = conflict.baseContent {
        #expect(found?.base == conflict.base, "seed \(seed): \(conflict)")
      }
    }
  }

  @Test("a draft of which nothing can be seen brings back the document that was deleted meanwhile")
  func deletedMeanwhile() throws {
    var (ada, _) = try apart { try $0.set(["title"], to: "Tides") }
    var draft = DocumentReplica(40)
    try draft.receive(ada.log)
    try draft.edit { try $0.set(["title"], to: "Tides") }
    try ada.edit { try $0.deleteDocument() }
    let history = try ada.history()
    let merge = try Document.merging(
      draft.log.filter { $0.change.origin == draft.origin }, lamport: ada.lamport + 1, in: history)
    #expect(merge.conflicts.map(\.kind) == [.document])
    try ada.edit { try $0.merge(merge, in: history) }
    #expect(!ada.document.isDeleted)
    #expect(ada.json == #"{"title":"Tides"}"#)
  }

  @Test("both sides of what collides are told, and the draft's stands")
  func collisions() throws {
    var (ada, _) = try apart { editor in
      try editor.set(["title"], to: "Tides")
      try editor.make(["body"], .text)
      try editor.splice(["body"], at: 0, delete: 0, insert: "a quite sea")
    }
    var draft = DocumentReplica(40)
    try draft.receive(ada.log)
    try draft.edit { editor in
      try editor.set(["title"], to: "Tides of the draft")
      try editor.splice(["body"], at: 2, delete: 5, insert: "calm")
      try editor.mark(["body"], 0..<1, name: "link", value: .string("u"), expand: .none)
    }
    for title in ["Ebb", "Flow"] { try ada.edit { try $0.set(["title"], to: .string(title)) } }
    try ada.edit { try $0.splice(["body"], at: 2, delete: 5, insert: "quiet") }
    let edits = draft.missing(from: draft) + draft.log.filter { $0.change.origin == draft.origin }
    let merge = try Document.merging(edits, lamport: ada.lamport + 1, in: try ada.history())
    #expect(merge.conflicts.map(\.kind) == [.value, .text])
    #expect(merge.conflicts.first?.sides.map(\.value) == ["Flow", "Tides of the draft"])
    let history = try ada.history()
    try ada.edit { try $0.merge(merge, in: history) }
    #expect(try ada.document.json(at: ["title"]) == "Tides of the draft")
    // Two values of one place stay a conflict for everybody.
    let open = try ada.conflicts()
    #expect(open.map(\.kind) == [.value])
    #expect(open.first?.sides.map(\.value) == ["Flow", "Tides of the draft"])
    #expect(open.first?.base == "Tides")
    #expect(
      try ["a quietcalm sea", "a calmquiet sea"].contains(ada.document.text(at: ["body"])))
    // A link does not grow.
    try ada.edit { try $0.splice(["body"], at: 1, delete: 0, insert: "n") }
    #expect(try ada.document.textSpans(at: ["body"]).first?.text == "a")
  }
}
