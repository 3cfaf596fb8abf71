/// Why an operation on a sequence was refused. Nothing was changed.
package enum SequenceError: Error, Equatable, Sendable {
  /// A position that no sequence can have: negative, also for the last event of a backward
  /// deletion, or beyond `SequenceLog.positionMax`.
  case positionOutOfRange(version: Int, position: Int, count: Int)
  case invalidUTF8(version: Int)
  case emptyOperation(version: Int)
  case versionNotAscending(version: Int, last: Int)
  /// A sequence holds, and has ever held, at most `limit` units.
  case tooLong(version: Int, limit: Int)
  /// Text for a list, or items for a text.
  case wrongContent(version: Int)
  /// Operations that were accepted before do not fit together now: the stored history is damaged.
  case damagedHistory(version: Int)
}
