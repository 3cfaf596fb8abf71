extension MergedText {
  /// The result in UTF-8 and where in it each conflict is.
  func rendered(_ choice: MergeChoice) -> (bytes: [UInt8], places: [Range<Int>]) {
    var result = choice == .markers ? renderedWithMarkers() : renderedInline(choice)
    if !endsLine, result.bytes.last == UInt8(ascii: "\n") {
      result.bytes.removeLast()
      if result.bytes.last == UInt8(ascii: "\r") { result.bytes.removeLast() }
      let whole = 0..<result.bytes.count
      result.places = result.places.map { $0.clamped(to: whole) }
    }
    return result
  }

  private func renderedInline(
    _ choice: MergeChoice
  ) -> (bytes: [UInt8], places: [Range<Int>]) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(max(ours.bytes.count, theirs.bytes.count))
    var places: [Range<Int>] = []
    for stretch in stretches {
      guard stretch.outcome == .conflict else {
        appendSettled(stretch, to: &bytes)
        continue
      }
      let start = bytes.count
      if choice != .theirs { bytes += ours.bytes[stretch.ours] }
      if choice == .both, needsSpace(stretch) { bytes.append(UInt8(ascii: " ")) }
      if choice != .ours { bytes += theirs.bytes[stretch.theirs] }
      places.append(start..<bytes.count)
    }
    return (bytes, places)
  }

  private func appendSettled(_ stretch: MergeStretch, to bytes: inout [UInt8]) {
    switch stretch.outcome {
    case .ours: bytes += ours.bytes[stretch.ours]
    case .theirs: bytes += theirs.bytes[stretch.theirs]
    case .oursThenTheirs: bytes += ours.bytes[stretch.ours] + theirs.bytes[stretch.theirs]
    case .nothing, .conflict: break
    }
  }

  private func needsSpace(_ stretch: MergeStretch) -> Bool {
    let left = String(decoding: ours.bytes[stretch.ours].suffix(64), as: UTF8.self).last
    let right = String(decoding: theirs.bytes[stretch.theirs].prefix(64), as: UTF8.self).first
    guard let left, let right else { return false }
    return !left.isWhitespace && !right.isWhitespace
  }

  // MARK: Markers

  /// The lines around one or more conflicts, as each side has them.
  private struct Block {
    var ours: [UInt8]
    var base: [UInt8]
    var theirs: [UInt8]
    var conflictCount = 0

    /// Every side is at the start of a line.
    var isAtLineStart: Bool {
      [ours, base, theirs].allSatisfy { $0.isEmpty || $0.last == UInt8(ascii: "\n") }
    }

    mutating func append(_ settled: ArraySlice<UInt8>) {
      ours += settled
      base += settled
      theirs += settled
    }
  }

  private func renderedWithMarkers() -> (bytes: [UInt8], places: [Range<Int>]) {
    var bytes: [UInt8] = []
    var places: [Range<Int>] = []
    var block: Block?
    func end(_ finished: Block) {
      let start = bytes.count
      appendMarked(finished, to: &bytes)
      places += Array(repeating: start..<bytes.count, count: finished.conflictCount)
      block = nil
    }
    for stretch in stretches {
      if stretch.outcome == .conflict {
        if block == nil {
          let line = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
          let begun = Array(bytes[line...])
          bytes.removeLast(begun.count)
          block = Block(ours: begun, base: begun, theirs: begun)
        }
        block?.ours += ours.bytes[stretch.ours]
        block?.base += base.bytes[stretch.base]
        block?.theirs += theirs.bytes[stretch.theirs]
        block?.conflictCount += 1
        continue
      }
      var settled: [UInt8] = []
      appendSettled(stretch, to: &settled)
      var rest = settled[...]
      if var open = block {
        if !open.isAtLineStart {
          let line = rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? rest.endIndex
          open.append(rest[..<line])
          rest = rest[line...]
          block = open
        }
        if open.isAtLineStart, !settled.isEmpty { end(open) }
      }
      bytes += rest
    }
    if let block { end(block) }
    return (bytes, places)
  }

  private func appendMarked(_ block: Block, to bytes: inout [UInt8]) {
    let end: [UInt8] =
      MergeSide.endsLinesWithReturn(ours.bytes) ?? false ? [0x0D, 0x0A] : [0x0A]
    for (marker, lines) in [
      ("<<<<<<< ours", block.ours), ("||||||| base", block.base), ("=======", block.theirs),
    ] {
      bytes += Array(marker.utf8) + end + lines
      if let last = lines.last, last != UInt8(ascii: "\n") { bytes += end }
    }
    bytes += Array(">>>>>>> theirs".utf8) + end
  }
}
