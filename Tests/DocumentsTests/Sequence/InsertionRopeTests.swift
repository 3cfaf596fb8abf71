import TestSupport
import Testing

@testable import Documents

@Suite("Who inserted what, as a rope")
struct InsertionRopeTests {
  @Test("it holds what an array holds", arguments: [1, 40, 3_000], 0..<4)
  func random(steps: Int, seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var rope = InsertionRope()
    var model: [Int] = []
    // Beyond what 32 bits hold.
    var version = 1 << 40
    for step in 0..<steps {
      let isInsertion = model.isEmpty || Int.random(in: 0..<5, using: &random) < 3
      let position =
        seed % 2 == 0 && isInsertion
        ? model.count : Int.random(in: 0...(model.count - (isInsertion ? 0 : 1)), using: &random)
      let count =
        isInsertion
        ? Int.random(in: 1...4, using: &random)
        : Int.random(in: 1...min(400, model.count - position), using: &random)
      let patch = SequencePatch(
        kind: isInsertion ? .insert : .delete, position: position,
        count: isInsertion || count > 12 && step % 50 != 0 ? min(count, 12) : count,
        version: version, content: 0)
      var removed: ContiguousArray<Range<Int>> = []
      let fits = rope.apply(patch, removed: &removed)
      #expect(fits)
      if isInsertion {
        model.insert(contentsOf: version..<version + patch.count, at: position)
        version += patch.count + Int.random(in: 0...1, using: &random)
        #expect(removed.isEmpty)
      } else {
        let gone = model[position..<position + patch.count]
        #expect(removed.flatMap { Array($0) } == Array(gone), "seed \(seed), step \(step)")
        model.removeSubrange(position..<position + patch.count)
      }
      #expect(rope.count == model.count)
      if step % 97 == 0 {
        let from = Int.random(in: 0...model.count, using: &random)
        let to = Int.random(in: from...model.count, using: &random)
        let found = rope.insertions(of: from..<to).flatMap { Array($0) }
        #expect(found == Array(model[from..<to]), "seed \(seed), step \(step)")
      }
    }
    #expect(rope.insertions.flatMap { Array($0) } == model, "seed \(seed)")
  }

  @Test("a patch that does not fit changes nothing")
  func misfits() {
    var rope = InsertionRope()
    func patch(_ kind: SequencePatch.Kind, _ position: Int, _ count: Int) -> SequencePatch {
      SequencePatch(kind: kind, position: position, count: count, version: 0, content: 0)
    }
    let begins = rope.apply(patch(.insert, 0, 3))
    #expect(begins)
    for misfit in [
      patch(.insert, 4, 1), patch(.insert, -1, 1), patch(.insert, 0, -1), patch(.delete, 3, 1),
      patch(.delete, 0, 4), patch(.insert, 0, SequenceLog.unitCountMax - 2),
    ] {
      let fits = rope.apply(misfit)
      #expect(!fits)
      #expect(rope.insertions == [0..<3])
    }
    #expect(rope.insertions(of: 0..<4).isEmpty)
    let ends = rope.apply(patch(.delete, 0, 3))
    #expect(ends)
    #expect(rope.insertions.isEmpty)
  }
}
