public import Causality

/// A step from a text at one version to the text at another. Steps apply in order, each to what the
/// one before it has left.
public struct TextPatch: Hashable, Sendable {
  /// In scalars.
  public var position: Int
  /// How many scalars go from there on.
  public var removed: Int
  /// What is put there then.
  public var inserted: String
  /// Who put it there; nil when nothing is inserted.
  public var author: ChangeID?
}

/// A stretch of a text that one change has put there.
public struct TextAttribution: Hashable, Sendable {
  /// In scalars.
  public var count: Int
  public var author: ChangeID
}
