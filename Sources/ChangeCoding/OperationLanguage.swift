import Documents

/// Which operations a release understands. Those of a later one it keeps, forwards and counts, and
/// they have no effect until it learns them.
///
/// What a document is depends on it: whoever learns new operations must derive a state anew that
/// was made without them.
package struct OperationLanguage: Hashable, Comparable, Sendable {
  /// The highest number of an operation that is understood; at least ``first``'s.
  package let highestCode: UInt64

  /// - Parameter highestCode: what is below the first number that was ever given counts as that.
  package init(highestCode: UInt64) {
    self.highestCode = max(highestCode, BlockLayout.otherCodeMin - 1)
  }

  /// That of the first release, whose operations have no numbers.
  package static let first = OperationLanguage(highestCode: BlockLayout.otherCodeMin - 1)
  /// That of this release, which takes versions' names and what was taken back for unknown
  /// operations that it can read: they have no effect on what a document shows.
  package static let current = OperationLanguage(highestCode: UndoMark.code)

  package static func < (left: OperationLanguage, right: OperationLanguage) -> Bool {
    left.highestCode < right.highestCode
  }
}
