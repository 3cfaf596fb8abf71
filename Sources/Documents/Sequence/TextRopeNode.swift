/// An inner node of the tree of a text, in one allocation:
///
///     base    [ count | widths of up to 32 children | the children ]
///
/// The children of a node at the bottom are blocks, those of the others nodes. A handle: whoever
/// makes a node frees it.
struct TextRopeNode {
  static let fanout = 32
  /// Fewer children only in the root and along the right edge, where a text grows.
  static let childCountMin = 16
  private static let widthsStart = 16
  private static let childrenStart = widthsStart + fanout * MemoryLayout<TextWidths>.stride
  static let size = childrenStart + fanout * MemoryLayout<UnsafeMutableRawPointer>.stride

  let base: UnsafeMutableRawPointer

  @inline(__always)
  init(base: UnsafeMutableRawPointer) {
    self.base = base
  }

  init() {
    base = .allocate(byteCount: Self.size, alignment: 16)
    base.bindMemory(to: Int.self, capacity: 1).initialize(to: 0)
    (base + Self.widthsStart).bindMemory(to: TextWidths.self, capacity: Self.fanout)
    (base + Self.childrenStart)
      .bindMemory(to: UnsafeMutableRawPointer.self, capacity: Self.fanout)
  }

  func free() {
    base.deallocate()
  }

  @inline(__always)
  var count: Int {
    get { base.assumingMemoryBound(to: Int.self).pointee }
    nonmutating set { base.assumingMemoryBound(to: Int.self).pointee = newValue }
  }

  /// Those of the children from 0 up to `count`.
  @inline(__always)
  var widths: UnsafeMutablePointer<TextWidths> {
    (base + Self.widthsStart).assumingMemoryBound(to: TextWidths.self)
  }

  @inline(__always)
  var children: UnsafeMutablePointer<UnsafeMutableRawPointer> {
    (base + Self.childrenStart).assumingMemoryBound(to: UnsafeMutableRawPointer.self)
  }

  var isFull: Bool { count == Self.fanout }

  var sum: TextWidths {
    var sum = TextWidths.zero
    for slot in 0..<count { sum &+= widths[slot] }
    return sum
  }

  /// Puts a child at `slot`, at most `count`; the node is not full.
  func insert(_ child: UnsafeMutableRawPointer, _ width: TextWidths, at slot: Int) {
    let moved = count - slot
    (widths + (slot + 1)).update(from: widths + slot, count: moved)
    (children + (slot + 1)).update(from: children + slot, count: moved)
    widths[slot] = width
    children[slot] = child
    count += 1
  }

  func remove(at slot: Int) {
    let moved = count - slot - 1
    (widths + slot).update(from: widths + (slot + 1), count: moved)
    (children + slot).update(from: children + (slot + 1), count: moved)
    count -= 1
  }

  /// Moves the children from `slot` on to the start of `target`, which has room for them.
  func moveLast(from slot: Int, toStartOf target: TextRopeNode) {
    let moved = count - slot
    (target.widths + moved).update(from: target.widths, count: target.count)
    (target.children + moved).update(from: target.children, count: target.count)
    target.widths.update(from: widths + slot, count: moved)
    target.children.update(from: children + slot, count: moved)
    target.count += moved
    count = slot
  }

  /// Moves the first `moved` children to the end of `target`, which has room for them.
  func moveFirst(_ moved: Int, toEndOf target: TextRopeNode) {
    (target.widths + target.count).update(from: widths, count: moved)
    (target.children + target.count).update(from: children, count: moved)
    target.count += moved
    widths.update(from: widths + moved, count: count - moved)
    children.update(from: children + moved, count: count - moved)
    count -= moved
  }

  /// A copy that has the same children.
  func copy() -> TextRopeNode {
    let copy = TextRopeNode()
    copy.count = count
    copy.widths.update(from: widths, count: count)
    copy.children.update(from: children, count: count)
    return copy
  }
}
