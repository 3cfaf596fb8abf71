internal import Causality
internal import RunStructures

/// The replay of a history, section by section, into which event inserted each visible unit.
struct InsertionReplay: ~Copyable {
  /// What is visible where the replay stands.
  private(set) var rope: InsertionRope
  /// What it knows of the section with branches that was replayed last.
  var walk: SectionWalk
  /// What that section does to the rope.
  private var patches: [SequencePatch] = []

  /// - Parameter rope: what is visible where the replay begins, if that is not the beginning.
  init(graph: EventGraph, ranks: [UInt32], from rope: InsertionRope = InsertionRope()) {
    self.rope = rope
    walk = SectionWalk(graph: graph, ranks: ranks, keepsDeletions: true)
  }

  /// Takes in an operation that nothing is concurrent with, as far as it has an effect.
  ///
  /// - Parameter removed: gets the events that had inserted what it deletes, in document order.
  mutating func take(
    _ run: SequenceRun, removed: inout ContiguousArray<Range<Int>>
  ) throws(SequenceError) {
    guard run.count > 0 else { return }
    let isInsertion = run.kind == .insert
    let patch = SequencePatch(
      kind: isInsertion ? .insert : .delete,
      position: isInsertion ? run.position : run.lowestPosition, count: run.count,
      version: run.version, content: run.content)
    guard rope.apply(patch, removed: &removed) else {
      throw .damagedHistory(version: run.version)
    }
  }

  /// Replays a section with branches. The rope stays as it is at its beginning, for those who look
  /// at the walk, until ``finishSection()``.
  mutating func replay(
    _ section: Range<Int>, of plan: inout ReplayPlan, _ reader: inout PieceReader
  ) throws(SequenceError) {
    var writer = PatchWriter()
    var ineffective = 0
    try walk.run(
      section, of: &plan, base: .known(length: rope.count), reader: &reader, writer: &writer,
      ineffective: &ineffective)
    patches = writer.finish()
  }

  mutating func finishSection() throws(SequenceError) {
    for patch in patches {
      guard rope.apply(patch) else { throw .damagedHistory(version: patch.version) }
    }
    patches = []
  }
}
