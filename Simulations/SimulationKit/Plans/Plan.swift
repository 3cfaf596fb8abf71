/// Everything that happens in a run, as data: the same plan makes the same run in every process.
///
/// Times are virtual milliseconds since the start of the run.
package struct Plan: Equatable, Sendable {
  package enum Shape: String, CaseIterable, Sendable {
    case mesh, ring, star
  }

  /// What the links do to the bytes they carry while nothing is broken.
  package struct Network: Equatable, Sendable {
    /// One-way delay; each delivery draws anew, and a stream stays in order.
    package var delayMillisecondsMin = 1
    package var delayMillisecondsMax = 30
    /// How often of a thousand sends the bytes arrive in several pieces.
    package var splitPermille = 200
  }

  /// One act of a person at one replica.
  package struct Work: Equatable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
      /// Makes a document with a title, a body, a counter and a list.
      case create
      case setField, increment, insertText, deleteText, insertItem, removeItem, deleteDocument
      /// Moves an amount between two documents' counters in one transaction.
      case transfer
    }

    package var at: Int
    package var node: Int
    package var kind: Kind
    /// Decides which document, which place and which letters; belongs to this item alone.
    package var salt: UInt64
  }

  package struct Fault: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
      /// Splits the nodes into groups that cannot reach each other.
      case partition(groups: [[Int]])
      /// Ends every partition.
      case heal
      /// The process dies between two instructions; what SQLite committed stays.
      case crash(node: Int, downMilliseconds: Int)
      /// Cuts every connection of the node; it may dial again at once.
      case cut(node: Int)
      /// The wall clock jumps.
      case clockJump(node: Int, byMilliseconds: Int)
    }

    package var at: Int
    package var kind: Kind
  }

  package static let formatVersion = 1
  /// The most nodes, items and virtual time that a plan read from a file may ask for.
  package static let nodeCountMax = 64
  package static let itemCountMax = 100_000
  package static let durationMillisecondsMax = 24 * 60 * 60 * 1000

  package var scenario: String
  package var seed: UInt64
  package var nodeCount: Int
  package var shape: Shape
  /// When the work and the faults are over; the world then heals and has to converge.
  package var durationMilliseconds: Int
  package var network = Network()
  package var work: [Work] = []
  package var faults: [Fault] = []
}

extension Plan.Fault.Kind {
  /// The name under which a report counts it.
  package var name: String {
    switch self {
    case .partition: "partition"
    case .heal: "heal"
    case .crash: "crash"
    case .cut: "cut"
    case .clockJump: "clockJump"
    }
  }
}
