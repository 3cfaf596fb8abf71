internal import Replication
private import SyncProtocol

/// How long an exchange waits for a link on which nothing moves.
struct ExchangeLimits: Sendable {
  /// Nothing is heard but pings.
  var idle = Duration.seconds(30)
  /// The other side has said what fails there, and nothing moves since.
  var complained = Duration.seconds(5)
  /// Bytes flow and nothing is taken in, here or there: the same segments come again and again.
  var fruitless = Duration.seconds(300)
  /// How often it is looked.
  var step = Duration.seconds(1)
  /// Fewer bytes than this are pings and what goes with them.
  var quietBytes: UInt64 = 65_536
}

/// Notices when a link makes no progress any more.
struct ExchangeStall {
  /// What changes only when something is taken in, here or there.
  private struct Stage: Equatable {
    let device: String?
    let lacking: UInt64
    let outstanding: UInt64?
    let isLevel: Bool
    let documents: UInt64

    init(_ figures: LinkFigures) {
      device = figures.device
      lacking = figures.lacking
      outstanding = figures.lag?.changes
      isLevel = figures.isLevel
      documents = figures.snapshotDocuments
    }
  }

  private struct Mark {
    var stage: Stage
    var stageAt: ContinuousClock.Instant
    var bytes: UInt64
    var bytesAt: ContinuousClock.Instant
  }

  let limits: ExchangeLimits
  private var marks: [LinkID: Mark] = [:]

  init(limits: ExchangeLimits) {
    self.limits = limits
  }

  /// True when nothing moved for so long that nothing will.
  mutating func observe(
    _ link: LinkID, _ figures: LinkFigures, hasComplained: Bool, at now: ContinuousClock.Instant
  ) -> Bool {
    let stage = Stage(figures)
    let bytes = figures.bytesSent &+ figures.bytesReceived
    guard var mark = marks[link], mark.stage == stage else {
      marks[link] = Mark(stage: stage, stageAt: now, bytes: bytes, bytesAt: now)
      return false
    }
    if bytes &- mark.bytes >= limits.quietBytes {
      mark.bytes = bytes
      mark.bytesAt = now
      marks[link] = mark
    }
    let patience = hasComplained ? limits.complained : limits.idle
    return mark.bytesAt.duration(to: now) >= patience
      || mark.stageAt.duration(to: now) >= limits.fruitless
  }
}

extension ReplicaCore {
  /// Gives up each of the links on which nothing moves any more, until it is cancelled.
  func giveUpStalled(_ links: Set<LinkID>, _ watched: ExchangeStall) async throws {
    var stall = watched
    while true {
      try await Task.sleep(for: stall.limits.step)
      guard let engine = state?.engine else { return }
      for link in links {
        guard let attached = self.links[link], !(attached.isLevel && isAdmitted),
          let outcome = outcomes[link], let figures = engine.link(link, at: .now)
        else { continue }
        // A request to join that waits is no complaint: it has a patience of its own.
        let hasComplained = isAdmitted && outcome.failure != nil
        guard stall.observe(link, figures, hasComplained: hasComplained, at: .now) else { continue }
        outcomes[link]?.giveUp(outcome.failure ?? .stalled(figures))
      }
      settleExchanges()
    }
  }
}

extension ReplicaError {
  fileprivate static func stalled(_ figures: LinkFigures) -> ReplicaError {
    let outstanding = figures.lag?.changes ?? 0
    return ReplicaError(
      .unreachable,
      "The link is up, but nothing moves on it; changes missing here: \(figures.lacking), there: "
        + "\(outstanding). Run `skerry doctor` on both sides, then sync again.")
  }
}
