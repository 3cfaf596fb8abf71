/// Makes a failing plan small while it goes on to break the same promise: fewer items (delta
/// debugging: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002),
/// fewer nodes, fair weather, less time, simpler work.
///
/// It works because plans are data and chance comes from streams by name: without one item the
/// others do what they did.
package struct Shrinker {
  /// Whether a plan still breaks the promise.
  private let fails: (Plan) throws -> Bool
  /// Told after each plan that was tried: how many were, and how small the smallest is.
  private let progress: (Int, Plan) -> Void
  private var triesLeft: Int
  private var tries = 0
  private var best: Plan

  /// - Parameter triesMax: how many plans are run at most.
  package init(
    _ plan: Plan, triesMax: Int = 3_000, progress: @escaping (Int, Plan) -> Void = { _, _ in },
    fails: @escaping (Plan) throws -> Bool
  ) {
    best = plan
    triesLeft = triesMax
    self.progress = progress
    self.fails = fails
  }

  /// The smallest plan that was found. Complexity: up to `triesMax` runs.
  ///
  /// - Throws: what `fails` throws.
  package mutating func shrink() throws -> Plan {
    var size = Int.max
    while best.weight < size, triesLeft > 0 {
      size = best.weight
      try dropItems()
      try dropNodes()
      try simplifyWorld()
      try simplifyItems()
      try shortenTimes()
      try dropWithOtherChance()
    }
    return best
  }

  /// Takes a candidate when it fails too.
  @discardableResult
  private mutating func attempt(_ candidate: Plan) throws -> Bool {
    guard triesLeft > 0, candidate != best else { return false }
    triesLeft -= 1
    tries += 1
    let isFailing = try fails(candidate)
    if isFailing { best = candidate }
    progress(tries, best)
    return isFailing
  }

  // MARK: Items

  /// Leaves out ever smaller runs of items.
  private mutating func dropItems() throws {
    var size = max(1, best.itemCount / 2)
    while true {
      var start = 0
      while start < best.itemCount {
        let end = min(start + size, best.itemCount)
        if try !attempt(best.without(items: start..<end)) { start += size }
      }
      guard size > 1, triesLeft > 0 else { return }
      size /= 2
    }
  }

  /// A plan of so many items is small enough.
  package static let itemsWanted = 12
  private static let missesMax = 60

  /// What needs two things to meet by chance needs other chance when there is less of it: leaves
  /// out a run of items and draws everything anew.
  private mutating func dropWithOtherChance() throws {
    var random = RandomStream(seed: best.seed, "shrinking")
    var misses = 0
    while best.itemCount > Self.itemsWanted, misses < Self.missesMax, triesLeft > 0 {
      let size = random.magnitude(in: 1...(best.itemCount / 2))
      let start = random.integer(in: 0...(best.itemCount - size))
      var candidate = best.without(items: start..<(start + size))
      candidate.seed = random.next()
      for index in candidate.work.indices { candidate.work[index].salt = random.next() }
      if try attempt(candidate) { misses = 0 } else { misses += 1 }
    }
  }

  private mutating func simplifyItems() throws {
    for index in best.work.indices {
      for kind in [Plan.Work.Kind.setField, .insertText] where best.work[index].kind != kind {
        // Rather an act that is easy to read than one that was drawn.
        guard best.work[index].kind != .create else { continue }
        var candidate = best
        candidate.work[index].kind = kind
        if try attempt(candidate) { break }
      }
      var candidate = best
      candidate.work[index].salt = UInt64(index + 1)
      try attempt(candidate)
    }
    for index in best.faults.indices {
      while best.faults[index].forMilliseconds > 1_000 {
        var candidate = best
        candidate.faults[index].forMilliseconds /= 2
        if try !attempt(candidate) { break }
      }
    }
  }

  // MARK: The world

  private mutating func dropNodes() throws {
    for node in stride(from: best.nodeCount - 1, to: 0, by: -1) {
      if let candidate = best.without(node: node) { try attempt(candidate) }
    }
  }

  private mutating func simplifyWorld() throws {
    var fair = best
    fair.weather = Weather()
    fair.weather.delayMillisecondsMax = 1
    fair.weather.splitMillionths = 0
    try attempt(fair)
    var wide = best
    wide.windowBytes = Plan.windowBytesDefault
    try attempt(wide)
    var quick = best
    quick.cipher = .standIn
    try attempt(quick)
    var whole = best
    whole.core = Array(0..<best.nodeCount).filter {
      ![.spare, .adversary].contains(best.residents[$0])
    }
    try attempt(whole)
  }

  /// Ends the work soon after its last item, and brings the items closer to each other.
  private mutating func shortenTimes() throws {
    let last = max(best.work.map(\.at).max() ?? 0, best.faults.map(\.at).max() ?? 0)
    var short = best
    short.durationMilliseconds = min(best.durationMilliseconds, last + 100)
    try attempt(short)
    while best.durationMilliseconds > 1_000 {
      var candidate = best
      candidate.durationMilliseconds /= 2
      for index in candidate.work.indices { candidate.work[index].at /= 2 }
      for index in candidate.faults.indices { candidate.faults[index].at /= 2 }
      if try !attempt(candidate) { return }
    }
  }
}

extension Plan {
  /// What shrinking makes less of.
  fileprivate var weight: Int {
    itemCount * 1_000 + nodeCount * 100 + (weather == Weather() ? 0 : 10)
      + durationMilliseconds / 1_000
  }

  /// Work first, then faults.
  fileprivate func without(items range: Range<Int>) -> Plan {
    var plan = self
    plan.work.removeSubrange(range.clamped(to: 0..<work.count))
    let inFaults = max(0, range.lowerBound - work.count)..<max(0, range.upperBound - work.count)
    plan.faults.removeSubrange(inFaults.clamped(to: 0..<faults.count))
    return plan
  }

  /// The plan without a node and all that happens to it; nil when it cannot be left out.
  fileprivate func without(node: Int) -> Plan? {
    guard node > 0 else { return nil }
    func renumbered(_ other: Int) -> Int { other > node ? other - 1 : other }
    var plan = self
    plan.residents.remove(at: node)
    plan.core = core.filter { $0 != node }.map(renumbered)
    guard !plan.core.isEmpty else { return nil }
    plan.elders = elders.filter { $0 != node }.map(renumbered)
    plan.work = work.filter { $0.node != node }.map { item in
      var item = item
      item.node = renumbered(item.node)
      return item
    }
    plan.faults = faults.filter { fault in
      let uses = fault.kind.uses
      return !(uses.contains(.node) && fault.node == node)
        && !(uses.contains(.other) && fault.other == node)
    }.map { fault in
      var fault = fault
      fault.node = renumbered(fault.node)
      fault.other = renumbered(fault.other)
      fault.groups = fault.groups.map { $0.filter { $0 != node }.map(renumbered) }
      return fault
    }
    return plan
  }
}
