internal import RunStructures

/// Conversions between positions in Unicode scalars, UTF-8 bytes and UTF-16 units.
///
/// Complexity: O(1) where two units are the same throughout the text; otherwise O(log n) and a scan
/// of at most one block.
extension TextRope {
  /// The byte at which the scalar number `position` begins.
  package func utf8Offset(of position: Int) throws(TextRopeError) -> Int {
    try convert(position, from: .scalars, to: .utf8)
  }

  /// The UTF-16 unit at which the scalar number `position` begins.
  package func utf16Offset(of position: Int) throws(TextRopeError) -> Int {
    try convert(position, from: .scalars, to: .utf16)
  }

  /// The scalar that holds the byte number `offset`.
  package func position(ofUTF8 offset: Int) throws(TextRopeError) -> Int {
    try convert(offset, from: .utf8, to: .scalars)
  }

  /// The scalar that holds the UTF-16 unit number `offset`.
  @inline(__always)
  package func position(ofUTF16 offset: Int) throws(TextRopeError) -> Int {
    if read({ $0.isBasic && offset >= 0 && offset <= $0.scalars }) { return offset }
    return try convertUnlike(offset, from: .utf16, to: .scalars)
  }

  @inline(__always)
  private func convert(
    _ offset: Int, from lane: TextLane, to other: TextLane
  ) throws(TextRopeError) -> Int {
    let total = read { $0.total }
    // Where a text has as many units of both kinds, each scalar has one of both: no scalar has
    // fewer UTF-16 units or bytes than one.
    if total[lane] == total[other], offset >= 0, offset <= total[lane] { return offset }
    return try convertUnlike(offset, from: lane, to: other)
  }

  @inline(never)
  private func convertUnlike(
    _ offset: Int, from lane: TextLane, to other: TextLane
  ) throws(TextRopeError) -> Int {
    let length = read { $0.total[lane] }
    guard offset >= 0, offset <= length else {
      throw .outOfRange(offset..<offset, length: length)
    }
    return read { tree in
      // Where a person types, everything is known.
      let gap = tree.start &+ tree.block.gapWidths
      return gap[lane] == offset ? gap[other] : tree.convert(offset, from: lane, to: other)
    }
  }
}

/// A unit in which a text is measured.
enum TextLane {
  case scalars, utf8, utf16
}

extension TextWidths {
  @inline(__always)
  subscript(lane: TextLane) -> Int {
    switch lane {
    case .scalars: scalars
    case .utf8: utf8
    case .utf16: utf16
    }
  }
}

extension TextRopeTree {
  func convert(_ offset: Int, from lane: TextLane, to other: TextLane) -> Int {
    let place = place(ofEnd: offset, in: lane)
    let within = offset - place.before[lane]
    let byte =
      switch lane {
      case .scalars: place.block.byteOffset(ofScalar: within)
      case .utf8: place.block.scalarStart(atOrBefore: within)
      case .utf16: place.block.byteOffset(ofUTF16: within)
      }
    return place.before[other] + place.block.widths(upToByte: byte)[other]
  }

  /// A block, and the widths of everything before it.
  struct Place {
    var block: TextRopeBlock
    var before: TextWidths
  }

  /// The first block at whose end at least `offset` units of `lane` have passed. Reads only.
  func place(ofEnd offset: Int, in lane: TextLane) -> Place {
    let now = block.widths
    let end = start[lane] + now[lane]
    if offset > start[lane] && offset <= end || offset == 0 && start == .zero {
      return Place(block: block, before: start)
    }
    if height == 0 || offset <= start[lane] { return settledPlace(ofEnd: offset, in: lane) }
    // After the block of the cursor everything is shifted by what its widths lag behind.
    let lag = now &- bottom.node.widths[bottom.slot]
    let shift = Int(Int32(bitPattern: UInt32(truncatingIfNeeded: lag[lane])))
    var place = settledPlace(ofEnd: offset - shift, in: lane)
    place.before &+= lag
    return place
  }

  private func settledPlace(ofEnd offset: Int, in lane: TextLane) -> Place {
    switch lane {
    case .scalars: descend(to: offset) { $0.scalars }
    case .utf8: descend(to: offset) { $0.utf8 }
    case .utf16: descend(to: offset) { $0.utf16 }
    }
  }

  @inline(__always)
  private func descend(to offset: Int, by unit: (TextWidths) -> Int) -> Place {
    var before = TextWidths.zero
    var child = root
    for _ in 0..<height {
      let node = TextRopeNode(base: child)
      let last = node.count - 1
      var slot = 0
      var after = before &+ node.widths[0]
      while slot < last, unit(after) < offset {
        before = after
        slot += 1
        after = before &+ node.widths[slot]
      }
      child = node.children[slot]
    }
    return Place(block: TextRopeBlock(base: child), before: before)
  }
}
