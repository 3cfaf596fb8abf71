import Causality
import TestSupport
import Testing

@testable import Documents

/// The order of a list's elements against an array.
@Suite("The order of the elements of a list")
struct ElementOrderTests {
  private static func elements(_ numbers: Range<Int>) -> [EventID] {
    numbers.map {
      EventID(change: ChangeID(origin: testOrigin(0), sequence: UInt64($0 + 1)), index: 0)
    }
  }

  private func expectSame(
    _ order: ElementOrder, _ model: [EventID], _ comment: @autoclosure () -> Comment
  ) {
    order.checkInvariants()
    #expect(order.count == model.count, comment())
    #expect(order.elements(in: 0..<order.count) == model, comment())
  }

  /// Insertions of every size that matters to leaves, at every place of lists of every such size.
  @Test("an insertion goes where it would in an array")
  func insertions() {
    let full = ElementOrder.leafCapacity
    let sizes = [0, 1, 2, full - 1, full, full + 1, 3 * full + 5]
    for size in sizes {
      for added in sizes {
        for position in Set([0, 1, size / 2, size - 1, size]) where 0...size ~= position {
          var order = ElementOrder()
          var model = Self.elements(0..<size)
          order.insert(contentsOf: model, at: 0)
          let new = Self.elements(size..<size + added)
          order.insert(contentsOf: new, at: position)
          model.insert(contentsOf: new, at: position)
          expectSame(order, model, "\(added) at \(position) of \(size)")
        }
      }
    }
  }

  @Test("edits anywhere do what they do to an array", arguments: 0..<12 as Range<UInt64>)
  func edits(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var order = ElementOrder()
    var model: [EventID] = []
    var next = 0
    // Some histories grow, some are eaten up again.
    let greed = seed % 3
    for step in 0..<1500 {
      let isInsertion = model.isEmpty || UInt64.random(in: 0..<4, using: &random) >= greed
      if isInsertion {
        let count = step % 50 == 0 ? Int.random(in: 0...300, using: &random) : 1
        let position = Int.random(in: 0...model.count, using: &random)
        let new = Self.elements(next..<next + count)
        next += count
        order.insert(contentsOf: new, at: position)
        model.insert(contentsOf: new, at: position)
      } else {
        let low = Int.random(in: 0..<model.count, using: &random)
        let count = step % 40 == 0 ? 200 : Int.random(in: 1...3, using: &random)
        let range = low..<min(model.count, low + count)
        order.remove(range)
        model.removeSubrange(range)
      }
      if !model.isEmpty {
        let index = Int.random(in: 0..<model.count, using: &random)
        #expect(order[index] == model[index], "seed \(seed), step \(step)")
        let range = index..<min(model.count, index + 130)
        #expect(order.elements(in: range) == Array(model[range]), "seed \(seed), step \(step)")
      }
      if step % 50 == 0 { expectSame(order, model, "seed \(seed), step \(step)") }
    }
    expectSame(order, model, "seed \(seed), the end")
    order.remove(0..<model.count)
    expectSame(order, [], "seed \(seed), nothing left")
  }

  @Test("a copy stays what it was")
  func copies() {
    var order = ElementOrder()
    order.insert(contentsOf: Self.elements(0..<500), at: 0)
    let copy = order
    order.remove(100..<400)
    order.insert(contentsOf: Self.elements(500..<900), at: 50)
    expectSame(copy, Self.elements(0..<500), "the copy")
  }
}
