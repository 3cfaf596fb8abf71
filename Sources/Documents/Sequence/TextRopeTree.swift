/// The blocks of a text in order, below nodes that know how much is under each of their children: a
/// B+ tree of raw memory, and a cursor in it.
///
///                  [ 3,712 | 2,905 ]              a node: its children and their widths
///                  /              \
///     [ 1,980 | 1,732 ]     [ 1,690 | 1,215 ]     a node at the bottom: its children are blocks
///
/// A text of one block has no node (`height` is 0).
///
/// **The cursor** is the block where the last edit was, the steps that lead to it and what comes
/// before it. Typing goes straight to its gap; the widths along the steps are brought up to date
/// only when the cursor leaves (`settle`), so until then those of its block lag behind.
///
/// **How full blocks are.** In a node at the bottom any three neighbours hold more than 29/16 of a
/// block: whenever fewer are found, they are packed into two (`tidy`). A full block passes text to
/// a neighbour that has 3/16 free before a new one is made. With 16 children at least a node has
/// 17 blocks at worst for 5 such triples, so that a text takes less than 1.95 times its bytes and a
/// few blocks for the cursor and the right edge.
///
/// Not a value by itself: `TextRope` frees it, copies it before a write where it is shared, and
/// checks every argument.
struct TextRopeTree {
  /// One level of the way down to the cursor.
  struct Step {
    var node: TextRopeNode
    var slot: Int
  }

  /// Every level has at least 16 times the blocks of the one below, and 2^31 bytes are less than
  /// 16^6 blocks.
  static let heightMax = 8

  /// The widths of everything but the cursor's block, which knows its own.
  var others = TextWidths.zero
  /// The widths of the whole text when the cursor was last settled.
  var settledTotal = TextWidths.zero
  /// The widths of everything before `block`.
  var start = TextWidths.zero
  /// The block of the cursor.
  var block: TextRopeBlock
  /// A node, or the block when `height` is 0.
  var root: UnsafeMutableRawPointer
  /// `heightMax` steps, of which `height` are in use; nil while `height` has always been 0.
  var path: UnsafeMutablePointer<Step>?
  /// How many levels of nodes there are.
  var height = 0

  /// An empty text, which takes the first `count` bytes without growing.
  init(minimumCapacity count: Int) {
    block = TextRopeBlock(
      capacity: TextRopeBlock.capacity(for: min(count, TextRopeBlock.capacityMax)))
    root = block.base
  }

  /// The widths of the whole text.
  @inline(__always)
  var total: TextWidths { others &+ block.widths }

  @inline(__always)
  var scalars: Int { others.scalars &+ block.scalars }

  /// Whether each scalar is one UTF-16 unit: none is less.
  @inline(__always)
  var isBasic: Bool { block.isBasic && others.scalars == others.utf16 }

  /// How many more UTF-16 units than scalars there are before the gap of the cursor.
  var gapWideCount: Int { start.utf16 - start.scalars + block.gapUTF16 - block.gapScalars }

  /// The steps to the cursor; there are some wherever `height` is not 0.
  @inline(__always)
  var steps: UnsafeMutablePointer<Step> { path.unsafelyUnwrapped }

  /// The last step to the cursor, where `height` is not 0.
  @inline(__always)
  var bottom: Step { steps[height &- 1] }

  // MARK: Life

  func free() {
    Self.free(root, height: height)
    path?.deallocate()
  }

  private static func free(_ child: UnsafeMutableRawPointer, height: Int) {
    guard height > 0 else { return TextRopeBlock(base: child).free() }
    let node = TextRopeNode(base: child)
    for slot in 0..<node.count { free(node.children[slot], height: height - 1) }
    node.free()
  }

  /// The same text in memory of its own. Reads only, so that other copies may be read meanwhile.
  ///
  /// - Parameter added: how many bytes a text of one block shall have room for.
  func copy(addingCapacity added: Int) -> TextRopeTree {
    var copy = self
    if height == 0 {
      let needed = min(total.utf8 + added, TextRopeBlock.capacityMax)
      copy.block = block.copy(capacity: TextRopeBlock.capacity(for: needed))
      copy.root = copy.block.base
      copy.path = nil
      return copy
    }
    copy.root = Self.copy(root, height: height)
    copy.path = .allocate(capacity: Self.heightMax)
    var child = copy.root
    for level in 0..<height {
      let step = Step(node: TextRopeNode(base: child), slot: steps[level].slot)
      (copy.steps + level).initialize(to: step)
      child = step.node.children[step.slot]
    }
    copy.block = TextRopeBlock(base: child)
    return copy
  }

  private static func copy(
    _ child: UnsafeMutableRawPointer, height: Int
  ) -> UnsafeMutableRawPointer {
    guard height > 0 else {
      let block = TextRopeBlock(base: child)
      return block.copy(capacity: block.capacity).base
    }
    let copy = TextRopeNode(base: child).copy()
    for slot in 0..<copy.count {
      copy.children[slot] = Self.copy(copy.children[slot], height: height - 1)
    }
    return copy.base
  }

  // MARK: Seeking

  /// Moves the cursor to the block in or at the end of which scalar `position` is.
  mutating func seek(end position: Int) {
    settle()
    descend(past: position - 1)
  }

  /// Moves the cursor to the block that holds scalar `position`, which is below the count.
  mutating func seek(_ position: Int) {
    settle()
    descend(past: position)
  }

  /// Puts the cursor on the first block at whose end more than `scalars` have passed, or the last.
  /// The widths are settled; the steps may be anything.
  mutating func descend(past scalars: Int) {
    var before = TextWidths.zero
    var child = root
    for level in 0..<height {
      let node = TextRopeNode(base: child)
      let widths = node.widths
      let last = node.count &- 1
      var slot = 0
      var after = before &+ widths[0]
      while slot < last, after.scalars <= scalars {
        before = after
        slot &+= 1
        after = before &+ widths[slot]
      }
      steps[level] = Step(node: node, slot: slot)
      child = node.children[slot]
    }
    block = TextRopeBlock(base: child)
    start = before
    others = settledTotal &- block.widths
  }

  /// Brings the widths along the steps up to date; where text went, blocks are packed.
  mutating func settle() {
    guard height > 0 else { return settleWidths() }
    let known = bottom.node.widths[bottom.slot]
    settleWidths()
    let now = block.widths
    guard now.utf8 < known.utf8 else { return }
    if now.utf8 == 0 {
      removeBlock()
    } else if !isLoose(near: bottom.slot, of: bottom.node) {
      return
    }
    tidy(around: start.scalars)
  }

  /// Brings the widths along the steps up to date.
  @inline(__always)
  mutating func settleWidths() {
    settledTotal = total
    guard height > 0 else { return }
    let change = block.widths &- bottom.node.widths[bottom.slot]
    if change != .zero { add(change, below: height) }
  }

  /// Adds to the widths of the first `levels` steps; subtracting is adding what wraps.
  func add(_ change: TextWidths, below levels: Int) {
    for level in 0..<levels { steps[level].node.widths[steps[level].slot] &+= change }
  }
}
