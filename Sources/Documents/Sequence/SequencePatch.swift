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

/// Collects patches, each as part of the one before it where it continues it.
struct PatchWriter {
  private var patches: [SequencePatch] = []
  private var last = SequencePatch(kind: .delete, position: -1, count: 0, version: 0, content: 0)

  /// Makes room for so many patches, if there are none yet: growing would copy them several times.
  mutating func reserve(_ count: Int) {
    if patches.isEmpty { patches.reserveCapacity(count) }
  }

  @inline(__always)
  mutating func insert(at position: Int, count: Int, version: Int, content: Int) {
    if last.kind == .insert, position == last.position + last.count,
      version == last.version + last.count, content == last.content + last.count
    {
      last.count += count
      return
    }
    if last.count > 0 { patches.append(last) }
    last = SequencePatch(
      kind: .insert, position: position, count: count, version: version, content: content)
  }

  @inline(__always)
  mutating func delete(at position: Int, count: Int, version: Int) {
    if last.kind == .delete {
      if position == last.position {
        last.count += count
        return
      }
      if position + count == last.position {
        last.position = position
        last.count += count
        return
      }
    }
    if last.count > 0 { patches.append(last) }
    last = SequencePatch(
      kind: .delete, position: position, count: count, version: version, content: 0)
  }

  /// All patches. Nothing is to be written after.
  mutating func finish() -> [SequencePatch] {
    if last.count > 0 { patches.append(last) }
    last.count = 0
    return patches
  }
}
