package import Causality
package import SQLiteBridge

/// Why a segment store refused or failed.
package enum SegmentStoreError: SQLiteFailure, Equatable, CustomStringConvertible {
  case database(SQLiteError)
  /// The origin's segments between what is stored and this one are missing.
  case gap(origin: Origin, expected: UInt64, found: UInt64)
  /// The segment tells another history of its origin than what is stored: two writers used one
  /// origin, as after a restored backup. `sequence` is the first change that differs.
  case fork(origin: Origin, sequence: UInt64)
  /// The segment goes on from one that is not here: where it leaves what is stored of its origin
  /// lies further back.
  case detached(origin: Origin, sequence: UInt64)
  /// The stored bytes of this segment are not those that were stored. It can be fetched again.
  case damaged(origin: Origin, sequences: ClosedRange<UInt64>, position: Int64)
  /// What is stored about the segments contradicts itself.
  case inconsistent(origin: Origin?, message: String)

  package init(_ error: SQLiteError) { self = .database(error) }

  /// Whether the file is at fault, rather than the segment or the moment.
  package var isAboutTheFile: Bool {
    switch self {
    case .database(let error): error.isAboutTheFile
    case .gap, .fork, .detached: false
    case .damaged, .inconsistent: true
    }
  }

  package var description: String {
    switch self {
    case .database(let error): error.description
    case .gap(let origin, let expected, let found):
      "The segment of \(origin) starts at change \(found), but \(expected) comes next. "
        + "Fetch the segments in between first."
    case .fork(let origin, let sequence):
      "Two different histories exist of \(origin) from change \(sequence) on: its store was copied "
        + "or restored from a backup."
    case .detached(let origin, let sequence):
      "The segment of \(origin) at change \(sequence) goes on from one that is not here: its store "
        + "was copied or restored from a backup. Fetch what lies before it first."
    case .damaged(let origin, let sequences, let position):
      "The segment of \(origin) with changes \(sequences.lowerBound) to \(sequences.upperBound) "
        + "(number \(position)) is damaged. Fetch it again from another replica."
    case .inconsistent(let origin, let message):
      "The store contradicts itself\(origin.map { " about \($0)" } ?? ""): \(message). "
        + "Restore it from a backup or another replica."
    }
  }
}
