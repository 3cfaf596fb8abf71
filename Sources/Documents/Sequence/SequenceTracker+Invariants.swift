internal import RunStructures

extension SequenceTracker {
  /// Checks everything that the tracker keeps twice. For tests: O(units / 64).
  mutating func checkInvariants() {
    var inserted: UInt32 = 0
    var placeholders: UInt32 = 0
    for (leaf, widths) in tree.checkedLeaves() {
      precondition(spanCounts[leaf] <= Self.leafCapacity, "a leaf holds its spans")
      var sum = Widths()
      for slot in 0..<spanCounts[leaf] {
        let span = spans(of: leaf)[slot]
        precondition(span.count > 0, "no span is empty")
        sum &+= span.widths
        precondition(self.leaf(of: span.id) == leaf, "the leaf of the first unit is known")
        precondition(self.leaf(of: span.end - 1) == leaf, "the leaf of the last unit is known")
        if span.isPlaceholder {
          precondition(span.id == Self.placeholderBit | placeholders, "placeholders are in order")
          precondition(span.exists, "the base is in every version")
          placeholders += span.count
        } else {
          precondition(span.end <= insertedCount, "an id was given out")
          inserted += span.count
        }
      }
      precondition(sum == widths, "the tree knows what is in a leaf")
    }
    precondition(inserted == insertedCount, "every unit inserted is somewhere")
    precondition(Int(placeholders) == baseCount, "every placeholder is somewhere")
  }
}
