import RunStructures
import TestSupport
import Testing

@Suite("Counted tree")
struct CountedTreeTests {
  /// Leaves in order with their widths: the obvious way.
  private struct Model {
    var leaves: [(leaf: Int, widths: Widths)] = [(0, Widths())]

    func index(of leaf: Int) -> Int { leaves.firstIndex { $0.leaf == leaf } ?? -1 }

    func before(_ index: Int) -> Widths { leaves[..<index].reduce(Widths()) { $0 + $1.widths } }
  }

  private func check(_ tree: CountedTree, _ model: Model, _ random: inout SeededGenerator) {
    #expect(tree.checkedLeaves() == model.leaves.map(\.leaf))
    #expect(tree.total == model.before(model.leaves.count))
    for index in model.leaves.indices {
      #expect(tree.widths(of: model.leaves[index].leaf) == model.leaves[index].widths)
      #expect(tree.widths(before: model.leaves[index].leaf) == model.before(index))
    }
    let left = Int.random(in: 0..<model.leaves.count, using: &random)
    let right = Int.random(in: 0..<model.leaves.count, using: &random)
    #expect(
      tree.precedes(model.leaves[left].leaf, model.leaves[right].leaf) == (left < right))
    for lane in [Widths.Lane.first, .second, .third] {
      let total = Int(tree.total[lane])
      for offset in [0, total, Int.random(in: 0...total, using: &random)] {
        let place = tree.place(of: offset, in: lane)
        let holds = model.leaves.indices.first {
          Int((model.before($0) + model.leaves[$0].widths)[lane]) > offset
        }
        #expect(place.leaf == model.leaves[holds ?? model.leaves.count - 1].leaf)
        let end = tree.place(ofEnd: offset, in: lane)
        let ends = model.leaves.indices.first {
          offset == 0 || Int((model.before($0) + model.leaves[$0].widths)[lane]) >= offset
        }
        if offset > 0 { #expect(end.leaf == model.leaves[ends ?? 0].leaf) }
        #expect(end.before == model.before(model.index(of: end.leaf)))
      }
    }
  }

  @Test("random shapes agree with a plain array", arguments: [1, 2, 3, 4] as [UInt64])
  func randomShapes(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var tree = CountedTree()
    var model = Model()
    for step in 0..<900 {
      let index = Int.random(in: 0..<model.leaves.count, using: &random)
      let leaf = model.leaves[index].leaf
      let isGrowing = step < 500
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<(isGrowing ? 5 : 1):
        let new = tree.insertLeaf(after: leaf)
        model.leaves.insert((new, Widths()), at: index + 1)
      case 5..<(isGrowing ? 6 : 9) where model.leaves.count > 1:
        tree.remove(leaf)
        model.leaves.remove(at: index)
      default:
        let change = Widths(
          UInt32.random(in: 0...9, using: &random), UInt32.random(in: 0...9, using: &random),
          UInt32.random(in: 0...9, using: &random))
        tree.add(change, to: leaf)
        model.leaves[index].widths += change
      }
      if step % 30 == 0 { check(tree, model, &random) }
    }
    check(tree, model, &random)
  }

  @Test("widths that were put into a full tree reach every level")
  func splitsWithWidths() {
    var random = SeededGenerator(seed: 8)
    var tree = CountedTree()
    var model = Model()
    for _ in 0..<600 {
      let index = Int.random(in: 0..<model.leaves.count, using: &random)
      let new = tree.insertLeaf(after: model.leaves[index].leaf)
      tree.add(Widths(1, 2, 3), to: new)
      model.leaves.insert((new, Widths(1, 2, 3)), at: index + 1)
    }
    check(tree, model, &random)
  }
}

@Suite("Leaf index")
struct LeafIndexTests {
  @Test("long and short runs, set again and again", arguments: [1, 2, 3] as [UInt64])
  func randomRuns(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let hasBackground = seed % 2 == 0
    var index = LeafIndex(background: hasBackground ? 77 : nil)
    var model = [Int?](repeating: hasBackground ? 77 : nil, count: 20_000)
    for step in 0..<400 {
      let start = Int.random(in: 0..<model.count, using: &random)
      let longest = [3, 100, 9000].randomElement(using: &random) ?? 1
      let end = min(model.count, start + Int.random(in: 0...longest, using: &random))
      index.set(start..<end, to: step)
      for number in start..<end { model[number] = step }
      guard step % 20 == 0 else { continue }
      for number in stride(from: 0, to: model.count, by: 7) {
        let found = index.leaf(of: number)
        if let expected = model[number] { #expect(found == expected) }
      }
    }
    var empty = LeafIndex()
    let found = empty.leaf(of: 5)
    #expect(found == -1)
  }
}

@Suite("Small structures")
struct SmallStructureTests {
  @Test("a queue yields its greatest key first")
  func queue() {
    var random = SeededGenerator(seed: 5)
    var queue = MaxQueue()
    var model: [Int] = []
    for _ in 0..<2000 {
      if Bool.random(using: &random) {
        let key = Int.random(in: 0..<50, using: &random)
        queue.push(key: key, tag: -key)
        model.append(key)
        model.sort()
      } else {
        let popped = queue.pop()
        #expect(popped?.key == model.popLast() && popped.map { $0.key == -$0.tag } ?? true)
      }
      let (first, count) = (queue.first?.key, queue.count)
      #expect(first == model.last && count == model.count)
    }
  }

  @Test("a set of numbers yields its greatest first", arguments: [70, 5000, 600_000])
  func maxSet(bound: Int) {
    var random = SeededGenerator(seed: 6)
    var set = MaxSet(bound: bound)
    var model: Set<Int> = []
    for _ in 0..<3000 {
      let number = Int.random(in: 0..<bound, using: &random)
      if Int.random(in: 0..<5, using: &random) < 3, !model.contains(number) {
        set.insert(number)
        model.insert(number)
      } else if let greatest = model.max() {
        let removed = set.removeLast()
        #expect(removed == greatest)
        model.remove(greatest)
      }
      let count = set.count
      #expect(count == model.count)
    }
  }

  @Test("an arena is a stack that grows")
  func arena() {
    var arena = Arena<Int>()
    var model: [Int] = []
    for number in 0..<1000 {
      arena.append(number)
      model.append(number)
      if number % 3 == 0 {
        let last = arena.popLast()
        #expect(last == model.popLast())
      }
      if number % 100 == 0 {
        arena.append(repeating: number, count: 7)
        model.append(contentsOf: repeatElement(number, count: 7))
        arena.removeLast(2)
        model.removeLast(2)
      }
    }
    var contents: [Int] = []
    for index in 0..<arena.count { contents.append(arena[index]) }
    #expect(contents == model)
    arena.removeAll()
    let (isEmpty, last) = (arena.isEmpty, arena.popLast())
    #expect(isEmpty && last == nil)
  }

  @Test("an interner numbers keys in order of first sight")
  func interner() {
    var interner = Interner<String>()
    #expect(["b", "a", "b", "c", "a"].map { interner.intern($0) } == [0, 1, 0, 2, 1])
    #expect(interner.count == 3 && interner[1] == "a")
    #expect(interner.index(of: "c") == 2 && interner.index(of: "z") == nil)
  }
}
