import Causality
import Documents
import SimulationKit
import TestSupport
import Testing

@Suite("Small histories of texts and lists")
struct TextHistoryTests {
  @Test("are what the model makes of them", arguments: 0..<10 as Range<UInt64>)
  func model(block: UInt64) {
    var random = SeededGenerator(seed: block)
    for _ in 0..<40 {
      let seed = random.next()
      #expect(TextHistory.failure(seed: seed) == nil, "seed \(seed)")
    }
  }

  @Test("a replica that puts what it takes over one place too far is found")
  func tampered() {
    let found = (0..<20 as Range<UInt64>).count { seed in
      TextHistory.failure(seed: seed) { edit in
        var edit = edit
        for index in edit.edit.operations.indices {
          if case .insertText(let position, let text) = edit.edit.operations[index].action {
            edit.edit.operations[index].action = .insertText(at: max(0, position - 1), text)
          }
        }
        return edit
      } != nil
    }
    #expect(found > 15)
  }
}
