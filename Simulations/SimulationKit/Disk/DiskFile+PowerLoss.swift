extension DiskFile {
  /// How chance treats the unsynced changes of one file. Single manners give states that a coin for
  /// each sector would hardly ever find.
  private enum Manner {
    case keepsAll
    case losesAll
    /// Everything up to some change.
    case keepsBeginning(Int)
    /// A coin for each change.
    case perChange
    /// A coin for each sector of each change.
    case perSector

    init(_ changeCount: Int, _ chance: inout RandomStream) {
      switch chance.integer(in: 0...9) {
      case 0: self = .keepsAll
      case 1: self = .losesAll
      case 2, 3: self = .keepsBeginning(chance.integer(in: 0...changeCount))
      case 4, 5, 6: self = .perChange
      default: self = .perSector
      }
    }
  }

  /// What a single change is in for.
  private enum Fate {
    case kept, lost, torn
  }

  /// The power fails: each sector that was written since the last sync holds what it held before,
  /// or what one of the writes made of it; whole, as sectors are atomic. Truncations and the size
  /// are a matter of chance in the same way.
  mutating func losePower(_ chance: inout RandomStream, _ counters: inout DiskCounters) {
    settle(&chance, &counters)
    bytes = platter
  }

  /// The device refuses a sync. Nobody knows what it wrote, and the operating system holds the rest
  /// for written: a later sync that succeeds does not bring it back. What processes read is the
  /// cache still, until that is evicted.
  mutating func failSync(_ chance: inout RandomStream, _ counters: inout DiskCounters) {
    guard !changes.isEmpty else { return }
    // Some file systems keep their pages dirty, so that trying again helps.
    if chance.integer(in: 0...3) == 0 { return }
    let ranges = changes.compactMap { $0.content == .truncation ? nil : Self.sectors(of: $0) }
    var fates = DiskCounters()
    settle(&chance, &fates)
    counters.droppedWrites += fates.lostWrites + fates.tornWrites
    guard chance.integer(in: 0...3) == 0 else { return }
    let size = bytes.count
    for range in ranges {
      let end = min(range.upperBound, size)
      guard range.lowerBound < end else { continue }
      for place in range.lowerBound..<end {
        bytes[place] = place < platter.count ? platter[place] : 0
      }
    }
  }

  /// Lets chance decide about every unsynced change, and forgets them.
  private mutating func settle(_ chance: inout RandomStream, _ counters: inout DiskCounters) {
    guard !changes.isEmpty else { return }
    savePayload()
    let manner = Manner(changes.count, &chance)
    // What the cache held after each change, made again step by step: a sector reaches the platter
    // as it was then, with all that was written into it before.
    var cache = platter
    for (index, change) in changes.enumerated() {
      let fate = fate(of: change, index, manner, &chance)
      guard case .saved(let start) = change.content else {
        cache.resize(to: change.offset)
        if fate == .lost {
          counters.lostTruncations += 1
        } else {
          platter.resize(to: change.offset)
        }
        continue
      }
      payload.withUnsafeBytes { payload in
        cache.put(.init(rebasing: payload[start..<(start + change.count)]), at: change.offset)
      }
      let written = reach(Self.sectors(of: change), of: cache, fate, &chance)
      switch written {
      case .kept: counters.keptWrites += 1
      case .torn: counters.tornWrites += 1
      case .lost:
        counters.lostWrites += 1
        loseExtension(to: change.offset + change.count, manner, &chance, &counters)
      }
    }
    forgetChanges()
  }

  private func fate(
    of change: Change, _ index: Int, _ manner: Manner, _ chance: inout RandomStream
  ) -> Fate {
    switch manner {
    case .keepsAll: .kept
    case .losesAll: .lost
    case .keepsBeginning(let count): index < count ? .kept : index == count ? .torn : .lost
    case .perChange: chance.integer(in: 0...1) == 0 ? .kept : .lost
    case .perSector:
      change.content == .truncation ? (chance.integer(in: 0...1) == 0 ? .kept : .lost) : .torn
    }
  }

  /// Brings sectors of `cache` to the platter.
  ///
  /// - Returns: how many did, as a fate.
  private mutating func reach(
    _ range: Range<Int>, of cache: [UInt8], _ fate: Fate, _ chance: inout RandomStream
  ) -> Fate {
    guard fate != .lost else { return .lost }
    var reached = 0
    var missed = 0
    var place = range.lowerBound
    while place < range.upperBound {
      let end = min(place + Self.sectorBytes, cache.count)
      defer { place += Self.sectorBytes }
      guard place < end else { continue }
      guard fate == .kept || chance.integer(in: 0...1) == 0 else {
        missed += 1
        continue
      }
      reached += 1
      cache.withUnsafeBytes { source in
        platter.put(.init(rebasing: source[place..<end]), at: place)
      }
    }
    return missed == 0 ? .kept : reached == 0 ? .lost : .torn
  }

  /// The size of a file can reach the platter before its bytes; these are zeros then, or whatever
  /// the sectors held before.
  private mutating func loseExtension(
    to size: Int, _ manner: Manner, _ chance: inout RandomStream, _ counters: inout DiskCounters
  ) {
    if case .losesAll = manner { return }
    guard size > platter.count, chance.integer(in: 0...7) == 0 else { return }
    let old = platter.count
    platter.resize(to: size)
    counters.emptyExtensions += 1
    guard chance.integer(in: 0...1) == 0 else { return }
    for place in old..<size { platter[place] = UInt8(truncatingIfNeeded: chance.next()) }
  }
}
