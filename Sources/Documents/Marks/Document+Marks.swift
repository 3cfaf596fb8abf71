package import Causality

// The marks of texts follow what is done to the texts.
extension Document {
  /// Marks are put on a text whose author has seen what is here; nothing beyond its end.
  func put(_ mark: MarkEntry, from: Int, to: Int, slot: Int) {
    endTyping()
    let operation = MarkOperation(version: 0, from: from, to: to, mark: mark)
    guard operation.isInside(storedTexts[slot].count) else { return }
    approximateBytes += 64 + mark.name.text.utf8.count + mark.value.approximateBytes
    marks[slot, default: TextMarks(count: storedTexts[slot].count)].apply(operation)
  }

  /// Characters were put into a text.
  @inline(__always)
  func insertMarks(_ count: Int, at position: Int, slot: Int) {
    if !marks.isEmpty { marks[slot]?.insert(count, at: position) }
  }

  /// Characters were taken from a text.
  @inline(__always)
  func removeMarks(_ range: Range<Int>, slot: Int) {
    if !marks.isEmpty { dropMarks(range, slot: slot) }
  }

  private func dropMarks(_ range: Range<Int>, slot: Int) {
    marks[slot]?.remove(range)
    if let rest = marks[slot], rest.runs.count <= 1, rest.isPlain { marks[slot] = nil }
  }

  /// Works out the marks of the texts that have ever had any and that have gained something in a
  /// history since `start`. The texts have it already.
  func absorbMarks(
    of history: DocumentHistory, since start: DocumentHistory.Mark, _ ranks: [UInt32]
  ) throws(MergeError) {
    for sequence in history.sequences {
      let operations = history.marks(of: sequence.container)
      guard let last = operations.last, let handle = handles[sequence.container],
        sequence.log.versionEnd > start.eventCount || last.version >= start.eventCount
      else { continue }
      endTyping()
      let slot = slot(of: handle)
      let new = try replayMarks(
        of: sequence, operations, in: history, ranks, at: history.graph.frontier,
        from: &markCheckpoints[slot, default: MarkCheckpoints()])
      try check(new, of: sequence, length: storedTexts[slot].count)
      marks[slot] = new.isPlain ? nil : new
    }
  }

  /// A state and a history may come from a peer, and then they need not belong together.
  private func check(
    _ marks: TextMarks, of sequence: SequenceHistory, length: Int
  ) throws(MergeError) {
    guard marks.count == length else {
      throw .damagedHistory("the marks of \(sequence.container) of document \(id)")
    }
  }

  /// The marks of a text at a version.
  ///
  /// - Parameter length: that of the text there.
  /// - Throws: `damagedHistory` also when the history leads to a text of another length.
  /// - Complexity: that of a replay from the start for whoever looks first; then of what was done
  ///   since the last version of about the same age that it has come past.
  func marks(
    of sequence: SequenceHistory, in history: DocumentHistory, at version: [Int], length: Int
  ) throws(MergeError) -> TextMarks {
    let operations = history.marks(of: sequence.container)
    let marks: TextMarks
    if isKept(sequence), let handle = handles[sequence.container] {
      marks = try replayMarks(
        of: sequence, operations, in: history, history.ranks, at: version,
        from: &markCheckpoints[slot(of: handle), default: MarkCheckpoints()])
    } else {
      var checkpoints = MarkCheckpoints()
      marks = try replayMarks(
        of: sequence, operations, in: history, history.ranks, at: version, from: &checkpoints)
    }
    try check(marks, of: sequence, length: length)
    return marks
  }

  private func replayMarks(
    of sequence: SequenceHistory, _ operations: [MarkOperation], in history: DocumentHistory,
    _ ranks: [UInt32], at version: [Int], from checkpoints: inout MarkCheckpoints
  ) throws(MergeError) -> TextMarks {
    do {
      return try MarkReplay.marks(
        graph: history.graph, log: sequence.log, ranks: ranks, operations: operations, at: version,
        from: &checkpoints)
    } catch {
      throw .damagedHistory("\(sequence.container) of document \(id): \(error)")
    }
  }
}

// MARK: Reading

extension Document {
  /// The text at `path` in stretches of the same marks. Complexity: O(text and marks).
  package func textSpans(at path: DocumentPath) throws(EditError) -> [TextSpan] {
    let slot = slot(of: try handle(at: path, kind: .text))
    return Document.spans(of: texts[slot], marks[slot])
  }

  /// The text at `path` in stretches of the same marks, as it was at a version. Complexity: that of
  /// ``text(at:version:in:)`` and, if it was ever marked, of ``marks(of:in:at:length:)``.
  package func textSpans(
    at path: DocumentPath, version: VersionVector, in history: DocumentHistory
  ) throws -> [TextSpan] {
    let handle = try handle(at: path, kind: .text)
    let text = TextRope(try self.text(at: path, version: version, in: history))
    guard !history.marks(of: containers[handle.index].id).isEmpty else {
      return Document.spans(of: text, nil)
    }
    let marks = try withSequence(handle, of: history) { sequence in
      try self.marks(
        of: sequence, in: history, at: history.frontier(at: version), length: text.count)
    }
    return Document.spans(of: text, marks)
  }

  private static func spans(of text: TextRope, _ marks: TextMarks?) -> [TextSpan] {
    guard text.count > 0 else { return [] }
    let marks = marks ?? TextMarks(count: text.count)
    var parts: [(range: Range<Int>, marks: [TextMark])] = []
    var start = 0
    for run in marks.runs {
      let end = start + run.count
      let shown = marks.shown(run.set)
      if let last = parts.last, last.marks == shown {
        parts[parts.count - 1].range = last.range.lowerBound..<end
      } else {
        parts.append((start..<end, shown))
      }
      start = end
    }
    return parts.map { range, marks in
      // The runs are as long as the text together.
      let string = (try? text.slice(range)) ?? ""
      let first = (try? text.utf16Offset(of: range.lowerBound)) ?? 0
      return TextSpan(
        text: string, range: range, utf16Range: first..<first + string.utf16.count, marks: marks)
    }
  }
}

extension TextMarks {
  /// How many times ``forEachShown(_:)`` calls. Complexity: O(runs).
  var shownCount: Int {
    var count = 0
    forEachShown { _, _ in count += 1 }
    return count
  }

  /// Calls `body` for each mark that readers see, with the characters that have it: all that follow
  /// each other at once. Those that begin together come by name.
  func forEachShown(_ body: (Range<Int>, MarkEntry) -> Void) {
    forEachStretch(where: { $0.value != .null }, body)
  }

  private func forEachStretch(
    where isWanted: (MarkEntry) -> Bool, _ body: (Range<Int>, MarkEntry) -> Void
  ) {
    var starts: [Int] = []
    var start = 0
    for run in runs {
      starts.append(start)
      start += run.count
    }
    for index in runs.indices {
      let before = index > 0 ? sets[runs[index - 1].set] : []
      for mark in sets[runs[index].set] where isWanted(table[mark]) && !before.contains(mark) {
        var last = index
        while last + 1 < runs.count, sets[runs[last + 1].set].contains(mark) { last += 1 }
        body(starts[index]..<starts[last] + runs[last].count, table[mark])
      }
    }
  }

  /// Calls `body` for each mark, also those that take one away, with characters in a row that have
  /// it.
  func forEachStretch(_ body: (Range<Int>, MarkEntry) -> Void) {
    forEachStretch(where: { _ in true }, body)
  }

  /// What readers see of a set.
  func shown(_ set: Int) -> [TextMark] {
    sets[set].compactMap { mark in
      table[mark].value == .null
        ? nil : TextMark(name: table[mark].name.text, value: table[mark].value)
    }
  }
}
