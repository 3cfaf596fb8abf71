import Causality
import DocumentModel
import Documents
import Testing

@Suite("Small scopes")
struct SmallScopeTests {
  /// How many steps each of three replicas does: in a release build all scripts are enumerated with
  /// two of each.
  private static func steps(_ script: Int) -> [Int] {
    #if DEBUG
      var steps = [1, 1, 1]
      steps[script % 3] = 2
      return steps
    #else
      return [2, 2, 2]
    #endif
  }

  @Test("every delivery order shows what the model shows", arguments: SmallScope.scripts.indices)
  func everyOrder(script: Int) {
    let steps = Self.steps(script)
    let report = SmallScope.explore(SmallScope.scripts[script].limited(to: steps))
    #expect(report.failure == nil, "\(report.failure?.description ?? "")")
    // Counted by another program.
    #expect(report.histories == (steps == [2, 2, 2] ? 3 * 7_751 : 131 + 156 + 156))
  }

  @Test("the number of orders is known")
  func orders() {
    #expect(OrderCount.orders(steps: [1, 1]) == 6)
    #expect(OrderCount.orders(steps: [1, 1, 1]) == 10_614)
    #expect(OrderCount.orders(steps: [2, 1, 1]) == 847_554)
  }

  #if !DEBUG
    @Test("three replicas with two steps each have 38,719,583,328 orders")
    func allOrders() {
      #expect(OrderCount.orders(steps: [2, 2, 2]) == 38_719_583_328)
    }
  #endif

  // MARK: A search that cannot fail finds nothing

  private static let sabotages: [(name: String, tamper: @Sendable (IncomingEdit) -> IncomingEdit)] =
    [
      (
        "what a write replaces is forgotten",
        { incoming in
          changed(incoming) { action in
            if case .set(let key, let value, _) = action { action = .set(key, value, replaces: []) }
            if case .delete(let key, _) = action { action = .delete(key, replaces: []) }
          }
        }
      ),
      (
        "text goes one place too far to the left",
        { incoming in
          changed(incoming) { action in
            if case .insertText(let at, let text) = action {
              action = .insertText(at: max(0, at - 1), text)
            }
          }
        }
      ),
      (
        "a node goes to the top of its tree",
        { incoming in
          changed(incoming) { action in
            if case .moveNode(let node, _) = action { action = .moveNode(node, TreePlace()) }
          }
        }
      ),
      (
        "the tie between two writers is lost",
        { incoming in
          var incoming = incoming
          if incoming.change.origin.low == 3 { incoming.lamport += 7 }
          return incoming
        }
      ),
      (
        "a deleted document stays",
        { incoming in
          changed(incoming) { action in
            if action == .deleteDocument { action = .set("gone", .null, replaces: []) }
          }
        }
      ),
    ]

  private static func changed(
    _ incoming: IncomingEdit, _ change: (inout Operation.Action) -> Void
  ) -> IncomingEdit {
    var incoming = incoming
    for index in incoming.edit.operations.indices {
      change(&incoming.edit.operations[index].action)
    }
    return incoming
  }

  @Test("an engine that is wrong in one thing is found", arguments: sabotages.indices)
  func everySabotageIsFound(number: Int) {
    let failures = SmallScope.scripts.compactMap { script in
      SmallScope.explore(script.limited(to: [1, 1, 0]), tamper: Self.sabotages[number].tamper)
        .failure
    }
    #expect(!failures.isEmpty, "\(Self.sabotages[number].name)")
    for failure in failures { #expect(failure.description.contains("after")) }
  }
}
