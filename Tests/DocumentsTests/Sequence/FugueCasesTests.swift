import Documents
import TestSupport
import Testing

/// The anomalies that "The Art of the Fugue" shows in other algorithms, spelled out.
@Suite("Runs typed at the same time do not interleave")
struct FugueCasesTests {
  private static func typed(_ text: String, at position: Int) -> RandomHistory.Operation {
    .insert(position: position, text: Array(text.unicodeScalars))
  }

  /// Types each letter before the one typed last.
  private static func typedBackward(_ text: String, at position: Int) -> [RandomHistory.Operation] {
    text.unicodeScalars.map { .insert(position: position, text: [$0]) }
  }

  private static func merged(_ history: RandomHistory) throws -> String {
    var results: Set<String> = []
    var random = SeededGenerator(seed: 3)
    for _ in 0..<24 {
      var replica = TextReplica(history)
      for change in history.deliveryOrder(&random) { try replica.receive([change]) }
      results.insert(replica.text.string)
    }
    #expect(results == [history.oracle.text(in: Set(history.changes.indices))])
    return results.first ?? ""
  }

  @Test("two runs typed forward at one place stay whole, the lower origin first")
  func forward() throws {
    let base = (0, [Int](), [Self.typed("()", at: 0)])
    let left = (1, [0], [Self.typed("milk", at: 1)])
    let right = (2, [0], [Self.typed("eggs", at: 1)])
    #expect(try Self.merged(RandomHistory(ranks: [0, 1, 2], [base, left, right])) == "(milkeggs)")
    #expect(try Self.merged(RandomHistory(ranks: [0, 2, 1], [base, left, right])) == "(eggsmilk)")
  }

  @Test("two runs typed backward at one place stay whole")
  func backward() throws {
    let base = (0, [Int](), [Self.typed("()", at: 0)])
    let left = (1, [0], Self.typedBackward("klim", at: 1))
    let right = (2, [0], Self.typedBackward("sgge", at: 1))
    #expect(try Self.merged(RandomHistory(ranks: [0, 1, 2], [base, left, right])) == "(milkeggs)")
  }

  @Test("a run typed forward and one typed backward stay whole")
  func mixed() throws {
    for ranks in [[0, 1, 2], [0, 2, 1]] {
      let history = RandomHistory(
        ranks: ranks,
        [
          (0, [], [Self.typed("()", at: 0)]), (1, [0], [Self.typed("milk", at: 1)]),
          (2, [0], Self.typedBackward("sgge", at: 1)),
        ])
      #expect(["(milkeggs)", "(eggsmilk)"].contains(try Self.merged(history)))
    }
  }

  @Test("runs in an empty text stay whole, for any number of authors")
  func emptyStart() throws {
    let words = ["one", "two", "three", "four", "five"]
    let history = RandomHistory(
      ranks: [4, 2, 0, 1, 3], words.enumerated().map { ($0, [], [Self.typed($1, at: 0)]) })
    #expect(try Self.merged(history) == "threefourtwofiveone")
  }

  @Test("what replaces a word at the same time is not mixed")
  func replacement() throws {
    let replaced = RandomHistory.Operation.delete(position: 0, count: 5, backward: false)
    let history = RandomHistory(
      ranks: [0, 1, 2],
      [
        (0, [], [Self.typed("hello world", at: 0)]),
        (1, [0], [replaced, Self.typed("goodbye", at: 0)]),
        (2, [0], [Self.typed("HELLO", at: 5), replaced]),
      ])
    #expect(try Self.merged(history) == "goodbyeHELLO world")
  }

  /// Figure 5 of the paper: which of two right children with different right origins comes first.
  @Test("a run that continues past a concurrent insertion stays beside its own text")
  func rightOrigins() throws {
    let history = RandomHistory(
      ranks: [0, 1, 2, 3],
      [
        (0, [], [Self.typed("a", at: 0)]),
        (1, [0], [Self.typed("x", at: 1)]),
        (2, [0], [Self.typed("y", at: 1)]),
        (3, [1], [Self.typed("z", at: 1)]),
        (0, [1, 2], [Self.typed("!", at: 3)]),
        (1, [3], [Self.typed("w", at: 2)]),
      ])
    _ = try Self.merged(history)
  }

  @Test("an origin that leaves out its own past is still ordered alike everywhere")
  func sameOriginConcurrently() throws {
    let history = RandomHistory(
      ranks: [0, 1],
      [
        (1, [], [Self.typed("abc", at: 0)]), (1, [], [Self.typed("def", at: 0)]),
        (0, [], [Self.typed("ghi", at: 0)]), (0, [0, 1, 2], [Self.typed("-", at: 3)]),
      ])
    var replica = TextReplica(history)
    try replica.receive(0..<4)
    #expect(replica.text.string == "ghi-abcdef")
    var late = TextReplica(history)
    for change in [2, 0, 1, 3] { try late.receive([change]) }
    #expect(late.text == replica.text)
  }
}
