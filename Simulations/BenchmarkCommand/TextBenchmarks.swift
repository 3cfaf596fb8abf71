import ByteCompression
import Causality
import ChangeCoding
import Documents
import EditingTraces

/// The text of a document: editing it, opening it, merging it, and how large it is.
enum TextBenchmarks {
  static func run(_ bench: Bench, _ folder: TraceFolder) throws {
    for name in ["automerge-paper", "seph-blog1", "rustcode", "sveltecomponent"] {
      try sequential(bench, try folder.sequential(name))
    }
    // What merges are held against: the gap buffer that replays this session.
    let paper = try FlatPatches(try folder.sequential("automerge-paper"))
    let floor = { _ = paper.replayInGapBuffer() }
    for name in ["friendsforever", "clownschool", "node_nodecc"] {
      try concurrent(bench, try folder.concurrent(name), isEndKnown: true, over: floor)
    }
    // Its end depends on how an engine orders insertions at one place.
    try concurrent(bench, try folder.concurrent("git-makefile"), isEndKnown: false, over: floor)
    try offline(bench, "text.mergeOffline", operations: 100_000)
  }

  /// A trace file, whichever kind it is.
  static func run(_ bench: Bench, file: String) throws {
    switch try TraceFolder.trace(file: file) {
    case .sequential(let trace): try sequential(bench, trace)
    case .concurrent(let trace): try concurrent(bench, trace, isEndKnown: true)
    }
  }

  // MARK: One person

  private static func sequential(_ bench: Bench, _ trace: SequentialTrace) throws {
    let subject = trace.name
    let end = trace.endContent
    let patches = try FlatPatches(trace)
    let floor = { _ = patches.replayInGapBuffer() }
    try measureFloor(bench, trace, patches)
    try bench.time(
      "text.localReplay", subject, over: floor, prepare: {}, check: { try text(of: $0) == end },
      measure: { try TraceEdits.replayLocally(patches) })
    try bench.time(
      "text.localReplayUTF16", subject, over: floor, prepare: {},
      check: { try text(of: $0) == end },
      measure: { try TraceEdits.replayLocallyByUTF16(patches) })

    let document = try TraceEdits.replayLocally(patches)
    let state = document.encodeState()
    let chunk = HistoryChunk.encode(
      document.editsOfHistory ?? [], of: TraceEdits.document, .thorough)
    bench.figure("text.size", subject, chunk.count, unit: "bytes")
    bench.figure("text.stateSize", subject, state.count, unit: "bytes")
    try bench.time(
      "text.open", subject, prepare: {}, check: { $0 == end },
      measure: { try text(of: Document(id: TraceEdits.document, state: state)) })
    try bench.time(
      "text.openFromHistory", subject, over: floor, prepare: {}, check: { $0 == end },
      measure: { try text(of: open(chunk)) })
    try memory(bench, subject, state, chunk)
    try keystrokes(bench, subject, state)
  }

  /// What a document takes of the heap, opened from its state and opened with its history.
  private static func memory(
    _ bench: Bench, _ subject: String, _ state: [UInt8], _ chunk: [UInt8]
  ) throws {
    for (name, open) in [
      ("text.memory", { try Document(id: TraceEdits.document, state: state) }),
      ("text.memoryWithHistory", { try self.open(chunk) }),
    ] {
      // Once before, for what is allocated at the first use of anything.
      _ = try open()
      guard let before = HeapUse.bytes else { return }
      let document = try open()
      guard let after = HeapUse.bytes else { return }
      withExtendedLifetime(document) {
        bench.figure(name, subject, after - before, unit: "bytes")
      }
    }
  }

  private static func text(of document: Document) throws -> String {
    try document.text(at: ["body"])
  }

  private static func open(_ chunk: [UInt8]) throws -> Document {
    var history = DocumentHistory(document: TraceEdits.document)
    try HistoryChunk.append(chunk, to: &history)
    return try Document(history: history)
  }

  /// What an editor does at least, and the text of a document without the document.
  private static func measureFloor(
    _ bench: Bench, _ trace: SequentialTrace, _ patches: FlatPatches
  ) throws {
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

  /// Keystrokes of somebody else, from the bytes of a change block to the document; and what is
  /// written when one is saved.
  private static func keystrokes(_ bench: Bench, _ subject: String, _ state: [UInt8]) throws {
    let count = 4_000
    for (name, size) in [("text.remoteKeystroke", 1), ("text.remoteKeystrokes1000", 1_000)] {
      let (blocks, end) = try TraceEdits.keystrokes(on: state, count: count, inBlocksOf: size)
      try bench.time(
        name, subject, each: count,
        prepare: { try Document(id: TraceEdits.document, state: state) },
        check: { $0.encodeState() == end },
        measure: { document in
          for block in blocks {
            let edits = try [IncomingEdit](decoding: block, document: TraceEdits.document)
            _ = try document.merge(edits) { DocumentHistory(document: TraceEdits.document) }
          }
          return document
        })
      bench.figure(
        size == 1 ? "text.saveOneEdit" : "text.saveThousandEdits", subject, blocks[0].count,
        unit: "bytes")
    }
  }

  // MARK: Several people

  private static func concurrent(
    _ bench: Bench, _ trace: ConcurrentTrace, isEndKnown: Bool, over floor: (() -> Void)? = nil
  ) throws {
    let edits = TraceEdits.edits(of: trace)
    let chunk = HistoryChunk.encode(edits, of: TraceEdits.document, .thorough)
    bench.figure("text.size", trace.name, chunk.count, unit: "bytes")
    try bench.time(
      "text.merge", trace.name, over: floor, prepare: {},
      check: { (text: String) in !isEndKnown || text == trace.endContent },
      measure: { try text(of: open(chunk)) })
    try bench.time(
      "text.mergeEdits", trace.name, over: floor, prepare: {},
      check: { (text: String) in !isEndKnown || text == trace.endContent },
      measure: {
        let document = Document(id: TraceEdits.document)
        _ = try document.merge(edits) { DocumentHistory(document: TraceEdits.document) }
        return try text(of: document)
      })
  }

  /// Two people write so much without knowing of each other; one takes what the other wrote.
  static func offline(_ bench: Bench, _ name: String, operations: Int) throws {
    let edits = TraceEdits.offline(operations: operations)
    var expected: String?
    try bench.time(
      name, "2 x \(operations)",
      prepare: {
        let document = Document(id: TraceEdits.document)
        document.keep(DocumentHistory(document: TraceEdits.document))
        _ = try document.merge(edits.ours) { DocumentHistory(document: TraceEdits.document) }
        return document
      },
      check: { document in
        let merged = try text(of: document)
        defer { expected = merged }
        return expected == nil || expected == merged
      },
      measure: { document in
        _ = try document.merge(edits.theirs) { DocumentHistory(document: TraceEdits.document) }
        return document
      })
  }
}
