/// Blocks that come, go and pass text to each other. Every change here begins with settled widths,
/// and most leave the steps to the cursor invalid: the caller descends again.
extension TextRopeTree {
  /// Three neighbours with more bytes than this stay; see the type.
  static let tripleMax = TextRopeBlock.capacityMax * 29 / 16
  /// Two blocks that are all a node has become one when they hold no more than this.
  static let pairMax = TextRopeBlock.capacityMax * 7 / 8
  /// A neighbour with no more than this takes text from a full block.
  static let balanceMax = TextRopeBlock.capacityMax * 13 / 16

  // MARK: Growing

  /// Gives a text of one block its first node.
  mutating func raise() {
    guard height == 0 else { return }
    let node = TextRopeNode()
    node.insert(block.base, block.widths, at: 0)
    if path == nil { path = .allocate(capacity: Self.heightMax) }
    root = node.base
    height = 1
    steps.initialize(to: Step(node: node, slot: 0))
  }

  /// Moves the text of the cursor's block from about byte `cut` on into a new block after it. The
  /// cursor is lost.
  mutating func split(atByte cut: Int) {
    let new = TextRopeBlock(capacity: TextRopeBlock.capacityMax)
    let moved = block.moveLast(from: cut, toStartOf: new)
    add(.zero &- moved, below: height)
    insert(new.base, moved, level: height - 1)
  }

  /// Puts `new`, which is not empty, after the cursor's block, and the cursor on it.
  mutating func attach(_ new: TextRopeBlock, _ widths: TextWidths) {
    let before = start &+ block.widths
    settledTotal &+= widths
    let isSplit = bottom.node.isFull
    insert(new.base, widths, level: height - 1)
    if isSplit {
      descend(past: before.scalars)
    } else {
      steps[height - 1].slot += 1
      block = new
      start = before
      others = settledTotal &- widths
    }
  }

  /// Puts a child after the step at `level` and counts it in the levels above.
  private mutating func insert(
    _ child: UnsafeMutableRawPointer, _ widths: TextWidths, level: Int
  ) {
    var level = level
    let node = steps[level].node
    let slot = steps[level].slot + 1
    guard node.isFull else {
      node.insert(child, widths, at: slot)
      return add(widths, below: level)
    }
    if level == 0 {
      // The root gets a root above it.
      let top = TextRopeNode()
      top.insert(root, node.sum, at: 0)
      for lower in (0..<height).reversed() { (steps + (lower + 1)).initialize(to: steps[lower]) }
      steps[0] = Step(node: top, slot: 0)
      root = top.base
      height += 1
      level = 1
    }
    let new = TextRopeNode()
    if slot == TextRopeNode.fanout, isRightEdge(above: level) {
      // A text that grows at its end leaves full nodes behind.
      new.insert(child, widths, at: 0)
    } else {
      let half = TextRopeNode.fanout / 2
      node.moveLast(from: half, toStartOf: new)
      if slot <= half {
        node.insert(child, widths, at: slot)
      } else {
        new.insert(child, widths, at: slot - half)
      }
    }
    // What is in `new` was counted with `node`, but for the child: count it anew.
    let moved = new.sum
    add(widths &- moved, below: level)
    insert(new.base, moved, level: level - 1)
  }

  private func isRightEdge(above level: Int) -> Bool {
    (0..<level).allSatisfy { steps[$0].slot == steps[$0].node.count - 1 }
  }

  // MARK: Shrinking

  /// Takes out the cursor's block, which is not the only one. The cursor is lost.
  mutating func removeBlock() {
    let widths = bottom.node.widths[bottom.slot]
    add(.zero &- widths, below: height)
    block.free()
    removeChild(level: height - 1)
  }

  /// Takes out the child of the step at `level`, whose widths are zero by now.
  private mutating func removeChild(level: Int) {
    let node = steps[level].node
    node.remove(at: steps[level].slot)
    guard level > 0 else { return lower() }
    if node.count == 0 {
      node.free()
      removeChild(level: level - 1)
    } else if node.count < TextRopeNode.childCountMin {
      refill(node, below: steps[level - 1])
    } else {
      return
    }
    func refill(_ node: TextRopeNode, below step: Step) {
      // Without a sibling it is at the right edge, and may be small.
      guard step.node.count > 1 else { return }
      let leftSlot = max(step.slot - 1, 0)
      let left = TextRopeNode(base: step.node.children[leftSlot])
      let right = TextRopeNode(base: step.node.children[leftSlot + 1])
      let all = left.count + right.count
      if all <= TextRopeNode.fanout {
        right.moveFirst(right.count, toEndOf: left)
      } else if left.count < all / 2 {
        right.moveFirst(all / 2 - left.count, toEndOf: left)
      } else {
        left.moveLast(from: all / 2, toStartOf: right)
      }
      step.node.widths[leftSlot] = left.sum
      step.node.widths[leftSlot + 1] = right.sum
      if right.count == 0 {
        right.free()
        steps[level - 1].slot = leftSlot + 1
        removeChild(level: level - 1)
      }
    }
  }

  /// Takes away roots of one child.
  private mutating func lower() {
    while height > 0 {
      let node = TextRopeNode(base: root)
      guard node.count == 1 else { return }
      root = node.children[0]
      node.free()
      height -= 1
    }
  }

  // MARK: Packing

  /// Evens out the cursor's block and the emptier neighbour in its node when that has room; false
  /// when there is none. The cursor is lost.
  mutating func balance() -> Bool {
    let node = bottom.node
    var neighbour = bottom.slot
    var least = Self.balanceMax + 1
    for slot in [bottom.slot - 1, bottom.slot + 1] where slot >= 0 && slot < node.count {
      if node.widths[slot].utf8 < least {
        least = node.widths[slot].utf8
        neighbour = slot
      }
    }
    guard neighbour != bottom.slot else { return false }
    let first = min(neighbour, bottom.slot)
    even(node, first, first + 1)
    return true
  }

  /// Whether the blocks about `slot` fit into fewer.
  func isLoose(near slot: Int, of node: TextRopeNode) -> Bool {
    if node.count == 2 { return isLoose(0, of: node) }
    let last = min(slot, node.count - 3)
    var first = max(slot - 2, 0)
    while first <= last {
      if isLoose(first, of: node) { return true }
      first += 1
    }
    return false
  }

  /// Whether the blocks from slot `first` on, three or all two, fit into fewer.
  private func isLoose(_ first: Int, of node: TextRopeNode) -> Bool {
    let pair = node.widths[first].utf8 + node.widths[first + 1].utf8
    return node.count == 2
      ? pair <= Self.pairMax : pair + node.widths[first + 2].utf8 <= Self.tripleMax
  }

  /// Packs loose blocks in the nodes that hold the scalars before and after `position`, until none
  /// are left there. The cursor is then at the end of the scalar before.
  mutating func tidy(around position: Int) {
    descend(past: position)
    tidyNode(past: position)
    descend(past: position - 1)
    tidyNode(past: position - 1)
  }

  /// Packs the blocks of the cursor's node. Every round takes away a block.
  private mutating func tidyNode(past position: Int) {
    while height > 0 {
      let node = bottom.node
      let lastFirst = node.count == 2 ? 0 : node.count - 3
      guard let first = (0..<max(lastFirst + 1, 0)).first(where: { isLoose($0, of: node) }) else {
        return
      }
      pack(node, first)
      descend(past: position)
    }
  }

  /// Packs the blocks from slot `first` on, three or all two, into one fewer. The cursor is lost.
  private mutating func pack(_ node: TextRopeNode, _ first: Int) {
    let left = TextRopeBlock(base: node.children[first])
    if node.count == 2 {
      let right = TextRopeBlock(base: node.children[1])
      right.moveFirst(right.utf8, toEndOf: left)
      right.free()
      node.widths[0] = left.widths
      node.widths[1] = .zero
    } else {
      let middle = TextRopeBlock(base: node.children[first + 1])
      let right = TextRopeBlock(base: node.children[first + 2])
      let half = (left.utf8 + middle.utf8 + right.utf8) / 2
      middle.moveFirst(min(max(half - left.utf8, 0), middle.utf8), toEndOf: left)
      middle.moveLast(from: 0, toStartOf: right)
      middle.free()
      node.widths[first + 1] = .zero
      even(node, first, first + 2)
    }
    steps[height - 1].slot = first + 1
    removeChild(level: height - 1)
  }

  /// Lets two blocks, between which is no text, have about as many bytes.
  private func even(_ node: TextRopeNode, _ leftSlot: Int, _ rightSlot: Int) {
    let left = TextRopeBlock(base: node.children[leftSlot])
    let right = TextRopeBlock(base: node.children[rightSlot])
    let half = (left.utf8 + right.utf8) / 2
    if left.utf8 > half {
      left.moveLast(from: half, toStartOf: right)
    } else if left.utf8 < half {
      right.moveFirst(half - left.utf8, toEndOf: left)
    }
    node.widths[leftSlot] = left.widths
    node.widths[rightSlot] = right.widths
  }
}
