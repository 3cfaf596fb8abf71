package import Causality

/// Decides whom to ask for what was only advertised: in a mesh and between the hubs of a star,
/// where each payload is pushed once by its author and reaches the others only when they ask.
///
/// One planner serves all links of a replica. What is lacking gets a moment to arrive by itself;
/// then one peer that has it is asked, and another one when nothing moved for a while. Which peer
/// is asked depends on the inputs alone.
package struct WantPlanner: Sendable {
  /// A link by the number that its owner gives it.
  package typealias LinkNumber = UInt64

  /// How long what is advertised may take to arrive unasked, when no link to its author is up and
  /// one may be about to be.
  package private(set) var graceMilliseconds: UInt64
  /// The same with one link, for some time: nobody but its peer can bring anything.
  package static let singleGraceMilliseconds: UInt64 = 20
  /// After a link has come up others may.
  package static let settlingMilliseconds: UInt64 = 2_000
  /// How long a peer that was asked, or an author that pushes by itself, may send nothing at all.
  package let patienceMilliseconds: UInt64 = 5_000

  private struct Lack {
    /// Peers that have it, with how far they have it, in ascending order of link.
    var holders: [(link: LinkNumber, through: UInt64)]
    /// Who was asked last.
    var asked: LinkNumber?
    /// When somebody is to be asked.
    var dueAt: UInt64
  }

  private var local = VersionVector()
  /// When links have been as they are for long enough; nil before the first.
  private var settlesAt: UInt64?
  /// What is lacking, sorted by origin.
  private var origins: [Origin] = []
  /// Only looked up in.
  private var lacks: [Origin: Lack] = [:]
  /// Links to authors. Only looked up in.
  private var authors: [LinkNumber: Origin] = [:]
  /// When the last segment came over a link. Only looked up in.
  private var lastSegmentAt: [LinkNumber: UInt64] = [:]

  /// - Parameter wish: what this replica asks its peers to push. When that is everything, asking
  ///   is only a remedy for a topology that does not bring what it should, and comes late.
  package init(local: VersionVector, wish: PushWish) {
    self.local = local
    graceMilliseconds = Self.grace(wish)
  }

  private static func grace(_ wish: PushWish) -> UInt64 { wish == .firstHand ? 200 : 10_000 }

  /// What this replica asks its peers to push has changed.
  package mutating func wishes(_ wish: PushWish) { graceMilliseconds = Self.grace(wish) }

  /// How many origins are behind what some peer advertised.
  package var lackingCount: Int { origins.count }

  /// When `plan` has something to ask at the latest; nil when nothing is lacking. Stored, as it is
  /// looked at after every input.
  package private(set) var nextDeadline: UInt64?

  /// To be called at the end of every input.
  private mutating func renewDeadline() {
    nextDeadline = nil
    for origin in origins {
      guard let dueAt = lacks[origin]?.dueAt else { continue }
      nextDeadline = min(nextDeadline ?? dueAt, dueAt)
    }
  }

  /// A link is up whose peer writes under this origin, and pushes what it writes by itself.
  package mutating func linked(_ link: LinkNumber, author: Origin, now: UInt64) {
    authors[link] = author
    settlesAt = now + Self.settlingMilliseconds
  }

  private func grace(at now: UInt64) -> UInt64 {
    guard authors.count == 1, let settlesAt, now >= settlesAt,
      graceMilliseconds == Self.grace(.firstHand)
    else { return graceMilliseconds }
    return Self.singleGraceMilliseconds
  }

  /// A peer has this.
  package mutating func advertised(_ vector: VersionVector, by link: LinkNumber, now: UInt64) {
    defer { renewDeadline() }
    var added: [Origin] = []
    for entry in vector.entries where entry.sequence > local[entry.origin] {
      if lacks[entry.origin] == nil {
        added.append(entry.origin)
        lacks[entry.origin] = Lack(holders: [], asked: nil, dueAt: now + grace(at: now))
      }
      note(entry, by: link)
      if authors[link] == entry.origin, lacks[entry.origin]?.asked == nil {
        // Its author pushes without being asked.
        lacks[entry.origin]?.asked = link
        lacks[entry.origin]?.dueAt = now + max(graceMilliseconds, patienceMilliseconds)
      }
    }
    guard !added.isEmpty else { return }
    origins = (origins + added).sorted()
  }

  private mutating func note(_ entry: VersionVector.Entry, by link: LinkNumber) {
    guard var lack = lacks[entry.origin] else { return }
    lacks[entry.origin] = nil
    let index = lack.holders.firstIndex { $0.link >= link } ?? lack.holders.count
    if index < lack.holders.count, lack.holders[index].link == link {
      lack.holders[index].through = max(lack.holders[index].through, entry.sequence)
    } else {
      lack.holders.insert((link, entry.sequence), at: index)
    }
    lacks[entry.origin] = lack
  }

  /// A segment came over this link, so what it was asked for may be on its way behind it.
  package mutating func received(over link: LinkNumber, now: UInt64) {
    lastSegmentAt[link] = now
  }

  /// This became durable here.
  package mutating func stored(_ vector: VersionVector, now: UInt64) {
    defer { renewDeadline() }
    var isAnySettled = false
    for entry in vector.entries where entry.sequence > local[entry.origin] {
      local.advance(entry.origin, to: entry.sequence)
      guard var lack = lacks[entry.origin] else { continue }
      lack.holders.removeAll { $0.through <= entry.sequence }
      if lack.holders.isEmpty {
        lacks[entry.origin] = nil
        isAnySettled = true
      } else {
        // It moves: whoever sends it gets the time to go on.
        lack.dueAt = max(lack.dueAt, now + patienceMilliseconds)
        lacks[entry.origin] = lack
      }
    }
    if isAnySettled { origins.removeAll { lacks[$0] == nil } }
  }

  /// Something about this origin went wrong, a gap for instance: it is asked for soon.
  package mutating func hurry(_ origin: Origin, now: UInt64) {
    guard let dueAt = lacks[origin]?.dueAt else { return }
    defer { renewDeadline() }
    lacks[origin]?.dueAt = min(dueAt, now + graceMilliseconds)
  }

  /// A link is gone, and with it what its peer could be asked for.
  package mutating func closed(_ link: LinkNumber, now: UInt64) {
    defer { renewDeadline() }
    // Whoever was cut off may be back soon.
    settlesAt = now + Self.settlingMilliseconds
    authors[link] = nil
    lastSegmentAt[link] = nil
    for origin in origins {
      guard var lack = lacks[origin] else { continue }
      lack.holders.removeAll { $0.link == link }
      if lack.asked == link {
        lack.asked = nil
        lack.dueAt = min(lack.dueAt, now + graceMilliseconds)
      }
      lacks[origin] = lack.holders.isEmpty ? nil : lack
    }
    origins.removeAll { lacks[$0] == nil }
  }

  /// What is to be asked now, and whom: links in ascending order, wants by origin.
  package mutating func plan(now: UInt64) -> [(link: LinkNumber, wants: [Want])] {
    guard let nextDeadline, nextDeadline <= now else { return [] }
    defer { renewDeadline() }
    var wants: [LinkNumber: [Want]] = [:]
    for origin in origins {
      guard let dueAt = lacks[origin]?.dueAt, dueAt <= now, var lack = lacks[origin] else {
        continue
      }
      // Whoever it was asked of is still sending.
      if let asked = lack.asked, let last = lastSegmentAt[asked],
        now < last + patienceMilliseconds
      {
        lack.dueAt = last + patienceMilliseconds
        lacks[origin] = lack
        continue
      }
      // The one after the one that was asked last, in a circle.
      let next =
        lack.asked.flatMap { asked in lack.holders.first { $0.link > asked } }
        ?? lack.holders.first
      guard let holder = next else { continue }
      lack.asked = holder.link
      lack.dueAt = now + patienceMilliseconds
      lacks[origin] = lack
      wants[holder.link, default: []].append(Want(origin: origin, from: local[origin] + 1))
    }
    return wants.keys.sorted().map { ($0, wants[$0] ?? []) }
  }
}
