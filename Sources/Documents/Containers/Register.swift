import Causality
import Sabotages

/// A multi-value register: it keeps every value that no later one replaced.
///
/// Shapiro et al., "A comprehensive study of Convergent and Commutative Replicated Data Types",
/// 2011, section 3.2.2. Which entries a write replaces is written into the operation, so that it is
/// the same whenever and wherever it is applied.
struct Register: Sendable {
  /// What an entry holds. Containers are named by their handle in the document at hand.
  enum Content: Hashable, Sendable {
    case value(Value)
    case container(ContainerHandle)
  }

  struct Entry: Sendable {
    /// The operation that wrote it.
    var event: EventID
    var lamport: UInt64
    var content: Content

    var stamp: Stamp { Stamp(lamport: lamport, origin: event.change.origin) }

    /// By stamp; within one change by the order of its events.
    static func precedes(_ left: Entry, _ right: Entry) -> Bool {
      left.lamport != right.lamport
        ? left.lamport < right.lamport
        : (left.event.change.origin, left.event.change.sequence, left.event.index)
          < (right.event.change.origin, right.event.change.sequence, right.event.index)
    }
  }

  /// In ascending order, the winner last. Never empty where the register can be read.
  private(set) var entries: [Entry] = []

  init() {}

  init(_ entry: Entry) {
    entries = [entry]
  }

  /// Takes entries in ascending order; the caller has checked that they are.
  init(ascending entries: [Entry]) {
    self.entries = entries
  }

  var winner: Entry? { entries.last }
  var isEmpty: Bool { entries.isEmpty }
  var events: [EventID] { entries.map(\.event) }

  /// Adds an entry at its place in the order.
  mutating func insert(_ entry: Entry) {
    var index = entries.firstIndex { Entry.precedes(entry, $0) } ?? entries.count
    if Sabotage.orderRegistersByArrival.isPlanted { index = entries.count }
    entries.insert(entry, at: index)
    if Sabotage.dropLosers.isPlanted { entries = entries.suffix(1) }
  }

  mutating func remove(_ events: [EventID], where isSeen: (EventID) -> Bool) {
    guard !events.isEmpty else { return }
    entries.removeAll { events.contains($0.event) && isSeen($0.event) }
  }

  /// Puts an entry in the place of those of the events named that its author had seen.
  mutating func replace(
    _ events: [EventID], by entry: Entry, where isSeen: (EventID) -> Bool
  ) {
    remove(events, where: isSeen)
    insert(entry)
  }

  func holds(_ handle: ContainerHandle) -> Bool {
    entries.contains { $0.content == .container(handle) }
  }

  /// Whether two entries hold different things. Two that hold the same are no conflict: two people
  /// who decide alike have decided once.
  var isConflict: Bool {
    guard let first = entries.first else { return false }
    return entries.contains { $0.content != first.content }
  }
}
