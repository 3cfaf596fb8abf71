/// Everything that happens in a run, as data: the same plan makes the same run in every process.
///
/// Times are virtual milliseconds since the start of the run. Everything that is left to chance
/// inside the run draws from streams named after the thing that draws, so that taking an item out
/// of a plan leaves the others as they were.
package struct Plan: Equatable, Sendable {
  package enum Shape: String, CaseIterable, Sendable {
    case mesh, ring, star
  }

  /// What lives on an island.
  package enum Resident: String, CaseIterable, Sendable {

    /// A replica that is a member of the workspace from the start.
    case replica
    /// A blind relay. In a star the relays are the hubs.
    case relay
    /// An empty machine, until a fault puts a copy of another one's store on it.
    case spare
    /// A relay that lies when the plan says so.
    case liar
    /// A member of the workspace who cheats, see the faults that forge.
    case adversary

    var isRelay: Bool { self == .relay || self == .liar }
  }

  /// Which primitives seal what the replicas send and store.
  package enum Cipher: String, CaseIterable, Sendable {
    /// A keyed hash: quick, and as strict about every altered byte.
    case standIn
    /// What ships.
    case libsodium
  }

  /// One act of a person at one replica.
  package struct Work: Equatable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
      /// Makes a document with a title, a body, a counter and a list.
      case create
      case setField, increment, insertText, deleteText, insertItem, removeItem, deleteDocument
      /// Types a run of letters, a transaction each, as people do.
      case type
      /// Writes an operation of a later release, which nobody here understands.
      case future
      /// Moves an amount between two documents' counters in one transaction.
      case transfer
      /// Moves an element of the list.
      case moveItem
      /// Decides a conflict, where the replica lists one.
      case resolve
      /// Puts a mark on a stretch of the text, or takes it away.
      case mark
      /// Makes, moves, removes or fills a node of the tree.
      case editTree
      /// Shows something of the moment, or takes it back. Nothing is written.
      case show
      /// Replaces a few words at the beginning of the text, where others do the same.
      case rewriteText
      /// Begins a draft of a document, goes on with one, merges or discards it.
      case draft
      /// Declares anew which links all replicas keep.
      case declare

      /// What plans were made of at first. Moves and decisions are mixed in by a stream of
      /// their own, so that the rest of a plan is as it was before there were any; marks, trees,
      /// drafts, rewriting, presence and topologies are in the scenarios that name them.
      static let original: [Kind] = allCases.filter {
        ![.moveItem, .show, .rewriteText, .declare].contains($0) && !$0.isLater
      }

      /// Whether its operations came after the first release.
      var isLater: Bool { [.resolve, .mark, .editTree, .draft].contains(self) }
    }

    package var at: Int
    package var node: Int
    package var kind: Kind
    /// Decides which document, which place and which letters; belongs to this item alone.
    package var salt: UInt64
  }

  package static let formatVersion = 2
  /// What ships.
  package static let windowBytesDefault = 4 << 20
  /// The most nodes, items and virtual time that a plan read from a file may ask for.
  package static let nodeCountMax = 64
  package static let itemCountMax = 100_000
  package static let durationMillisecondsMax = 30 * 24 * 60 * 60 * 1000

  package var scenario: String
  package var seed: UInt64
  package var residents: [Resident]
  package var shape: Shape
  /// When the work is over; the core of the world then heals and has to converge.
  package var durationMilliseconds: Int
  /// The nodes whose machines and links are mended first, while all else stays broken.
  package var core: [Int]
  package var cipher = Cipher.standIn
  /// The replicas that are of an earlier release, which knows none of the operations that came
  /// after the first one, until a fault upgrades them.
  package var elders: [Int] = []
  /// Segment bytes that may be under way to a replica on one link. Narrow ones show what flow
  /// control does with little data.
  package var windowBytes = Plan.windowBytesDefault
  /// The same world is run with steady clocks too, and must do the same.
  package var hasSteadyTwin = false
  package var weather = Weather()
  package var work: [Work] = []
  package var faults: [Fault] = []

  package var nodeCount: Int { residents.count }
  /// What a shrunk plan has few of.
  package var itemCount: Int { work.count + faults.count }

  /// Nothing is broken in this world, so that it can be held to what healthy replicas promise:
  /// each payload crosses each needed link once, and at rest there is silence.
  /// (Whoever is outside of the core is cut off until the core has converged.)
  package var isHealthy: Bool {
    faults.isEmpty && weather.isFair && core.count == residents.count
  }

  /// The same world, in which all wall clocks are right.
  var withSteadyClocks: Plan {
    var plan = self
    plan.faults.removeAll { [.clockJump, .clockStop].contains($0.kind) }
    plan.hasSteadyTwin = false
    return plan
  }

  /// History is folded in this world.
  package var hasCompactions: Bool { faults.contains { $0.kind == .compact } }

  /// The replicas keep the links that one of them has declared.
  package var declaresTopologies: Bool { work.contains { $0.kind == .declare } }

  /// A store is copied or put back in this world.
  package var hasTwins: Bool {
    faults.contains { [.copyStore, .restoreBackup].contains($0.kind) }
  }
}

/// What links do to the bytes they carry while nothing else is broken. Chances are per piece of
/// bytes, in millionths, since the interesting rates spread over orders of magnitude.
package struct Weather: Equatable, Sendable {
  /// One-way delay; each piece draws anew, and a stream stays in order.
  package var delayMillisecondsMin = 1
  package var delayMillisecondsMax = 30
  /// 0 for no limit.
  package var bytesPerSecond = 0
  /// A piece arrives as several.
  package var splitMillionths = 200_000
  /// A piece waits for the next one and arrives with it.
  package var joinMillionths = 0
  package var loseMillionths = 0
  package var duplicateMillionths = 0
  package var reorderMillionths = 0
  /// One bit of a piece is another.
  package var corruptMillionths = 0
  /// The end of a piece is missing.
  package var truncateMillionths = 0

  package init() {}

  /// Whether every byte arrives, once and in order.
  package var isFair: Bool {
    loseMillionths == 0 && duplicateMillionths == 0 && reorderMillionths == 0
      && corruptMillionths == 0 && truncateMillionths == 0
  }

  /// The rates by the names under which plans and scenarios write them.
  static let fields:
    [(name: String, path: any (WritableKeyPath<Weather, Int> & Sendable), max: Int)] = [
      ("delayMillisecondsMin", \.delayMillisecondsMin, 600_000),
      ("delayMillisecondsMax", \.delayMillisecondsMax, 600_000),
      ("bytesPerSecond", \.bytesPerSecond, 1 << 40),
      ("splitMillionths", \.splitMillionths, 1_000_000),
      ("joinMillionths", \.joinMillionths, 1_000_000),
      ("loseMillionths", \.loseMillionths, 1_000_000),
      ("duplicateMillionths", \.duplicateMillionths, 1_000_000),
      ("reorderMillionths", \.reorderMillionths, 1_000_000),
      ("corruptMillionths", \.corruptMillionths, 1_000_000),
      ("truncateMillionths", \.truncateMillionths, 1_000_000),
    ]
}
