import Causality
import Documents

/// What it costs to look back, as the history grows and as more lies between two versions. The
/// first must cost the same on every line, the others grow with what they look at.
extension GrowthBenchmarks {
  static func versions(_ bench: Bench, changesMax: Int) throws {
    var changes = 1_000
    while changes <= changesMax {
      let past = try Past(changes: changes)
      try past.measure(bench, "growth.difference", "\(changes) changes", back: 1_000)
      try past.measureAttribution(bench, "growth.attribution", "\(changes) changes")
      if changes == changesMax {
        var back = 10
        while back <= changes {
          try past.measure(bench, "growth.differenceBack", "of \(back) changes", back: back)
          back *= 10
        }
      }
      changes *= 10
    }
  }
}

/// A text that one person wrote in, here and there, with all of its history.
private struct Past {
  private let document: Document
  private let history: DocumentHistory
  private let path: DocumentPath = ["body"]
  private let last: ChangeID

  init(changes: Int) throws {
    let edits = TraceEdits.offline(operations: changes).ours
    let document = Document(id: TraceEdits.document)
    document.keep(DocumentHistory(document: TraceEdits.document))
    _ = try document.merge(edits) { DocumentHistory(document: TraceEdits.document) }
    guard let history = document.keptHistory, let last = edits.last?.change else {
      throw EditError(.nothingThere, "the history that is to be measured was not kept")
    }
    self.document = document
    self.history = history
    self.last = last
  }

  /// Where so many changes were yet to come.
  private func version(back: Int) -> VersionVector {
    var version = VersionVector()
    version.advance(to: TraceEdits.change(1))
    let sequence = last.sequence - UInt64(back)
    if sequence > 0 { version.advance(to: ChangeID(origin: last.origin, sequence: sequence)) }
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

  /// Who wrote what of the whole text.
  func measureAttribution(_ bench: Bench, _ name: String, _ subject: String) throws {
    let count = try document.count(at: path)
    try bench.time(
      name, subject, prepare: {},
      check: { (parts: [TextAttribution]) in parts.map(\.count).reduce(0, +) == count },
      measure: { try document.attribution(at: path, in: history) })
  }
}
