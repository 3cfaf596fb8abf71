extension TextRope {
  /// Checks everything that holds between edits. For tests: O(n).
  package func checkInvariants() {
    read { $0.checkInvariants() }
  }
}

extension TextRopeTree {
  /// The bytes of memory that the tree and the reference to it take.
  var memorySize: Int {
    func size(of child: UnsafeMutableRawPointer, height: Int) -> Int {
      guard height > 0 else { return TextRopeBlock.headSize + TextRopeBlock(base: child).capacity }
      let node = TextRopeNode(base: child)
      return (0..<node.count).reduce(TextRopeNode.size) {
        $0 + size(of: node.children[$1], height: height - 1)
      }
    }
    // An object has two words before its header.
    return 16 + MemoryLayout<TextRopeTree>.stride + size(of: root, height: height)
      + (path == nil ? 0 : Self.heightMax * MemoryLayout<Step>.stride)
  }

  func checkInvariants() {
    var sum = TextWidths.zero
    var isCursorFound = false
    /// Returns the widths as the node above should know them: those of the cursor's block lag.
    func check(
      _ child: UnsafeMutableRawPointer, level: Int, isOnPath: Bool, isRight: Bool
    ) -> TextWidths {
      guard level < height else {
        let block = TextRopeBlock(base: child)
        checkBlock(block, isCursor: isOnPath)
        if isOnPath {
          precondition(block.base == self.block.base && sum == start, "the cursor is in its place")
          isCursorFound = true
        }
        sum &+= block.widths
        guard isOnPath, height > 0 else { return block.widths }
        return bottom.node.widths[bottom.slot]
      }
      let node = TextRopeNode(base: child)
      precondition(node.count <= TextRopeNode.fanout, "a node is not overfull")
      let least = level == 0 ? 2 : isRight ? 1 : TextRopeNode.childCountMin
      precondition(node.count >= least, "a node is well filled")
      if isOnPath { precondition(steps[level].node.base == child, "the steps lead to the cursor") }
      if level == height - 1 { checkFill(of: node, isOnPath: isOnPath) }
      var known = TextWidths.zero
      for slot in 0..<node.count {
        let below = check(
          node.children[slot], level: level + 1, isOnPath: isOnPath && slot == steps[level].slot,
          isRight: isRight && slot == node.count - 1)
        precondition(below == node.widths[slot], "widths add up")
        known &+= below
      }
      return known
    }
    _ = check(root, level: 0, isOnPath: true, isRight: true)
    precondition(isCursorFound, "there is a cursor")
    precondition(sum == total, "the total is the sum of all blocks")
  }

  private func checkBlock(_ block: TextRopeBlock, isCursor: Bool) {
    precondition(block.gapStart <= block.gapEnd && block.gapEnd <= block.capacity, "a gap")
    precondition(height == 0 || block.capacity == TextRopeBlock.capacityMax, "a whole block")
    precondition(isCursor || block.utf8 > 0, "no block is empty")
    let before = TextWidths(of: block.beforeGap)
    precondition(before &+ TextWidths(of: block.afterGap) == block.widths, "a block is measured")
    precondition(before == block.gapWidths, "the gap is where it is said to be")
  }

  /// Only about the cursor may blocks be fit for packing.
  private func checkFill(of node: TextRopeNode, isOnPath: Bool) {
    for slot in 0..<node.count where node.count != 2 {
      let isNearCursor = isOnPath && abs(bottom.slot - slot) <= 4
      precondition(isNearCursor || !isLoose(near: slot, of: node), "blocks are packed")
    }
  }
}
