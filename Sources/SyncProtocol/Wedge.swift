package import Causality
import Sabotages

/// What a link's two queues are judged by: what is to go, what is to come, and since when neither
/// has moved.
package struct QueueState: Equatable, Sendable {
  /// Changes that are to be pushed, or were, and are not acknowledged.
  package var outgoing: UInt64 = 0
  /// Segment bytes sent and not acknowledged.
  package var bytesInFlight = 0
  /// Segment bytes that the peer takes yet; a segment may begin while it is positive.
  package var credit: Int64 = 0
  /// Since the peer last acknowledged something or gave credit, or since something waits for it,
  /// whichever was later.
  package var outgoingStillMilliseconds: UInt64 = 0
  /// Changes that the peer has, may send, and has not sent.
  package var incoming: UInt64 = 0
  /// Since a part of a segment came last, or since the peer has something for us, whichever was
  /// later.
  package var incomingStillMilliseconds: UInt64 = 0

  package init() {}
}

/// A queue that does not move though its link is up and the peer is heard.
package enum Wedge: Equatable, Sendable {
  /// The peer takes nothing more: it does not store what it was sent, or does not say so.
  case noCredit(changes: UInt64, milliseconds: UInt64)
  /// What was sent is not acknowledged.
  case notAcknowledged(changes: UInt64, bytesInFlight: Int, milliseconds: UInt64)
  /// There is credit, and nothing is under way: this side does not send.
  case notSent(changes: UInt64, milliseconds: UInt64)
  /// The peer has told that it has more, and it does not come.
  case notArriving(changes: UInt64, milliseconds: UInt64)

  /// Judges a queue of a link whose session is running: something waits, the peer is heard (else
  /// its session would have ended), and nothing has moved for
  /// ``SessionLimits/wedgedHeartbeats``. Nil while all is well. What does not leave is told before
  /// what does not come.
  package init?(_ queue: QueueState, _ limits: SessionLimits) {
    let patience = limits.heartbeatMilliseconds * limits.wedgedHeartbeats
    let still = queue.outgoingStillMilliseconds
    if queue.outgoing > 0, still >= patience {
      if queue.credit <= 0 {
        self = .noCredit(changes: queue.outgoing, milliseconds: still)
      } else if queue.bytesInFlight > 0 {
        self = .notAcknowledged(
          changes: queue.outgoing, bytesInFlight: queue.bytesInFlight, milliseconds: still)
      } else {
        self = .notSent(changes: queue.outgoing, milliseconds: still)
      }
    } else if queue.incoming > 0, queue.incomingStillMilliseconds >= patience {
      self = .notArriving(
        changes: queue.incoming, milliseconds: queue.incomingStillMilliseconds)
    } else {
      return nil
    }
  }

  /// What is wrong and what to do, without figures: the same as long as the wedge is.
  package var reason: String {
    switch self {
    case .noCredit: "the peer takes nothing more; look whether its disk is full or failing"
    case .notAcknowledged: "the peer acknowledges nothing of what it is sent; look at its log"
    case .notSent:
      "nothing is sent though the peer would take it; run 'skerry doctor' on this store"
    case .notArriving: "the peer has more and sends nothing of it; look at its log"
    }
  }
}

extension Wedge: CustomStringConvertible {
  /// The figures and the reason, as the part of a sentence.
  package var description: String {
    switch self {
    case .noCredit(let changes, let milliseconds), .notSent(let changes, let milliseconds):
      "\(changes) changes wait, and for \(milliseconds / 1_000) s nothing moved: \(reason)"
    case .notAcknowledged(let changes, let bytes, let milliseconds):
      "\(changes) changes wait, \(bytes) bytes are under way, and for \(milliseconds / 1_000) s "
        + "nothing moved: \(reason)"
    case .notArriving(let changes, let milliseconds):
      "\(changes) changes are to come, and for \(milliseconds / 1_000) s nothing moved: "
        + reason
    }
  }
}

extension SyncSession {
  /// What both queues of the link stand at; nothing while the session does not run.
  ///
  /// Complexity: O(n) in the number of origins.
  package func queue(now: UInt64) -> QueueState {
    var state = QueueState()
    guard isRunning else { return state }
    state.outgoing = unacknowledged.changeCount(beyond: durableThere)
    state.bytesInFlight = inFlight.byteCount
    state.credit = credit
    if let oldest = waiting.oldest {
      state.outgoingStillMilliseconds = elapsed(since: max(oldest, lastGain), at: now)
    }
    if peerPushes {
      state.incoming = lacking.changeCount(beyond: local)
      if let since = lackingSince {
        state.incomingStillMilliseconds = elapsed(since: max(since, lastArrival), at: now)
      }
    }
    return state
  }

  /// The queue that does not move; nil while both do, or have nothing to do.
  package func wedge(now: UInt64) -> Wedge? { Wedge(queue(now: now), limits) }

  /// Whether the peer is known to have a change of an origin that flows on this link.
  package func holdsDurably(_ origin: Origin, _ sequence: UInt64) -> Bool {
    let there = Sabotage.countTheSent.isPlanted ? known : durableThere
    return there[origin] >= sequence && !excluded.contains(origin)
  }
}
