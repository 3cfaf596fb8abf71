public import JSONCoding

/// Merges what two sides made of one base: `ours` and `theirs`.
///
/// What only one side changed is as that side has it, and what both changed alike is changed once.
/// Where they changed the same place differently there is a conflict: it is listed with the base
/// and both sides, and the caller chooses what stands in the result there.
///
/// ## Texts
///
/// Texts are compared by lines first; where both sides changed the same lines, by words. A merge is
/// without a conflict wherever `git merge-file` and `diff3` merge without one, and beyond that when
/// - the two sides changed neighbouring lines, or different words of one line;
/// - both put something in at the same place: ours stands before theirs;
/// - both put something in, at the same place or for the same, and one begins or ends with the
///   other: the longer one stands;
/// - both deleted, and what they deleted overlaps: all of it is gone;
/// - one side changed the white space or the line ends, and the other the words between.
///
/// (With lines that repeat all the time the three sometimes tell differently which of them are the
/// old ones, and merge them to different texts without a conflict.)
///
/// A word is not merged any further, nor is a grapheme cluster: two corrections of one word are a
/// conflict. So is deleting what the other side edited. When a side has little left of the lines
/// that both changed, these are a conflict as a whole, because words of two different sentences do
/// not make a third.
///
/// ## Values
///
/// JSON objects are merged by key, arrays by element: an element that one side moved and the other
/// edited is moved and edited, and what both inserted at one place is kept, ours first. Trees, as
/// documents read, are merged by node, each known by its `id`: one that one side has put elsewhere
/// and the other has edited is there once, edited; where both have put it, it stands where we did.
public enum ThreeWayMerge {
  /// Merges two texts. Both sides being alike, or one being like the base, is never a conflict.
  ///
  /// Complexity: O(n d) for n bytes and d differences, and O(n) where the texts have little in
  /// common; at most some 20 bytes of memory for each byte of the three.
  public static func texts(base: String, ours: String, theirs: String) -> MergedText {
    MergedText(base: base, ours: ours, theirs: theirs)
  }

  /// Merges two JSON values. Both sides being alike, or one being like the base, is never a
  /// conflict.
  ///
  /// Complexity: O(n d) for n values and d differences.
  public static func values(
    base: JSONValue, ours: JSONValue, theirs: JSONValue, options: ValueMergeOptions = .init()
  ) -> MergedValue {
    MergedValue(base: base, ours: ours, theirs: theirs, options: options)
  }
}
