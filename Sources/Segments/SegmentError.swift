package import ByteCoding
package import Causality

/// Why a segment was refused.
package enum SegmentError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The bytes are not a segment.
  case malformed(ByteDecodingError)
  /// Not signed by the device that owns the origin, or changed since.
  case badSignature(ChangeID)
  /// Not sealed with the workspace key of its epoch.
  case notAuthentic(ChangeID)
  /// Changes between the last one held and the first of this segment are missing.
  case gap(origin: Origin, expected: UInt64, found: UInt64)
  /// Changes that are held already, or in part.
  case overlap(origin: Origin, held: UInt64, found: UInt64)
  /// The origin continues another history than the one that is held: two writers under one origin.
  case forked(origin: Origin, after: UInt64)
  /// A body or a run of changes that does not fit into one segment.
  case tooLong(bytes: Int, changes: UInt64)

  package var description: String {
    switch self {
    case .malformed(let error): "not a segment: \(error)"
    case .badSignature(let change):
      "the segment at \(change) is not signed by the device that owns its origin"
    case .notAuthentic(let change):
      "the segment at \(change) cannot be opened with the workspace key"
    case .gap(let origin, let expected, let found):
      "a segment of \(origin) starts at \(found) where \(expected) comes next"
    case .overlap(let origin, let held, let found):
      "a segment of \(origin) starts at \(found); changes up to \(held) are here already"
    case .forked(let origin, let after):
      "\(origin) continues a different history after change \(after): it was copied or restored"
    case .tooLong(let bytes, let changes):
      "\(changes) changes in \(bytes) bytes do not fit into one segment"
    }
  }
}
