/// A step that changes the current state of a sequence. Patches apply in order, each to the state
/// that the one before it has left.
package struct SequencePatch: Hashable, Sendable {
  package enum Kind: Sendable { case insert, delete }

  package var kind: Kind
  package var position: Int
  package var count: Int
  /// The local version of the first event; those of an insertion are consecutive.
  package var version: Int
  /// Insertions: the ordinal of the first unit in the log; the others follow.
  package var content: Int

  package init(kind: Kind, position: Int, count: Int, version: Int, content: Int) {
    self.kind = kind
    self.position = position
    self.count = count
    self.version = version
    self.content = content
  }
}

extension [SequencePatch] {
  /// Adds a patch, as part of the last one where it continues it.
  mutating func appendMerging(_ patch: SequencePatch) {
    if let last = indices.last, self[last].kind == patch.kind {
      let previous = self[last]
      switch patch.kind {
      case .insert:
        if patch.position == previous.position + previous.count,
          patch.version == previous.version + previous.count,
          patch.content == previous.content + previous.count
        {
          self[last].count += patch.count
          return
        }
      case .delete:
        if patch.position == previous.position {
          self[last].count += patch.count
          return
        }
        if patch.position + patch.count == previous.position {
          self[last].position = patch.position
          self[last].count += patch.count
          return
        }
      }
    }
    append(patch)
  }
}
