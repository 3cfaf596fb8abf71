/// Names one change: the origin that wrote it and its place, from 1 and without gaps, among that
/// origin's changes.
public struct ChangeID: Hashable, Comparable, Sendable {
  public var origin: Origin
  public var sequence: UInt64

  public init(origin: Origin, sequence: UInt64) {
    self.origin = origin
    self.sequence = sequence
  }

  /// By origin, then by sequence: an order for writing lists down, not one of time.
  public static func < (left: ChangeID, right: ChangeID) -> Bool {
    (left.origin, left.sequence) < (right.origin, right.sequence)
  }
}

extension ChangeID: CustomStringConvertible {
  /// `ORIGIN:SEQUENCE`.
  public var description: String { "\(origin):\(sequence)" }
}

/// A place in the total order in which registers choose their winner: Lamport time, then origin.
///
/// Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", 1978. The order
/// extends happened-before; it does not decide it.
public struct Stamp: Hashable, Comparable, Sendable {
  public var lamport: UInt64
  public var origin: Origin

  public init(lamport: UInt64, origin: Origin) {
    self.lamport = lamport
    self.origin = origin
  }

  public static func < (left: Stamp, right: Stamp) -> Bool {
    (left.lamport, left.origin) < (right.lamport, right.origin)
  }
}

/// Names one event inside one document: the change that made it and its place, from 0, among the
/// events of that change in that document.
public struct EventID: Hashable, Comparable, Sendable {
  public var change: ChangeID
  public var index: UInt32

  public init(change: ChangeID, index: UInt32) {
    self.change = change
    self.index = index
  }

  public static func < (left: EventID, right: EventID) -> Bool {
    (left.change, left.index) < (right.change, right.index)
  }
}

extension EventID: CustomStringConvertible {
  public var description: String { "\(change).\(index)" }
}
