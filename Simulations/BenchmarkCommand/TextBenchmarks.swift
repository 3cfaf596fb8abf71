import Causality
import ChangeCoding
import Documents
import EditingTraces

/// The text of a document: editing it, merging it, opening it, and how large its history is.
enum TextBenchmarks {
  static func run(_ bench: Bench, _ folder: TraceFolder) throws {
    for name in ["automerge-paper", "seph-blog1", "rustcode", "sveltecomponent"] {
      try sequential(bench, try folder.sequential(name))
    }
    for name in ["friendsforever", "clownschool", "node_nodecc"] {
      try concurrent(bench, try folder.concurrent(name), isEndKnown: true)
    }
    // Its end depends on how an engine orders insertions at one place.
    try concurrent(bench, try folder.concurrent("git-makefile"), isEndKnown: false)
  }

  private static func sequential(_ bench: Bench, _ trace: SequentialTrace) throws {
    let subject = trace.name
    try floor(bench, trace)
    var changes: [Change] = []
    try bench.time(
      "text.localReplay", subject, prepare: {},
      check: { (result: (Document, [Change])) in
        changes = result.1
        return try result.0.text(at: ["body"]) == trace.endContent
      },
      measure: { try TraceEdits.replayLocally(trace) })

    let block = blocks(of: changes)
    bench.figure("text.size", subject, block.reduce(0) { $0 + $1.count }, unit: "bytes")
    let state = try TraceEdits.replayLocally(trace).0.encodeState()
    bench.figure("text.stateSize", subject, state.count, unit: "bytes")
    try bench.time(
      "text.open", subject, prepare: {}, check: { $0 == trace.endContent },
      measure: { try Document(id: TraceEdits.document, state: state).text(at: ["body"]) })
    try bench.time(
      "text.openFromHistory", subject, prepare: {}, check: { $0 == trace.endContent },
      measure: {
        let document = Document(id: TraceEdits.document)
        for bytes in block {
          let edits = try ChangeBlock.decode(bytes).compactMap {
            IncomingEdit($0, document: TraceEdits.document)
          }
          _ = try document.merge(edits) { DocumentHistory(document: TraceEdits.document) }
        }
        return try document.text(at: ["body"])
      })
  }

  /// What an editor does at least, and the text of a document without the document.
  private static func floor(_ bench: Bench, _ trace: SequentialTrace) throws {
    let patches = try FlatPatches(trace)
    let end = Array(trace.endContent.utf8)
    try bench.time(
      "floor.gapBuffer", trace.name, prepare: {}, check: { $0 == end },
      measure: { patches.replayInGapBuffer() })
    try bench.time(
      "rope.replay", trace.name, prepare: {}, check: { $0.string == trace.endContent },
      measure: { try patches.replayInRope() })
    try bench.time(
      "rope.replayUTF16", trace.name, prepare: {}, check: { $0.string == trace.endContent },
      measure: { try patches.replayInRopeByUTF16() })
    try bench.time(
      "rope.open", trace.name, prepare: {}, check: { $0?.utf8Count == end.count },
      measure: { end.withUnsafeBufferPointer { TextRope(validatingUTF8: $0) } })
  }

  private static func concurrent(
    _ bench: Bench, _ trace: ConcurrentTrace, isEndKnown: Bool
  ) throws {
    let edits = TraceEdits.edits(of: trace)
    try bench.time(
      "text.merge", trace.name, prepare: {},
      check: { (text: String) in !isEndKnown || text == trace.endContent },
      measure: {
        let document = Document(id: TraceEdits.document)
        _ = try document.merge(edits) { DocumentHistory(document: TraceEdits.document) }
        return try document.text(at: ["body"])
      })
    let changes = edits.map {
      Change(id: $0.change, lamport: $0.lamport, time: $0.time, edits: [$0.edit])
    }
    bench.figure(
      "text.size", trace.name, blocks(of: changes).reduce(0) { $0 + $1.count }, unit: "bytes")
  }

  /// The whole history, in as few blocks as the format allows.
  private static func blocks(of changes: [Change]) -> [[UInt8]] {
    stride(from: 0, to: changes.count, by: ChangeBlock.changeCountMax).map {
      ChangeBlock.encode(Array(changes[$0..<min($0 + ChangeBlock.changeCountMax, changes.count)]))
    }
  }
}
