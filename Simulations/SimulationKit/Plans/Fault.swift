/// Something that goes wrong at a time, and for how long.
///
/// One flat shape for all kinds: what a kind does not use is left at its default, see
/// ``Kind/uses``. That keeps plans easy to write by hand and to shrink.
package struct Fault: Equatable, Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    // The sea.
    /// Nodes that share none of the groups cannot reach each other; nodes that no group names reach
    /// everybody. Groups may overlap: a bridge, or a ring of majorities.
    case partition
    /// A partition that comes and goes: `amount` milliseconds each way.
    case flap
    /// What the first group sends does not arrive at the second; the other way it does.
    case oneWay
    /// All connections of the node end; it may dial again at once.
    case cut
    /// The connections that the node has are dead and nobody is told; new ones work.
    case halfOpen
    /// The node's links carry `amount` bytes a second.
    case slow
    /// Of a million pieces to or from the node so many (`amount`) are lost, or doubled, or overtake
    /// each other, or have a wrong bit, or lack their end.
    case lose, duplicate, reorder, corrupt, truncate
    /// Somebody on the wire sends bytes again that an earlier connection of the node carried.
    case replay
    /// Somebody on the wire puts bytes of another connection into one of the node's.
    case splice

    // Processes and machines.
    /// The process dies between two instructions; what it wrote stays.
    case crash
    /// The machine loses its power, now or within its `amount`th write or sync from now: what was
    /// not synced is kept, lost or torn.
    case powerLoss
    /// The process stands still and then goes on, as a laptop does that was closed.
    case pause
    /// The process ends and starts again as the newest release, where it was an earlier one.
    case upgrade
    /// The history that every member is known to have is folded.
    case compact
    /// The wall clock jumps by `amount` milliseconds.
    case clockJump
    /// The wall clock stands still.
    case clockStop

    // Disks.
    /// The `amount`th read, write or sync from now fails, and those after it while it lasts.
    case readError, writeError, syncError
    /// Nothing more fits on the disk.
    case diskFull
    /// `amount` bytes of the disk are others, found when the process starts again.
    case rot

    // Copies.
    /// A copy of the node's disk is laid aside, while it runs.
    case backup
    /// The node's machine is lost, and the last backup is put on another one in its place. With an
    /// `amount` of 1 the other machine passes for the same one.
    case restoreBackup
    /// The disk of the node is copied to the `other` one, a spare, which starts. With an `amount`
    /// of 1 the whole machine is cloned, so that nothing on it can tell.
    case copyStore

    // Relays.
    /// The relay has lost everything it stored.
    case relayWipe
    /// The relay is as it was at the last backup.
    case relayRollback

    // Relays that lie: a liar does, while it lasts.
    /// Of a million segments so many (`amount`) are counted as sent and not sent.
    case relayWithhold
    /// Of a million segments so many are sent behind the next one.
    case relayShuffle
    /// It says that it has half of what it has.
    case relayOldVector

    // Members who cheat: the `node`, an adversary, calls the `other` one and stays on the line.
    /// Tells it one thing and somebody else another under the same name; then `amount` more.
    case forgeFork
    /// A segment behind another than the one that it names, or with one left out.
    case forgeChain
    /// In the name of somebody else, or with a signature that is none.
    case forgeSignature
    /// Somebody else's sealed body behind a header of its own, or a header that was changed.
    case forgeSplice
    /// What others wrote, again, in another order, announced as something else.
    case forgeReplay
    /// A change whose Lamport time does not follow from what it builds on.
    case forgeLamport
    /// A change that builds on what nobody made, or on itself.
    case forgeDependency
    /// A sealed body that is no change block, or a damaged one.
    case forgeBody
    /// A change of operations that no editor makes.
    case forgeContent

    /// The world writes down a promise that nobody made. A simulator that does not cry out is
    /// broken.
    case canary

    // Last, as the chance of each kind goes by its number.
    /// All that is stored of one document, the `amount`th, is others, found when the process starts
    /// again: it must be whole again in the end.
    case mould
  }

  package var at: Int
  package var kind: Kind
  /// 0 for what takes no time. What lasts beyond the end of the work lasts until the core heals.
  package var forMilliseconds = 0
  package var node = 0
  package var other = 0
  package var groups: [[Int]] = []
  package var amount = 0

  package init(
    _ kind: Kind, at: Int, for duration: Int = 0, node: Int = 0, other: Int = 0,
    groups: [[Int]] = [], amount: Int = 0
  ) {
    self.kind = kind
    self.at = at
    forMilliseconds = duration
    self.node = node
    self.other = other
    self.groups = groups
    self.amount = amount
  }
}

extension Fault.Kind {
  /// What a kind of fault makes use of.
  struct Uses: OptionSet {
    let rawValue: Int

    static let duration = Uses(rawValue: 1)
    static let node = Uses(rawValue: 2)
    static let other = Uses(rawValue: 4)
    static let groups = Uses(rawValue: 8)
    static let amount = Uses(rawValue: 16)
  }

  var uses: Uses {
    switch self {
    case .partition, .oneWay: [.duration, .groups]
    case .flap: [.duration, .groups, .amount]
    case .cut, .halfOpen, .replay, .splice, .backup, .relayWipe, .relayRollback, .upgrade,
      .compact:
      [.node]
    case .slow, .lose, .duplicate, .reorder, .corrupt, .truncate: [.duration, .node, .amount]
    case .crash, .pause, .clockStop, .diskFull: [.duration, .node]
    case .powerLoss, .restoreBackup: [.duration, .node, .amount]
    case .clockJump, .rot, .mould: [.node, .amount]
    case .readError, .writeError, .syncError: [.duration, .node, .amount]
    case .copyStore: [.node, .other, .amount]
    case .relayWithhold, .relayShuffle: [.duration, .node, .amount]
    case .relayOldVector: [.duration, .node]
    case .forgeFork: [.duration, .node, .other, .amount]
    case .forgeChain, .forgeSignature, .forgeSplice, .forgeReplay, .forgeLamport,
      .forgeDependency, .forgeBody, .forgeContent:
      [.duration, .node, .other]
    case .canary: [.node]
    }
  }

  var isLie: Bool {
    switch self {
    case .relayWithhold, .relayShuffle, .relayOldVector: true
    default: false
    }
  }

  var isForgery: Bool {
    switch self {
    case .forgeFork, .forgeChain, .forgeSignature, .forgeSplice, .forgeReplay, .forgeLamport,
      .forgeDependency, .forgeBody, .forgeContent:
      true
    default: false
    }
  }

  /// What a run is about when this kind of fault is in it.
  var isOfDisk: Bool {
    switch self {
    case .readError, .writeError, .syncError, .diskFull, .rot, .mould: true
    default: false
    }
  }
}
