import Documents
import EditingTraces

/// The patches of a session in flat arrays, so that nothing but the editing is measured.
struct FlatPatches {
  private var positions: [Int32] = []
  private var deleteCounts: [Int32] = []
  /// The same in UTF-8 bytes.
  private var bytePositions: [Int32] = []
  private var deletedByteCounts: [Int32] = []
  /// How many of `inserted` each patch inserts.
  private var insertedByteCounts: [Int32] = []
  private var inserted: [UInt8] = []

  init(_ trace: SequentialTrace) throws {
    var text = TextRope()
    for patch in trace.patches {
      let end = patch.position + patch.deleteCount
      let byte = try text.utf8Offset(of: patch.position)
      positions.append(Int32(patch.position))
      deleteCounts.append(Int32(patch.deleteCount))
      bytePositions.append(Int32(byte))
      deletedByteCounts.append(Int32(try text.utf8Offset(of: end) - byte))
      insertedByteCounts.append(Int32(patch.insertion.utf8.count))
      inserted += Array(patch.insertion.utf8)
      try text.remove(patch.position..<end)
      try text.insert(patch.insertion, at: patch.position)
    }
  }

  /// The floor: the least that an editor does. Replays the patches, of which the byte positions are
  /// known, in bytes with a gap where the cursor is, and returns the text.
  func replayInGapBuffer() -> [UInt8] {
    let capacity = inserted.count + 1
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    defer { bytes.deallocate() }
    var gapStart = 0
    var gapEnd = capacity
    bytePositions.withUnsafeBufferPointer { positions in
      deletedByteCounts.withUnsafeBufferPointer { deletedCounts in
        insertedByteCounts.withUnsafeBufferPointer { insertedCounts in
          inserted.withUnsafeBufferPointer { inserted in
            guard var source = inserted.baseAddress else { return }
            for patch in positions.indices {
              let position = Int(positions[patch])
              let deleted = Int(deletedCounts[patch])
              let count = Int(insertedCounts[patch])
              if position &+ deleted != gapStart {
                if position < gapStart {
                  let moved = gapStart &- position
                  gapEnd &-= moved
                  (bytes + gapEnd).update(from: bytes + position, count: moved)
                } else if position > gapStart {
                  let moved = position &- gapStart
                  (bytes + gapStart).update(from: bytes + gapEnd, count: moved)
                  gapEnd &+= moved
                }
                gapEnd &+= deleted
              }
              // Deleting backward moves nothing.
              gapStart = position
              if count == 1 {
                bytes[gapStart] = source[0]
              } else {
                (bytes + gapStart).update(from: source, count: count)
              }
              gapStart &+= count
              source += count
            }
          }
        }
      }
    }
    return Array(UnsafeBufferPointer(start: bytes, count: gapStart))
      + Array(UnsafeBufferPointer(start: bytes + gapEnd, count: capacity - gapEnd))
  }

  /// Replays the patches in the text of a document, without the document.
  func replayInRope() throws -> TextRope {
    var text = TextRope()
    try eachPatch { position, deleted, inserted in
      if deleted > 0 { try text.remove(position..<position + deleted) }
      if !inserted.isEmpty { try text.insert(validUTF8: inserted, at: position) }
    }
    return text
  }

  /// The same by UTF-16 positions, which in the published traces are those of scalars.
  func replayInRopeByUTF16() throws -> TextRope {
    var text = TextRope()
    try eachPatch { unit, deleted, inserted in
      let position = try text.position(ofUTF16: unit)
      if deleted > 0 { try text.remove(position..<text.position(ofUTF16: unit + deleted)) }
      if !inserted.isEmpty { try text.insert(validUTF8: inserted, at: position) }
    }
    return text
  }

  /// Hands out the patches: position, how many scalars are removed, what is inserted there.
  @inline(__always)
  func eachPatch(
    _ body: (Int, Int, UnsafeBufferPointer<UInt8>) throws -> Void
  ) throws {
    try positions.withUnsafeBufferPointer { positions in
      try deleteCounts.withUnsafeBufferPointer { deleteCounts in
        try insertedByteCounts.withUnsafeBufferPointer { insertedCounts in
          try inserted.withUnsafeBufferPointer { inserted in
            guard var source = inserted.baseAddress else { return }
            for patch in positions.indices {
              let count = Int(insertedCounts[patch])
              try body(
                Int(positions[patch]), Int(deleteCounts[patch]),
                UnsafeBufferPointer(start: source, count: count))
              source += count
            }
          }
        }
      }
    }
  }
}
