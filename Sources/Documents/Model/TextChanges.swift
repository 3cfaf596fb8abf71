public import Causality

/// A step from a text at one version to the text at another. Steps apply in order, each to what the
/// one before it has left: first something is removed, then something put in its place.
public struct TextPatch: Hashable, Sendable {
  /// In Unicode scalars.
  public var position: Int
  /// How many scalars go from there on.
  public var removed: Int
  /// What is put there then.
  public var inserted: String
  /// The change that wrote what is inserted; nil when nothing is, or nobody knows as the history is
  /// folded.
  public var author: ChangeID?

  public init(position: Int, removed: Int, inserted: String, author: ChangeID? = nil) {
    self.position = position
    self.removed = removed
    self.inserted = inserted
    self.author = author
  }
}

/// A stretch of a text that one change has put there.
public struct TextAttribution: Hashable, Sendable {
  /// In Unicode scalars.
  public var count: Int
  /// Number 0, which no change has, stands for all whose history is folded.
  public var author: ChangeID

  public init(count: Int, author: ChangeID) {
    self.count = count
    self.author = author
  }
}
