/// P3: a transaction is visible whole or not at all. Transfers move amounts between the balances of
/// two documents in one transaction, so all balances together are always nothing.
enum AtomicityChecker {
  static func check(node: Int, view: StateView, at time: Int) -> Violation? {
    guard view.balance != 0 else { return nil }
    return Violation(
      "P3", at: time,
      "node \(node) shows half a transaction: its balances add up to \(view.balance)")
  }
}
