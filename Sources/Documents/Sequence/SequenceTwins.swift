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
    guard ours.reduce(0, { $0 + $1.count }) == theirs.reduce(0, { $0 + $1.count }),
      text(ours).utf8.elementsEqual(text(theirs).utf8)
    else { return [] }
    var twins: [SequenceTwins] = []
    var (left, right) = (ours[...], theirs[...])
    while let one = left.first, let other = right.first {
      let count = min(one.count, other.count)
      twins.append(
        SequenceTwins(
          first: one.version..<one.version + count, second: other.version..<other.version + count))
      left.dropUnits(count)
      right.dropUnits(count)
    }
    return twins
  }

  private func insertions(in versions: Range<Int>) -> [SequenceRun] {
    runs(in: versions).map { self[$0].slice(versions) }.filter { $0.kind == .insert }
  }
}

extension ArraySlice<SequenceRun> {
  /// Takes units from the first run.
  fileprivate mutating func dropUnits(_ count: Int) {
    let run = removeFirst()
    guard count < run.count else { return }
    self = [run.slice(run.version + count..<run.end)] + self
  }
}
