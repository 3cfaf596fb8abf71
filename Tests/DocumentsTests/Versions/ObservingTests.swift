import Causality
import JSONCoding
import TestSupport
import Testing

@testable import Documents

@Suite("What a merge or an edit changed")
struct ObservingTests {
  /// Somebody who shows a document and knows nothing of it but patches.
  @Test("whoever applies all patches shows the document", arguments: 0..<32)
  func everyStep(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var people = (0..<3).map { DocumentReplica($0) }
    var shown = (0..<3).map { _ in ShownDocument.map([:]) }
    for step in 0..<60 {
      let who = Int.random(in: 0..<3, using: &random)
      let document = people[who].document
      var patches: [DocumentPatch] = []
      switch Int.random(in: 0..<5, using: &random) {
      case 0: document.releaseHistory()
      case 1, 2:
        let missing = people[who].missing(from: people[Int.random(in: 0..<3, using: &random)])
        patches = try document.observing { try people[who].receive(missing) }.patches
      case 3 where seed >= 16:
        patches = try document.observing {
          try people[who].edit { try RandomRichEditing.edit($0, &random) }
        }.patches
      default: patches = try document.observing { try people[who].editAtRandom(&random) }.patches
      }
      for patch in patches { try shown[who].apply(patch) }
      #expect(shown[who] == ShownDocument(document), "seed \(seed), step \(step)")
      guard shown[who] == ShownDocument(document) else { return }
    }
  }
}

@Suite("Named versions")
struct NamedVersionTests {
  @Test("the last to give a name has given it, for everybody")
  func names() throws {
    var (ada, ben) = try apart { try $0.set(["a"], to: 1) }
    let first = ada.vector
    try ada.edit { editor in
      try editor.name(first, "draft")
      try editor.name(first, "first")
    }
    try ben.edit { try $0.set(["a"], to: 2) }
    let second = ben.vector
    try ben.edit { try $0.name(second, "draft") }
    try meet(&ada, &ben)
    let names = try ada.history().namedVersions
    #expect(names == (try ben.history().namedVersions))
    #expect(names.map(\.name) == ["draft", "first"])
    // Ben's was given at a later Lamport time.
    #expect(names.map(\.version) == [second, first])
    try ada.edit { try $0.name(nil, "draft") }
    #expect(try ada.history().namedVersions.map(\.name) == ["first"])
    #expect(ada.json == #"{"a":2}"#)
    #expect(throws: EditError(.limitExceeded, "")) { try ada.edit { try $0.name(first, "") } }
  }
}
