import Replication
import Sealing

/// What is shown of others is what they have shown, the newest last; and when all is well again,
/// everybody sees what everybody shows, and nothing of processes that are gone.
struct PresenceChecker {
  /// What one process shows: which node's, in which of its lives, and the how-manieth.
  struct Showing: Hashable {
    var node: Int
    var life: Int
    var number: Int

    /// As it is sent.
    var bytes: [UInt8] { Array("\(node) \(life) \(number)".utf8) }

    init(node: Int, life: Int, number: Int) {
      self.node = node
      self.life = life
      self.number = number
    }

    init?(_ bytes: [UInt8]) {
      let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ").map { Int($0) }
      guard fields.count == 3, let node = fields[0], let life = fields[1], let number = fields[2]
      else { return nil }
      self.init(node: node, life: life, number: number)
    }
  }

  private struct Life: Hashable {
    var node: Int
    var life: Int
  }

  private struct Shown {
    var device: SigningKey.Public
    var number: Int
    var isTakenBack: Bool
  }

  /// What each life of a node has shown last.
  private var shown: [Life: Shown] = [:]
  /// What each life of a node has seen last of each other one.
  private var seen: [Life: [Life: Int]] = [:]

  /// Somebody shows something else, or nothing any more.
  ///
  /// - Returns: what is to be sent.
  mutating func show(
    node: Int, life: Int, device: SigningKey.Public, isTakenBack: Bool
  ) -> Showing? {
    let life = Life(node: node, life: life)
    let number = (shown[life]?.number ?? 0) + 1
    shown[life] = Shown(device: device, number: number, isTakenBack: isTakenBack)
    return isTakenBack ? nil : Showing(node: node, life: life.life, number: number)
  }

  /// A node sees this of others.
  mutating func observe(
    node: Int, life: Int, present: [PresentDevice], at time: Int
  ) -> Violation? {
    for entry in present {
      guard let showing = Showing(entry.state),
        let last = shown[Life(node: showing.node, life: showing.life)],
        entry.device == last.device, showing.number <= last.number
      else {
        return Violation("P11", at: time, "node \(node) sees what nobody has shown")
      }
      let source = Life(node: showing.node, life: showing.life)
      let before = seen[Life(node: node, life: life)]?[source] ?? 0
      guard showing.number >= before else {
        return Violation(
          "P8", at: time,
          "node \(node) sees the presence \(showing.number) of node \(showing.node) after its "
            + "presence \(before)")
      }
      seen[Life(node: node, life: life), default: [:]][source] = showing.number
    }
    return nil
  }

  /// All is well, and was for longer than a presence lasts.
  ///
  /// - Parameter lives: of the nodes that live.
  func checkEnd(
    node: Int, present: [PresentDevice], lives: [(node: Int, life: Int)], at time: Int
  ) -> Violation? {
    let expected = lives.filter { $0.node != node }.compactMap { other -> Showing? in
      let last = shown[Life(node: other.node, life: other.life)]
      guard let last, !last.isTakenBack else { return nil }
      return Showing(node: other.node, life: other.life, number: last.number)
    }
    let found = Set(present.compactMap { Showing($0.state) })
    guard found != Set(expected) else { return nil }
    return Violation(
      "P15", at: time,
      "node \(node) sees \(found.count) present in a healed world, \(expected.count) are")
  }
}
