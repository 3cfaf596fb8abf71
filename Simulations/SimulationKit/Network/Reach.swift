/// Who can hear whom, as partitions and one-way links have it.
struct Reach: Equatable {
  private let nodeCount: Int
  /// At `listener * nodeCount + speaker`.
  private var isBlocked: [Bool]

  init(nodeCount: Int) {
    self.nodeCount = nodeCount
    isBlocked = Array(repeating: false, count: nodeCount * nodeCount)
  }

  func canHear(_ listener: Int, _ speaker: Int) -> Bool {
    !isBlocked[listener * nodeCount + speaker]
  }

  /// Both ways, as a new connection needs it.
  func canReach(_ left: Int, _ right: Int) -> Bool {
    canHear(left, right) && canHear(right, left)
  }

  mutating func block(_ listener: Int, _ speaker: Int) {
    isBlocked[listener * nodeCount + speaker] = true
  }

  mutating func add(_ fault: Fault) {
    switch fault.kind {
    case .partition, .flap:
      for left in 0..<nodeCount {
        for right in 0..<nodeCount where left != right {
          let ofLeft = fault.groups.filter { $0.contains(left) }
          guard !ofLeft.isEmpty, fault.groups.contains(where: { $0.contains(right) }),
            !ofLeft.contains(where: { $0.contains(right) })
          else { continue }
          block(left, right)
        }
      }
    case .oneWay:
      guard fault.groups.count == 2 else { return }
      for speaker in fault.groups[0] {
        for listener in fault.groups[1] where listener != speaker { block(listener, speaker) }
      }
    default: break
    }
  }

  /// The core hears itself and nobody else hears it; the rest stays as it is.
  mutating func isolate(_ core: [Int]) {
    for left in 0..<nodeCount {
      for right in 0..<nodeCount where left != right {
        let inside = [left, right].filter { core.contains($0) }.count
        if inside == 2 { isBlocked[left * nodeCount + right] = false }
        if inside == 1 { isBlocked[left * nodeCount + right] = true }
      }
    }
  }
}
