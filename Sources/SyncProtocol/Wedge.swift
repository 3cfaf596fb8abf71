package import Causality
import Sabotages

/// When a queue has moved last: at all, and that of it which has waited longest. What comes later
/// may overtake that; a queue in which it never gets its turn is stuck, however much else moves.
struct Movement: Sendable {
  var any: UInt64 = 0
  var ofLongestWaiting: UInt64 = 0

  init(at now: UInt64 = 0) {
    (any, ofLongestWaiting) = (now, now)
  }
}

/// What one of a link's two queues is judged by.
package struct QueueState: Equatable, Sendable {
  /// Changes that are to go, or went and are not acknowledged; or that are to come.
  package var changes: UInt64 = 0
  /// Since that which has waited longest has moved, or has begun to wait, whichever was later.
  package var stillMilliseconds: UInt64 = 0
  /// Of that which has waited longest, the first origin; nil when nothing waits.
  package var origin: Origin?
  /// How many changes of this origin wait.
  package var changesOfOrigin: UInt64 = 0
  /// Since anything has moved.
  package var allStillMilliseconds: UInt64 = 0

  package init() {}
}

/// What a link is judged by: what is to go, what is to come, and since when neither has moved.
package struct QueueStates: Equatable, Sendable {
  package var outgoing = QueueState()
  /// Segment bytes sent and not acknowledged.
  package var bytesInFlight = 0
  /// Segment bytes that the peer takes yet; a segment may begin while it is positive.
  package var credit: Int64 = 0
  /// Changes that the peer has, may send, and has not sent.
  package var incoming = QueueState()
  /// The peer has dropped what has waited longest to come.
  package var isIncomingDropped = false

  package init() {}
}

/// A queue that does not move, or an origin of which nothing moves, though its link is up and the
/// peer is heard.
package struct Wedge: Equatable, Sendable {
  package enum Kind: Equatable, Sendable {
    /// The peer takes nothing more: it does not store what it was sent, or does not say so.
    case noCredit
    /// What was sent is not acknowledged.
    case notAcknowledged(bytesInFlight: Int)
    /// There is credit, and nothing is under way: this side does not send.
    case notSent
    /// The peer has told that it has more, and it does not come.
    case notArriving
    /// What is missing here cannot come from this peer any more.
    case dropped
  }

  package let kind: Kind
  package let changes: UInt64
  package let milliseconds: UInt64
  /// The origin of which nothing moves beside others of which something does; nil when nothing at
  /// all moves.
  package let origin: Origin?

  package init(
    _ kind: Kind, changes: UInt64, milliseconds: UInt64, origin: Origin? = nil
  ) {
    self.kind = kind
    self.changes = changes
    self.milliseconds = milliseconds
    self.origin = origin
  }

  /// Judges the queues of a link whose session is running: something waits, the peer is heard (else
  /// its session would have ended), and what has waited longest has not moved for
  /// ``SessionLimits/wedgedHeartbeats``. Nil while all is well. What does not leave is told before
  /// what does not come.
  package init?(_ queues: QueueStates, _ limits: SessionLimits) {
    let patience = limits.heartbeatMilliseconds * limits.wedgedHeartbeats
    let (outgoing, incoming) = (queues.outgoing, queues.incoming)
    if outgoing.changes > 0, outgoing.stillMilliseconds >= patience {
      let kind: Kind =
        if queues.credit <= 0 {
          .noCredit
        } else if queues.bytesInFlight > 0 {
          .notAcknowledged(bytesInFlight: queues.bytesInFlight)
        } else {
          .notSent
        }
      self.init(kind, outgoing, patience)
    } else if incoming.changes > 0, incoming.stillMilliseconds >= patience {
      self.init(queues.isIncomingDropped ? .dropped : .notArriving, incoming, patience)
    } else {
      return nil
    }
  }

  private init(_ kind: Kind, _ queue: QueueState, _ patience: UInt64) {
    let isBesideOthers = queue.allStillMilliseconds < patience
    self.init(
      kind, changes: isBesideOthers ? queue.changesOfOrigin : queue.changes,
      milliseconds: queue.stillMilliseconds, origin: isBesideOthers ? queue.origin : nil)
  }

  /// What is wrong and what to do, without figures: the same as long as the wedge is.
  package var reason: String {
    let what =
      switch kind {
      case .noCredit: "the peer takes nothing more; look whether its disk is full or failing"
      case .notAcknowledged: "the peer acknowledges nothing of what it is sent; look at its log"
      case .notSent:
        "nothing is sent though the peer would take it; run 'skerry doctor' on this store"
      case .notArriving: "the peer has more and sends nothing of it; look at its log"
      case .dropped:
        "the peer has dropped what is missing here, as every member had it; sync once with a "
          + "replica, which gives a snapshot"
      }
    return origin.map { "of origin \($0), while others move, \(what)" } ?? what
  }
}

extension Wedge: CustomStringConvertible {
  /// The figures and the reason, as the part of a sentence.
  package var description: String {
    let seconds = milliseconds / 1_000
    let what =
      switch kind {
      case .noCredit, .notSent: "\(changes) changes wait"
      case .notAcknowledged(let bytes): "\(changes) changes wait, \(bytes) bytes are under way"
      case .notArriving, .dropped: "\(changes) changes are to come"
      }
    return "\(what), and for \(seconds) s nothing moved: \(reason)"
  }
}

extension SyncSession {
  /// What both queues of the link stand at; nothing while the session does not run.
  ///
  /// Complexity: O(n) in the number of origins.
  package func queues(now: UInt64) -> QueueStates {
    var states = QueueStates()
    guard isRunning else { return states }
    states.outgoing = queue(of: unacknowledged, beyond: durableThere, waiting, lastGain, now)
    states.bytesInFlight = inFlight.byteCount
    states.credit = credit
    if peerPushes {
      states.incoming = queue(of: lacking, beyond: local, lackingMarks, lastArrival, now)
      if let origin = states.incoming.origin, let floor = theirHello?.floor[origin] {
        states.isIncomingDropped = floor > local[origin]
      }
    }
    return states
  }

  private func queue(
    of goal: VersionVector, beyond reached: VersionVector, _ marks: WaitingMarks,
    _ moved: Movement, _ now: UInt64
  ) -> QueueState {
    var state = QueueState()
    state.changes = goal.changeCount(beyond: reached)
    guard let oldest = marks.oldest else { return state }
    state.stillMilliseconds = elapsed(since: max(oldest, moved.ofLongestWaiting), at: now)
    state.allStillMilliseconds = elapsed(since: max(oldest, moved.any), at: now)
    state.origin = marks.longestWaiting(beyond: reached)
    if let origin = state.origin, goal[origin] > reached[origin] {
      state.changesOfOrigin = goal[origin] - reached[origin]
    }
    return state
  }

  /// The queue that does not move; nil while both do, or have nothing to do.
  package func wedge(now: UInt64) -> Wedge? { Wedge(queues(now: now), limits) }

  /// Whether the peer is known to have a change of an origin that flows on this link.
  package func holdsDurably(_ origin: Origin, _ sequence: UInt64) -> Bool {
    let there = Sabotage.countTheSent.isPlanted ? known : durableThere
    return there[origin] >= sequence && !excluded.contains(origin)
  }
}
