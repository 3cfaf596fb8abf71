import TestSupport
import Testing

@testable import Causality

private let a = Origin(high: 0, low: 1)
private let b = Origin(high: 0, low: 2)
private let c = Origin(high: 0, low: 3)

private func id(_ origin: Origin, _ sequence: UInt64) -> ChangeID {
  ChangeID(origin: origin, sequence: sequence)
}

extension CausalBuffer where Element == String {
  fileprivate mutating func put(
    _ id: ChangeID, after dependencies: [ChangeID] = [], byteCount: Int = 1
  ) -> Insertion {
    insert(id.description, id: id, dependencies: dependencies, byteCount: byteCount)
  }

  fileprivate mutating func drain() -> [ChangeID] {
    var taken: [ChangeID] = []
    while let change = next() { taken.append(change.id) }
    return taken
  }
}

@Suite struct CausalBufferTests {
  private typealias Buffer = CausalBuffer<String>

  @Test func aChangeWithNothingBeforeItIsReadyAtOnce() {
    var buffer = Buffer(applied: VersionVector())
    #expect(buffer.put(id(a, 1)) == .ready)
    #expect(buffer.drain() == [id(a, 1)])
    #expect(buffer.applied[a] == 1)
    #expect(buffer.isEmpty)
  }

  @Test func aChangeWaitsForItsPredecessorAndForItsDependencies() {
    var buffer = Buffer(applied: VersionVector())
    #expect(buffer.put(id(a, 2), after: [id(b, 1)]) == .waiting)
    #expect(buffer.missing == [id(a, 1)])
    #expect(buffer.put(id(a, 1)) == .ready)
    #expect(buffer.drain() == [id(a, 1)])
    #expect(buffer.missing == [id(b, 1)])
    #expect(buffer.put(id(b, 1)) == .ready)
    #expect(buffer.drain() == [id(b, 1), id(a, 2)])
    #expect(buffer.missing.isEmpty)
    #expect(buffer.byteCount == 0)
  }

  @Test func whatWasSeenBeforeIsADuplicate() {
    var buffer = Buffer(applied: VersionVector([VersionVector.Entry(origin: a, sequence: 3)]))
    #expect(buffer.put(id(a, 3)) == .duplicate)
    #expect(buffer.put(id(a, 5)) == .waiting)
    #expect(buffer.put(id(a, 5)) == .duplicate)
    #expect(buffer.put(id(a, 4)) == .ready)
    #expect(buffer.put(id(a, 4)) == .duplicate)
    #expect(buffer.put(id(a, 0)) == .duplicate)
    #expect(buffer.drain() == [id(a, 4), id(a, 5)])
  }

  @Test(arguments: [99, 100, 101])
  func bytesThatWaitAreBounded(byteCount: Int) {
    var buffer = Buffer(applied: VersionVector(), byteCountMax: 100)
    #expect(buffer.put(id(a, 2), byteCount: byteCount) == (byteCount <= 100 ? .waiting : .full))
  }

  @Test func aFullBufferStillTakesWhatIsReadyAndEmptiesItself() {
    var buffer = Buffer(applied: VersionVector(), byteCountMax: 10)
    #expect(buffer.put(id(a, 3), byteCount: 10) == .waiting)
    #expect(buffer.put(id(a, 2), byteCount: 10) == .full)
    #expect(buffer.put(id(a, 1), byteCount: 1_000) == .ready)
    #expect(buffer.drain() == [id(a, 1)])
    #expect(buffer.missing == [id(a, 2)])
    #expect(buffer.put(id(a, 2), byteCount: 10) == .ready)
    #expect(buffer.drain() == [id(a, 2), id(a, 3)])
  }

  @Test func whatOthersAppliedCountsAsApplied() {
    var buffer = Buffer(applied: VersionVector())
    _ = buffer.put(id(a, 5))
    _ = buffer.put(id(b, 1), after: [id(a, 4)])
    _ = buffer.put(id(a, 3))
    buffer.advance(to: VersionVector([VersionVector.Entry(origin: a, sequence: 4)]))
    #expect(buffer.drain() == [id(a, 5), id(b, 1)])
    #expect(buffer.isEmpty)
    #expect(buffer.missing.isEmpty)
  }

  @Test func aReadyChangeThatOthersAppliedIsNotHandedOut() {
    var buffer = Buffer(applied: VersionVector())
    _ = buffer.put(id(a, 1))
    buffer.advance(to: VersionVector([VersionVector.Entry(origin: a, sequence: 1)]))
    #expect(buffer.drain().isEmpty)
  }

  @Test func aRemovedChangeIsMissingAgain() {
    var buffer = Buffer(applied: VersionVector())
    _ = buffer.put(id(a, 2))
    _ = buffer.put(id(a, 3))
    #expect(buffer.remove(id(a, 2)) != nil)
    #expect(buffer.remove(id(a, 2)) == nil)
    #expect(buffer.missing == [id(a, 2)])
    _ = buffer.put(id(a, 1))
    _ = buffer.put(id(a, 2))
    #expect(buffer.drain() == [id(a, 1), id(a, 2), id(a, 3)])
  }

  /// Random histories of three origins, delivered in random order with repeats and, now and then,
  /// losses because the buffer is full.
  @Test(arguments: UInt64(1)...40)
  func everyOrderOfDeliveryComesOutInCausalOrder(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var history: [(id: ChangeID, dependencies: [ChangeID])] = []
    var seen: [Origin: VersionVector] = [a: .init(), b: .init(), c: .init()]
    for _ in 0..<60 {
      let author = [a, b, c].randomElement(using: &random) ?? a
      var view = seen[author] ?? VersionVector()
      let change = id(author, view[author] + 1)
      let dependencies = view.entries.filter { $0.origin != author }
        .map { id($0.origin, $0.sequence) }
      history.append((change, dependencies))
      view.advance(to: change)
      seen[author] = view
      if Bool.random(using: &random), let other = [a, b, c].randomElement(using: &random) {
        seen[other]?.formUnion(view)
      }
    }
    let isTight = seed.isMultiple(of: 2)
    var buffer = Buffer(applied: VersionVector(), byteCountMax: isTight ? 8 : 1_000)
    var applied = VersionVector()
    var order: [ChangeID] = []
    var rounds = 0
    while order.count < history.count, rounds < 100 {
      rounds += 1
      for change in (history + history.prefix(10)).shuffled(using: &random) {
        _ = buffer.put(change.id, after: change.dependencies)
        #expect(buffer.byteCount <= buffer.byteCountMax)
        guard Bool.random(using: &random) else { continue }
        while let next = buffer.next() {
          let entry = history.first { $0.id == next.id }
          #expect(next.id.sequence == applied[next.id.origin] + 1, "seed \(seed)")
          #expect(entry?.dependencies.allSatisfy(applied.contains) == true, "seed \(seed)")
          applied.advance(to: next.id)
          order.append(next.id)
        }
      }
    }
    #expect(order.count == history.count, "seed \(seed)")
    #expect(Set(order).count == order.count, "seed \(seed)")
    #expect(isTight || rounds == 1 || !buffer.isEmpty || order.count == history.count)
  }
}
