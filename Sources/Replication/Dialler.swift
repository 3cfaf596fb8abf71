import Sabotages
import Sealing
import SyncProtocol

/// Keeps the links that a topology wants: whom to dial, when to try again, which link to leave.
///
/// Who does not answer is tried again after a time that doubles with each failure, up to a limit,
/// half of it by chance so that many replicas do not come back at one instant. So is who answers,
/// and whose link then lasts no longer than was waited for it.
struct Dialler {
  enum Order: Equatable {
    case dial(DialID, String)
    case leave(LinkID)
  }

  private enum State {
    case resting(until: UInt64)
    case dialling(DialID)
    case linked(LinkID, isUp: Bool)
    /// The same peer is linked by a link that it dialled.
    case covered(by: LinkID)
  }

  private struct Target {
    let address: String
    var flow: Flow
    var state: State
    /// Somebody who is called once and has no link in the topology.
    var isErrand = false
    var failures = 0
    var lastError: String?
    var upAt: UInt64 = 0
    /// Links in a row that ended soon after the peer had said hello.
    var shortLinks = 0
  }

  private struct Errand {
    let address: String
    var dueAt: UInt64
    var failures = 0
  }

  private var place: Place
  private let first: UInt64
  private let most: UInt64
  private let entropy: Entropy
  private var targets: [Target] = []
  /// Those who are still to be called, one after the other.
  private var errands: [Errand] = []
  /// The link of the call that is under way.
  private(set) var errandLink: LinkID?
  /// Only looked up in.
  private var answers: [String: Topology.Answer] = [:]
  private var lastDial: UInt64 = 0
  /// Nothing has happened since the last plan.
  private var isPlanned = false

  init(_ place: Place, limits: EngineLimits, entropy: Entropy) {
    self.place = place
    self.entropy = entropy
    first = limits.redialMilliseconds
    most = limits.redialMillisecondsMax
  }

  // MARK: What to do

  /// Keeps the links of another place from now on.
  ///
  /// - Returns: links that are wanted in another way, and so are to be left and made anew; ``plan``
  ///   says which are not wanted at all.
  mutating func follow(_ next: Place) -> [LinkID] {
    place = next
    isPlanned = false
    errands = []
    let planned = plannedLinks()
    var changed: [LinkID] = []
    targets.removeAll { target in
      guard let wanted = planned.first(where: { $0.address == target.address }),
        wanted.flow != target.flow || target.isErrand
      else { return false }
      if case .linked(let link, _) = target.state { changed.append(link) }
      return true
    }
    if !targets.contains(where: \.isErrand) { errandLink = nil }
    return changed
  }

  /// Calls these once each, beside the links of the topology, to tell and to hear what is declared.
  mutating func visit(_ addresses: [String], now: UInt64) {
    isPlanned = false
    for address in addresses where !errands.contains(where: { $0.address == address }) {
      errands.append(Errand(address: address, dueAt: now))
    }
  }

  /// What was to be told and heard on the call that is under way is.
  mutating func finishErrand() {
    isPlanned = false
    guard let index = targets.firstIndex(where: \.isErrand) else { return }
    endErrand(at: index)
  }

  private mutating func endErrand(at index: Int) {
    let target = targets.remove(at: index)
    errands.removeAll { $0.address == target.address }
    errandLink = nil
  }

  /// Somebody could not be reached: another one is called meanwhile.
  private mutating func putOffErrand(at index: Int, now: UInt64) {
    let target = targets.remove(at: index)
    errandLink = nil
    guard let place = errands.firstIndex(where: { $0.address == target.address }) else { return }
    var errand = errands.remove(at: place)
    errand.dueAt = now + pause(failures: errand.failures)
    errand.failures += 1
    errands.append(errand)
  }

  private func plannedLinks() -> [PlannedLink] {
    place.topology.links(from: place.selfAddress) { answers[$0] ?? .unknown }
  }

  /// Brings the targets in line with the topology, and says what follows.
  mutating func plan(now: UInt64) -> [Order] {
    guard !isPlanned || nextDeadline <= now else { return [] }
    isPlanned = true
    var orders: [Order] = []
    let links = plannedLinks()
    let wanted = Set(links.map(\.address))
    errands.removeAll { wanted.contains($0.address) }
    if let index = targets.firstIndex(where: \.isErrand), wanted.contains(targets[index].address) {
      if let errandLink { orders.append(.leave(errandLink)) }
      endErrand(at: index)
    }
    for target in targets where !wanted.contains(target.address) && !target.isErrand {
      if Sabotage.keepBridge.isPlanted { continue }
      if case .linked(let link, _) = target.state { orders.append(.leave(link)) }
    }
    targets.removeAll { !wanted.contains($0.address) && !$0.isErrand }
    for link in links where !targets.contains(where: { $0.address == link.address }) {
      targets.append(
        Target(address: link.address, flow: link.flow, state: .resting(until: now)))
    }
    if !targets.contains(where: \.isErrand), let next = errands.first(where: { $0.dueAt <= now }) {
      targets.append(
        Target(address: next.address, flow: .both, state: .resting(until: now), isErrand: true))
    }
    for index in targets.indices {
      guard case .resting(let until) = targets[index].state, until <= now else { continue }
      lastDial += 1
      let dial = DialID(lastDial)
      targets[index].state = .dialling(dial)
      orders.append(.dial(dial, targets[index].address))
    }
    return orders
  }

  private var nextDeadline: UInt64 {
    if targets.contains(where: \.isErrand) { return ownDeadline }
    return min(ownDeadline, errands.lazy.map(\.dueAt).min() ?? .max)
  }

  private var ownDeadline: UInt64 {
    var deadline = UInt64.max
    for index in targets.indices {
      if case .resting(let until) = targets[index].state { deadline = min(deadline, until) }
    }
    return deadline
  }

  /// Lowers `deadline` to when `plan` has something to do at the latest. Changes nothing else: a
  /// function that could is called in place, where others copy the dialler.
  mutating func lower(_ deadline: inout UInt64) {
    deadline = min(deadline, nextDeadline)
  }

  // MARK: What happened

  /// Nil when the address is not wanted any more.
  mutating func dialled(_ dial: DialID, _ link: LinkID) -> (address: String, flow: Flow)? {
    guard let index = index(of: dial) else { return nil }
    targets[index].state = .linked(link, isUp: false)
    if targets[index].isErrand { errandLink = link }
    return (targets[index].address, targets[index].flow)
  }

  mutating func dialFailed(_ dial: DialID, _ reason: String, now: UInt64) {
    guard let index = index(of: dial) else { return }
    fail(index, reason, now: now)
  }

  /// The peer has proved itself and said hello.
  mutating func up(_ link: LinkID, now: UInt64) {
    isPlanned = false
    guard let index = index(of: link) else { return }
    targets[index].state = .linked(link, isUp: true)
    targets[index].upAt = now
    targets[index].failures = 0
    targets[index].lastError = nil
    answers[targets[index].address] = .answers
  }

  /// The link is left for another one to the same peer.
  mutating func cover(_ link: LinkID, by other: LinkID) {
    isPlanned = false
    guard let index = index(of: link) else { return }
    if targets[index].isErrand { return endErrand(at: index) }
    targets[index].state = .covered(by: other)
  }

  mutating func closed(_ link: LinkID, _ reason: String?, now: UInt64) {
    isPlanned = false
    guard let index = index(of: link) else { return }
    if targets[index].isErrand { return putOffErrand(at: index, now: now) }
    switch targets[index].state {
    case .linked(_, isUp: false): fail(index, reason ?? "the peer closed the link", now: now)
    case .linked, .covered:
      // It may be back at once; whether it is decides whether somebody stands in for it.
      answers[targets[index].address] = .unknown
      targets[index].lastError = reason
      let lasted = now - min(now, targets[index].upAt)
      if lasted >= longestPause(failures: targets[index].shortLinks) {
        targets[index].shortLinks = 0
      }
      let pause = pause(failures: targets[index].shortLinks)
      targets[index].state = .resting(until: now + pause)
      targets[index].shortLinks += 1
    case .resting, .dialling: break
    }
  }

  func statuses(now: UInt64) -> [AddressStatus] {
    targets.filter { !$0.isErrand }.map { target in
      var status = AddressStatus(address: target.address)
      status.failures = target.failures
      status.lastError = target.lastError
      switch target.state {
      case .resting(let until): status.nextDialMilliseconds = until > now ? until - now : 0
      case .linked(_, let isUp): status.isConnected = isUp
      case .covered: status.isConnected = true
      case .dialling: break
      }
      return status
    }
  }

  private mutating func fail(_ index: Int, _ reason: String, now: UInt64) {
    isPlanned = false
    if targets[index].isErrand { return putOffErrand(at: index, now: now) }
    answers[targets[index].address] = .silent
    targets[index].lastError = reason
    targets[index].state = .resting(until: now + pause(failures: targets[index].failures))
    if Sabotage.neverRedial.isPlanted { targets[index].state = .resting(until: .max) }
    targets[index].failures += 1
    if Sabotage.giveUpInSilence.isPlanted { forgetFailures(of: index) }
  }

  /// What a planted bug does: nobody is told, and nothing is tried again.
  private mutating func forgetFailures(of index: Int) {
    targets[index].state = .resting(until: .max)
    targets[index].failures = 0
    targets[index].lastError = nil
  }

  private func pause(failures: Int) -> UInt64 {
    let full = longestPause(failures: failures)
    return full / 2 + entropy.uint64() % (full / 2 + 1)
  }

  private func longestPause(failures: Int) -> UInt64 {
    failures < 20 ? min(most, first << UInt64(failures)) : most
  }

  private func index(of dial: DialID) -> Int? {
    targets.firstIndex { if case .dialling(dial) = $0.state { true } else { false } }
  }

  private func index(of link: LinkID) -> Int? {
    targets.firstIndex {
      switch $0.state {
      case .linked(link, _), .covered(by: link): true
      default: false
      }
    }
  }
}
