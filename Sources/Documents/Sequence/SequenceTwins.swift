import Causality

/// Units of a text that two people inserted at once and that are to be there once: the same
/// wording, which both brought back as they decided alike about one passage.
///
/// Unit `i` of `second` is another name of unit `i` of `first`. It is not shown where that is there
/// too, and whoever deletes one of them deletes both.
struct SequenceTwins: Hashable, Sendable {
  /// The events that inserted the units that are shown where all are.
  var first: Range<Int>
  /// As many.
  var second: Range<Int>
}

extension SequenceLog {
  /// The insertions of two ranges of events as twins, when both inserted the same text; else none.
  /// Complexity: O(log runs) and what was inserted.
  func twins(_ first: Range<Int>, _ second: Range<Int>) -> [SequenceTwins] {
    let (ours, theirs) = (insertions(in: first), insertions(in: second))
    func text(_ runs: [SequenceRun]) -> String {
      runs.map { self.text(ofContent: $0.content..<$0.content + $0.count) }.joined()
    }
    guard !ours.isEmpty, ours.reduce(0, { $0 + $1.count }) == theirs.reduce(0, { $0 + $1.count }),
      text(ours).utf8.elementsEqual(text(theirs).utf8)
    else { return [] }
    var twins: [SequenceTwins] = []
    // Where both runs that are paired are cut.
    var (left, right) = (0, 0)
    var (offset, otherOffset) = (0, 0)
    while left < ours.count, right < theirs.count {
      let count = min(ours[left].count - offset, theirs[right].count - otherOffset)
      let (first, second) = (ours[left].version + offset, theirs[right].version + otherOffset)
      twins.append(
        SequenceTwins(first: first..<first + count, second: second..<second + count))
      offset += count
      otherOffset += count
      if offset == ours[left].count { (left, offset) = (left + 1, 0) }
      if otherOffset == theirs[right].count { (right, otherOffset) = (right + 1, 0) }
    }
    return twins
  }

  private func insertions(in versions: Range<Int>) -> [SequenceRun] {
    runs(in: versions).map { self[$0].slice(versions) }.filter { $0.kind == .insert }
  }
}
