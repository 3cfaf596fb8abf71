private import Documents
private import Merging

extension Transaction {
  /// Brings what somebody made of a text that they had read before into what the text is now: the
  /// differences from `base` to `theirs` become edits, as few and small as they can be. Ours, in
  /// the answer, is what is there now; nothing is edited when nothing comes in.
  ///
  /// - Throws: `refused` when there is no such document or no text at the path.
  @discardableResult
  public mutating func mergeText(
    _ theirs: String, base: String, at path: [PathStep], of document: DocumentID,
    choosing choice: MergeChoice = .both
  ) throws(ReplicaError) -> MergedText {
    let merged = ThreeWayMerge.texts(
      base: base, ours: try presentText(document, at: path), theirs: theirs)
    try replaceText(with: merged.text(choice), at: path, of: document)
    return merged
  }

  /// Brings what somebody made of a document that they had read before into what it is now, with
  /// the fewest operations. Strings that are texts in the document are merged as texts.
  ///
  /// - Throws: `refused` when there is no such document, or when something cannot be set, such as
  ///   the root to what is no object.
  @discardableResult
  public mutating func mergeValue(
    _ theirs: JSONValue, base: JSONValue, of document: DocumentID,
    options: ValueMergeOptions = ValueMergeOptions(mergesStrings: true)
  ) throws(ReplicaError) -> MergedValue {
    let editor = try editor(of: document)
    return try ReplicaError.translating {
      try editor.mergeValue(theirs, base: base, options: options)
    }
  }
}
