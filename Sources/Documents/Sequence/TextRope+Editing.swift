internal import RunStructures

extension TextRope {
  // MARK: Inserting

  /// Inserts `string` before the scalar number `position`. Complexity: O(log n + bytes).
  package mutating func insert(_ string: String, at position: Int) throws(TextRopeError) {
    // Checked before the bytes are asked for, in whose closure nothing typed can be thrown.
    try read { (tree) throws(TextRopeError) in
      try tree.checkInsert(utf8Count: string.utf8.count, at: position)
    }
    var string = string
    string.withUTF8 { utf8 in
      if utf8.count == 1, insertAtGap(utf8[0], at: position) { return }
      insertElsewhere(checked: utf8, at: position)
    }
  }

  /// Inserts one scalar before the scalar number `position`: what a person types.
  package mutating func insert(
    _ scalar: Unicode.Scalar, at position: Int
  ) throws(TextRopeError) {
    if scalar.isASCII, insertAtGap(UInt8(truncatingIfNeeded: scalar.value), at: position) { return }
    try insert(String(scalar), at: position)
  }

  /// Inserts UTF-8, which is checked, before the scalar number `position`. Complexity: O(log n +
  /// bytes).
  package mutating func insert(
    utf8: UnsafeBufferPointer<UInt8>, at position: Int
  ) throws(TextRopeError) {
    guard UTF8Scalars.validatedCount(utf8) != nil else { throw .invalidUTF8 }
    try insert(validUTF8: utf8, at: position)
  }

  /// Inserts UTF-8 that is known to be valid before the scalar number `position`. Complexity:
  /// O(log n + bytes).
  package mutating func insert(
    validUTF8 utf8: UnsafeBufferPointer<UInt8>, at position: Int
  ) throws(TextRopeError) {
    // One byte is ASCII.
    if utf8.count == 1, insertAtGap(utf8[0], at: position) { return }
    try insertElsewhere(utf8, at: position)
  }

  /// Inserts an ASCII byte if `position` is at the gap where the last edit was. Any position is
  /// allowed. This is what typing costs, so only the byte has to survive the question whether the
  /// text is shared.
  @inline(__always)
  private mutating func insertAtGap(_ byte: UInt8, at position: Int) -> Bool {
    guard read({ $0.hasRoomAtGap(position) }) else { return false }
    if !isKnownUniquelyReferenced(&storage) { copyStorage(addingCapacity: 1) }
    storage.withTree { $0.block.put(byte) }
    return true
  }

  /// The block whose gap is before scalar `position`, when this value alone has it. ASCII may be
  /// put into the gap and taken from beside it while nobody edits this value or copies it, as far
  /// as the block's room and content allow.
  mutating func gap(at position: Int) -> TextRopeBlock? {
    guard isKnownUniquelyReferenced(&storage) else { return nil }
    return read { $0.hasGap(at: position) ? $0.block : nil }
  }

  @inline(never)
  private mutating func insertElsewhere(
    _ utf8: UnsafeBufferPointer<UInt8>, at position: Int
  ) throws(TextRopeError) {
    try read { (tree) throws(TextRopeError) in
      try tree.checkInsert(utf8Count: utf8.count, at: position)
    }
    insertElsewhere(checked: utf8, at: position)
  }

  private mutating func insertElsewhere(
    checked utf8: UnsafeBufferPointer<UInt8>, at position: Int
  ) {
    guard !utf8.isEmpty else { return }
    if !isKnownUniquelyReferenced(&storage) { copyStorage(addingCapacity: utf8.count) }
    storage.withTree { $0.insert(utf8, at: position) }
  }

  // MARK: Removing

  /// Removes a range of scalars. Complexity: O(log n + blocks that the range meets).
  package mutating func remove(_ range: Range<Int>) throws(TextRopeError) {
    // The bounds are ordered; where they are too far apart for an integer, this wraps below zero.
    if range.upperBound &- range.lowerBound == 1 {
      let position = range.lowerBound
      if read({ $0.isASCIIBeforeGap(position) }) {
        if !isKnownUniquelyReferenced(&storage) { copyStorage(addingCapacity: 0) }
        return storage.withTree { $0.block.takeASCIIBeforeGap() }
      }
      if read({ $0.isASCIIAfterGap(position) }) {
        if !isKnownUniquelyReferenced(&storage) { copyStorage(addingCapacity: 0) }
        return storage.withTree { $0.block.takeASCIIAfterGap() }
      }
    }
    try removeElsewhere(range)
  }

  @inline(never)
  private mutating func removeElsewhere(_ range: Range<Int>) throws(TextRopeError) {
    try read { (tree) throws(TextRopeError) in try tree.check(range) }
    guard !range.isEmpty else { return }
    if !isKnownUniquelyReferenced(&storage) { copyStorage(addingCapacity: 0) }
    storage.withTree { $0.remove(range.count, at: range.lowerBound) }
  }

  /// Lets this value have a copy of its own, with room for `added` bytes if it is one block.
  @inline(never)
  private mutating func copyStorage(addingCapacity added: Int) {
    storage = storage.readTree { .make($0.copy(addingCapacity: added)) }
  }

  // MARK: Patches

  /// Applies the patches of a merge, whose insertions take their text from `log`. The patches up to
  /// the one that does not fit stay applied, so take patches of this very state.
  package mutating func apply(
    _ patches: [SequencePatch], from log: SequenceLog
  ) throws(TextRopeError) {
    guard !patches.isEmpty else { return }
    if !isKnownUniquelyReferenced(&storage) { copyStorage(addingCapacity: 0) }
    try log.withContent { (content) throws(TextRopeError) in
      try storage.withTree { (tree) throws(TextRopeError) in
        for patch in patches {
          switch patch.kind {
          case .insert:
            let utf8 = content.utf8(
              ofContent: patch.content..<patch.content + patch.count)
            try tree.checkInsert(utf8Count: utf8.count, at: patch.position)
            tree.insert(utf8, at: patch.position, isASCII: content.isASCII)
          case .delete:
            try tree.check(patch.position..<patch.position + patch.count)
            tree.remove(patch.count, at: patch.position)
          }
        }
      }
    }
  }
}

extension TextRopeTree {
  func checkInsert(utf8Count added: Int, at position: Int) throws(TextRopeError) {
    let total = total
    guard position >= 0, position <= total.scalars else {
      throw .outOfRange(position..<position, length: total.scalars)
    }
    guard added <= TextRope.utf8CountMax - total.utf8 else {
      throw .tooLong(utf8CountMax: TextRope.utf8CountMax)
    }
  }

  func check(_ range: Range<Int>) throws(TextRopeError) {
    guard range.lowerBound >= 0, range.upperBound <= total.scalars else {
      throw .outOfRange(range, length: total.scalars)
    }
  }
}
