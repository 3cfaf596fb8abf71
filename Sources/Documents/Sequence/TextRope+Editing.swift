internal import RunStructures

extension TextRope {
  /// Inserts `string` before the scalar number `position`. Complexity: O(log n + bytes).
  package mutating func insert(_ string: String, at position: Int) throws(TextRopeError) {
    try checkInsert(utf8Count: string.utf8.count, at: position)
    var string = string
    string.withUTF8 { insert($0, atValid: position) }
  }

  /// Inserts UTF-8, which is checked, before the scalar number `position`.
  package mutating func insert(
    utf8: UnsafeBufferPointer<UInt8>, at position: Int
  ) throws(TextRopeError) {
    guard UTF8Scalars.validatedCount(utf8) != nil else { throw .invalidUTF8 }
    try checkInsert(utf8Count: utf8.count, at: position)
    insert(utf8, atValid: position)
  }

  /// Removes a range of scalars. Complexity: O(log n + blocks that the range meets).
  package mutating func remove(_ range: Range<Int>) throws(TextRopeError) {
    try check(range)
    remove(range.count, atValid: range.lowerBound)
  }

  /// Applies the patches of a merge, whose insertions take their text from `log`. The patches up to
  /// the one that does not fit stay applied, so take patches of this very state.
  package mutating func apply(
    _ patches: [SequencePatch], from log: SequenceLog
  ) throws(TextRopeError) {
    for patch in patches {
      switch patch.kind {
      case .insert:
        let content = patch.content..<patch.content + patch.count
        let position = patch.position
        guard position >= 0, position <= count else {
          throw .outOfRange(position..<position, length: count)
        }
        let fits = log.withUTF8(ofContent: content) { utf8 in
          guard utf8.count <= Self.utf8CountMax - utf8Count else { return false }
          insert(utf8, atValid: position)
          return true
        }
        guard fits else { throw .tooLong(utf8CountMax: Self.utf8CountMax) }
      case .delete:
        try remove(patch.position..<patch.position + patch.count)
      }
    }
  }

  private func checkInsert(utf8Count added: Int, at position: Int) throws(TextRopeError) {
    guard position >= 0, position <= count else {
      throw .outOfRange(position..<position, length: count)
    }
    guard added <= Self.utf8CountMax - utf8Count else {
      throw .tooLong(utf8CountMax: Self.utf8CountMax)
    }
  }

  // MARK: Inserting

  /// Inserts valid UTF-8 at a position within the text.
  mutating func insert(_ utf8: UnsafeBufferPointer<UInt8>, atValid position: Int) {
    guard !utf8.isEmpty else { return }
    focus(onEnd: position)
    if utf8.count <= gapEnds[recent] - gapStarts[recent] {
      fill(utf8, at: position - recentStart)
    } else if utf8.count <= Self.blockCapacity / 2 {
      splitRecent(isTyping: position - recentStart == Int(blockWidths[recent].first))
      insert(utf8, atValid: position)
    } else {
      insertBlocks(utf8, at: position)
    }
  }

  /// Makes `recent` a block in or at the end of which `position` lies.
  private mutating func focus(onEnd position: Int) {
    let offset = position - recentStart
    if offset > 0 || position == 0, offset <= Int(blockWidths[recent].first), offset >= 0 {
      return
    }
    settle()
    let place = tree.place(ofEnd: position, in: .first)
    recent = place.leaf
    recentStart = Int(place.before.first)
  }

  /// Puts `utf8`, for which there is room, at scalar `offset` of the recent block.
  private mutating func fill(_ utf8: UnsafeBufferPointer<UInt8>, at offset: Int) {
    moveGap(of: recent, toScalar: offset)
    let start = recent * Self.blockCapacity + gapStarts[recent]
    bytes.withUnsafeMutableBufferPointer {
      _ = UnsafeMutableBufferPointer(rebasing: $0[start..<start + utf8.count])
        .update(fromContentsOf: utf8)
    }
    gapStarts[recent] += utf8.count
    let added = Self.widths(of: utf8)
    blockWidths[recent] += added
    pending += added
  }

  static func widths(of utf8: UnsafeBufferPointer<UInt8>) -> Widths {
    if utf8.count == 1 { return Widths(1, 1, 1) }
    let scalars = UTF8Scalars.count(utf8)
    let units = scalars == utf8.count ? scalars : UTF8Scalars.utf16Count(utf8)
    return Widths(UInt32(scalars), UInt32(utf8.count), UInt32(units))
  }

  /// Moves the gap of a block to before its scalar number `offset`.
  private mutating func moveGap(of block: Int, toScalar offset: Int) {
    moveGap(of: block, toByte: byteOffset(of: offset, in: .first, block: block))
  }

  private mutating func moveGap(of block: Int, toByte target: Int) {
    let start = block * Self.blockCapacity
    let gapStart = gapStarts[block]
    let gapEnd = gapEnds[block]
    let moved = target - gapStart
    guard moved != 0 else { return }
    bytes.withUnsafeMutableBytes { raw in
      guard let base = raw.baseAddress else { return }
      if moved > 0 {
        (base + start + gapStart).copyMemory(from: base + start + gapEnd, byteCount: moved)
      } else {
        (base + start + gapEnd + moved)
          .copyMemory(from: base + start + target, byteCount: -moved)
      }
    }
    gapStarts[block] = target
    gapEnds[block] = gapEnd + moved
  }

  /// Makes an empty block after `block`.
  private mutating func makeBlock(after block: Int) -> Int {
    let new = tree.insertLeaf(after: block)
    if new == gapStarts.count {
      gapStarts.append(0)
      gapEnds.append(Self.blockCapacity)
      blockWidths.append(Widths())
      bytes.append(contentsOf: repeatElement(0, count: Self.blockCapacity))
    } else {
      gapStarts[new] = 0
      gapEnds[new] = Self.blockCapacity
      blockWidths[new] = Widths()
    }
    return new
  }

  /// Moves the second half of the recent block to a new one; only a little when the text grows at
  /// its end, so that blocks stay well filled behind someone who types.
  private mutating func splitRecent(isTyping: Bool) {
    settle()
    let length = utf8Count(of: recent)
    splitRecent(atByte: isTyping ? length - length / 8 : length / 2)
  }

  /// Moves what follows about byte `offset` of the recent block into a new block. Nothing is
  /// pending.
  private mutating func splitRecent(atByte offset: Int) {
    let block = recent
    let start = block * Self.blockCapacity
    moveGap(of: block, toByte: scalarBoundary(atOrBefore: offset, block: block))
    let new = makeBlock(after: block)
    let tail = start + gapEnds[block]..<start + Self.blockCapacity
    let newStart = new * Self.blockCapacity
    let moved: Widths = bytes.withUnsafeMutableBufferPointer { all in
      let source = UnsafeBufferPointer(rebasing: all[tail])
      _ = UnsafeMutableBufferPointer(rebasing: all[newStart..<newStart + tail.count])
        .update(fromContentsOf: source)
      return Self.widths(ofAny: source)
    }
    gapStarts[new] = tail.count
    gapEnds[block] = Self.blockCapacity
    blockWidths[new] = moved
    blockWidths[block] -= moved
    tree.add(moved, to: new)
    tree.add(Widths() - moved, to: block)
  }

  static func widths(ofAny utf8: UnsafeBufferPointer<UInt8>) -> Widths {
    utf8.isEmpty ? Widths() : widths(of: utf8)
  }

  private func scalarBoundary(atOrBefore offset: Int, block: Int) -> Int {
    withParts(of: block) { head, tail in
      var offset = offset
      while offset > 0, offset < head.count + tail.count {
        let byte = offset < head.count ? head[offset] : tail[offset - head.count]
        if byte & 0xC0 != 0x80 { break }
        offset -= 1
      }
      return offset
    }
  }

  /// Inserts text that is longer than half a block, as blocks of its own.
  private mutating func insertBlocks(_ utf8: UnsafeBufferPointer<UInt8>, at position: Int) {
    settle()
    let cut = byteOffset(of: position - recentStart, in: .first, block: recent)
    if cut < utf8Count(of: recent) { splitRecent(atByte: cut) }
    var block = recent
    var offset = 0
    while offset < utf8.count {
      var end = min(offset + Self.blockFill, utf8.count)
      // At most three continuation bytes can follow.
      while end < utf8.count, utf8[end] & 0xC0 == 0x80 { end -= 1 }
      if utf8Count(of: block) > 0 { block = makeBlock(after: block) }
      let part = UnsafeBufferPointer(rebasing: utf8[offset..<end])
      let start = block * Self.blockCapacity
      bytes.withUnsafeMutableBufferPointer {
        _ = UnsafeMutableBufferPointer(rebasing: $0[start..<start + part.count])
          .update(fromContentsOf: part)
      }
      gapStarts[block] = part.count
      gapEnds[block] = Self.blockCapacity
      blockWidths[block] = Self.widths(of: part)
      tree.add(blockWidths[block], to: block)
      offset = end
    }
    recent = block
    recentStart = Int(tree.widths(before: block).first)
  }

  // MARK: Removing

  /// Removes scalars that are all within the text.
  mutating func remove(_ removed: Int, atValid position: Int) {
    var remaining = removed
    while remaining > 0 {
      focus(on: position)
      let offset = position - recentStart
      let here = min(remaining, Int(blockWidths[recent].first) - offset)
      if here == Int(blockWidths[recent].first), tree.first != tree.last {
        removeRecentBlock()
      } else {
        removeInRecent(here, at: offset)
      }
      remaining -= here
    }
    if utf8Count(of: recent) < Self.blockCapacity / 8, tree.first != tree.last { joinRecent() }
  }

  /// Makes `recent` the block that holds the scalar number `position`.
  private mutating func focus(on position: Int) {
    let offset = position - recentStart
    if offset >= 0, offset < Int(blockWidths[recent].first) { return }
    settle()
    let place = tree.place(of: position, in: .first)
    recent = place.leaf
    recentStart = Int(place.before.first)
  }

  private mutating func removeInRecent(_ removed: Int, at offset: Int) {
    let block = recent
    let widths = blockWidths[block]
    let isASCII = widths.first == widths.second
    if isASCII, offset + removed == gapStarts[block] {
      // Deleting backward at the gap moves nothing.
      gapStarts[block] -= removed
      let gone = Widths(UInt32(removed), UInt32(removed), UInt32(removed))
      blockWidths[block] -= gone
      pending -= gone
      return
    }
    moveGap(of: block, toScalar: offset)
    let tailStart = block * Self.blockCapacity + gapEnds[block]
    let tailEnd = (block + 1) * Self.blockCapacity
    let gone: Widths = bytes.withUnsafeBufferPointer { all in
      let tail = UnsafeBufferPointer(rebasing: all[tailStart..<tailEnd])
      let length = isASCII ? removed : UTF8Scalars.byteOffset(of: removed, in: tail)
      return Self.widths(ofAny: UnsafeBufferPointer(rebasing: tail[0..<length]))
    }
    gapEnds[block] += Int(gone.second)
    blockWidths[block] -= gone
    pending -= gone
  }

  private mutating func removeRecentBlock() {
    settle()
    let block = recent
    if let next = tree.next(after: block) {
      recent = next
    } else if let previous = tree.previous(before: block) {
      recent = previous
      recentStart -= Int(blockWidths[previous].first)
    }
    tree.remove(block)
  }

  /// Joins the recent block with a neighbour when both fit into three quarters of one.
  private mutating func joinRecent() {
    let limit = Self.blockCapacity * 3 / 4
    if let next = tree.next(after: recent),
      utf8Count(of: next) + utf8Count(of: recent) <= limit
    {
      settle()
      absorb(next, into: recent)
    } else if let previous = tree.previous(before: recent),
      utf8Count(of: previous) + utf8Count(of: recent) <= limit
    {
      settle()
      let block = recent
      recent = previous
      recentStart -= Int(blockWidths[previous].first)
      absorb(block, into: previous)
    }
  }

  /// Appends the text of `block` to `target`, which comes before it, and takes `block` out.
  private mutating func absorb(_ block: Int, into target: Int) {
    moveGap(of: target, toByte: utf8Count(of: target))
    let added = blockWidths[block]
    for part in 0..<2 {
      let start = block * Self.blockCapacity
      let source =
        part == 0
        ? start..<start + gapStarts[block]
        : start + gapEnds[block]..<start + Self.blockCapacity
      let goal = target * Self.blockCapacity + gapStarts[target]
      bytes.withUnsafeMutableBufferPointer { all in
        _ = UnsafeMutableBufferPointer(rebasing: all[goal..<goal + source.count])
          .update(fromContentsOf: UnsafeBufferPointer(rebasing: all[source]))
      }
      gapStarts[target] += source.count
    }
    blockWidths[target] += added
    tree.add(added, to: target)
    tree.remove(block)
  }
}
