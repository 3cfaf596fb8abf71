/// What stands in a merged text where the two sides are in conflict.
public enum MergeChoice: String, Hashable, Sendable, CaseIterable {
  /// What our side has.
  case ours
  /// What their side has.
  case theirs
  /// Ours, then theirs, with a space between where there would be none.
  case both
  /// The lines of the conflict, three times, between markers as `git` writes them in its style
  /// `diff3`: `<<<<<<< ours`, `||||||| base`, `=======`, `>>>>>>> theirs`.
  case markers
}

/// One place of a text that both sides changed, differently.
public struct TextConflict: Hashable, Sendable {
  /// Where it is in the base, in Unicode scalars.
  public let baseRange: Range<Int>
  public let base: String
  public let ours: String
  public let theirs: String
}
