/// What a passage of a text is by the will of one side.
package struct TextVersion: Hashable, Sendable {
  package var text = ""
  /// What leads there from the text as it is.
  package var patches: [TextPatch] = []

  mutating func replace(at position: Int, removed: Int, inserted: String) {
    if let last = patches.last,
      position == last.position + last.inserted.unicodeScalars.count,
      removed == 0 || last.inserted.isEmpty || inserted.isEmpty
    {
      patches[patches.count - 1].removed += removed
      patches[patches.count - 1].inserted += inserted
      return
    }
    patches.append(TextPatch(position: position, removed: removed, inserted: inserted))
  }
}
