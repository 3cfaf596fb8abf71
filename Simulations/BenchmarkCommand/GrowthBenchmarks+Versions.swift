import Causality
import Documents

/// What it costs to look back, as the history grows and as more lies between two versions. The
/// first must cost the same on every line, the others grow with what they look at.
extension GrowthBenchmarks {
  static func versions(_ bench: Bench, changesMax: Int = 1_000_000) throws {
    var changes = 1_000
    while changes <= changesMax {
      let past = try Past(of: TraceEdits.offline(operations: changes).ours)
      try past.measure(bench, "growth.difference", "\(changes) changes", back: 1_000)
      try past.measureAttribution(bench, "growth.attribution", "\(changes) changes")
      if changes == changesMax { try measureBack(bench, past, changes, "") }
      changes *= 10
    }
    let together = try Past(of: TraceEdits.together(operations: changesMax))
    try measureBack(bench, together, changesMax, ", two people")
    let mixed = try Past(TraceEdits.mixed(operations: changesMax))
    var back = 10
    while back <= changesMax {
      try mixed.measureMixed(bench, "of \(back) changes, of all kinds", back: back)
      back *= 10
    }
  }

  /// From ten changes back to all of them.
  private static func measureBack(
    _ bench: Bench, _ past: Past, _ changes: Int, _ whose: String
  ) throws {
    var back = 10
    while back <= changes {
      let subject = "of \(back) changes\(whose)"
      try past.measureOnce(bench, "growth.textBackOnce", subject, back: back)
      try past.measureText(bench, "growth.textSince", subject, back: back, isBack: false)
      try past.measureText(bench, "growth.textBack", subject, back: back, isBack: true)
      try past.measureDocument(bench, "growth.documentBack", subject, back: back)
      try past.measure(bench, "growth.differenceBack", subject, back: back)
      back *= 10
    }
  }
}

/// A text that people wrote in, here and there, with all of its history.
private struct Past {
  private let document: Document
  private let history: DocumentHistory
  private let path: DocumentPath = ["body"]
  private let changes: [ChangeID]

  init(of edits: [IncomingEdit]) throws {
    let document = Document(id: TraceEdits.document)
    document.keep(DocumentHistory(document: TraceEdits.document))
    _ = try document.merge(edits) { DocumentHistory(document: TraceEdits.document) }
    guard let history = document.keptHistory else {
      throw EditError(.nothingThere, "the history that is to be measured was not kept")
    }
    self.document = document
    self.history = history
    changes = edits.map(\.change)
  }

  /// Of a document that has kept all of its history, by one person.
  init(_ document: Document) throws {
    guard let history = document.keptHistory else {
      throw EditError(.nothingThere, "the history that is to be measured was not kept")
    }
    self.document = document
    self.history = history
    changes = (1...history.changeCount).map { TraceEdits.change(UInt64($0)) }
  }

  /// Where so many changes were yet to come.
  private func version(back: Int) -> VersionVector {
    var version = VersionVector()
    for change in changes.dropLast(back) { version.advance(to: change) }
    return version
  }

  /// What leads from a version to that of now.
  func measure(_ bench: Bench, _ name: String, _ subject: String, back: Int) throws {
    let then = version(back: back)
    let now = version(back: 0)
    let before = try document.text(at: path, version: then, in: history).unicodeScalars.count
    let after = try document.count(at: path)
    try bench.time(
      name, subject, each: 1, prepare: {},
      check: { (patches: [DocumentPatch]) in
        let growth = patches.map { patch in
          guard case .text(let patch) = patch.action else { return Int.max }
          return patch.inserted.unicodeScalars.count - patch.removed
        }
        return growth.allSatisfy { $0 < .max } && before + growth.reduce(0, +) == after
      },
      measure: { try document.patches(from: then, to: now, in: history) })
  }

  /// The text alone: what was written since a version and by whom, or what leads back to it.
  func measureText(
    _ bench: Bench, _ name: String, _ subject: String, back: Int, isBack: Bool
  ) throws {
    let then = version(back: back)
    let now = version(back: 0)
    try bench.time(
      name, subject, each: 1, prepare: {},
      check: { try leads($0, from: isBack ? now : then, to: isBack ? then : now) },
      measure: {
        try document.textPatches(
          at: path, from: isBack ? now : then, to: isBack ? then : now, in: history)
      })
  }

  /// What leads back, where nobody has looked back before.
  func measureOnce(_ bench: Bench, _ name: String, _ subject: String, back: Int) throws {
    let then = version(back: back)
    let now = version(back: 0)
    try bench.time(
      name, subject, each: 1,
      prepare: {
        let other = document.copy()
        other.keep(history)
        return other
      },
      check: { try leads($0, from: now, to: then) },
      measure: { (document: Document) in
        try document.textPatches(at: path, from: now, to: then, in: history)
      })
  }

  private func leads(
    _ patches: [TextPatch], from: VersionVector, to: VersionVector
  ) throws -> Bool {
    let before = try document.text(at: path, version: from, in: history).unicodeScalars.count
    let after = try document.text(at: path, version: to, in: history).unicodeScalars.count
    return before
      + patches.reduce(0) { $0 + $1.inserted.unicodeScalars.count - $1.removed } == after
  }

  /// The whole document as it was at a version.
  func measureDocument(_ bench: Bench, _ name: String, _ subject: String, back: Int) throws {
    let then = version(back: back)
    let text = try document.text(at: path, version: then, in: history)
    try bench.time(
      name, subject, each: 1, prepare: {}, check: { try $0.text(at: path) == text },
      measure: { try document.document(at: then, of: history) })
  }

  /// The whole document, where nobody has looked back before and where somebody has, and what leads
  /// to it.
  func measureMixed(_ bench: Bench, _ subject: String, back: Int) throws {
    let then = version(back: back)
    let now = version(back: 0)
    let expected = try Document.replaying(document.id, history.edits(), at: then).canonicalJSON()
    try bench.time(
      "growth.documentBackOnce", subject,
      prepare: {
        let other = document.copy()
        other.keep(history)
        return other
      },
      check: { $0.canonicalJSON() == expected },
      measure: { (document: Document) in try document.document(at: then, of: history) })
    try bench.time(
      "growth.documentBack", subject, each: 1, prepare: {},
      check: { $0.canonicalJSON() == expected },
      measure: { try document.document(at: then, of: history) })
    try bench.time(
      "growth.differenceBack", subject, each: 1, prepare: {}, check: { !$0.isEmpty },
      measure: { try document.patches(from: now, to: then, in: history) })
  }

  /// Who wrote what of the whole text.
  func measureAttribution(_ bench: Bench, _ name: String, _ subject: String) throws {
    let count = try document.count(at: path)
    try bench.time(
      name, subject, prepare: {},
      check: { (parts: [TextAttribution]) in parts.map(\.count).reduce(0, +) == count },
      measure: { try document.attribution(at: path, in: history) })
  }
}
