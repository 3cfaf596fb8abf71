extension CountedTree {
  /// Checks the whole tree and returns the leaves in order. For tests: O(n).
  package func checkedLeaves() -> [Int] {
    var leaves: [Int] = []
    func check(_ node: UInt32, level: Int) -> Widths {
      var sum = Widths()
      let count = Int(childCounts[Int(node)])
      precondition(count > 0 && count <= Self.fanout, "a node has 1 to \(Self.fanout) children")
      for entry in Int(node) * Self.fanout..<Int(node) * Self.fanout + count {
        let child = children[entry]
        if level == height {
          precondition(leafParents[Int(child)] == node, "a leaf knows its parent")
          leaves.append(Int(child))
        } else {
          precondition(parents[Int(child)] == node, "a node knows its parent")
          precondition(check(child, level: level + 1) == childWidths[entry], "widths add up")
        }
        sum += childWidths[entry]
      }
      return sum
    }
    precondition(parents[Int(root)] == Self.none, "the root has no parent")
    precondition(check(root, level: 1) == total, "the total is the sum of all leaves")
    precondition(leaves.first == first && leaves.last == last, "the ends are known")
    for (left, right) in zip(leaves, leaves.dropFirst()) {
      precondition(next(after: left) == right && previous(before: right) == left, "leaves link")
    }
    return leaves
  }
}
