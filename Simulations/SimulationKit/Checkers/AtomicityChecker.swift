import Documents
import JSONCoding
import ReplicaStore

/// P3: a transaction is visible whole or not at all. Transfers move amounts between the balances of
/// two documents in one transaction, so all balances together are always nothing.
enum AtomicityChecker {
  static func check(node: Int, store: ReplicaStore, at time: Int) -> Violation? {
    do {
      var sum: Int64 = 0
      for stored in try store.documents(includingDeleted: true) {
        guard let document = try store.document(stored.id),
          let balance = try? document.json(at: ["balance"]).integerValue
        else { continue }
        sum += balance
      }
      guard sum != 0 else { return nil }
      return Violation(
        promise: "P3", atMilliseconds: time,
        what: "node \(node) shows half a transaction: its balances add up to \(sum)")
    } catch {
      return Violation(
        promise: "P14", atMilliseconds: time, what: "node \(node) cannot be read: \(error)")
    }
  }
}
