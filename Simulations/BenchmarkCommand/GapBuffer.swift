import EditingTraces

/// The floor: the least that an editor does. Bytes with a gap where the cursor is, for ASCII
/// traces.
struct GapBuffer: ~Copyable {
  private let bytes: UnsafeMutablePointer<UInt8>
  private let capacity: Int
  private var gapStart = 0
  private var gapEnd: Int

  init(capacity: Int) {
    self.capacity = capacity
    bytes = .allocate(capacity: capacity)
    gapEnd = capacity
  }

  deinit {
    bytes.deallocate()
  }

  mutating func replace(at position: Int, deleting count: Int, with text: ArraySlice<UInt8>) {
    if position < gapStart {
      let moved = gapStart - position
      bytes.advanced(by: gapEnd - moved).update(from: bytes + position, count: moved)
      gapStart -= moved
      gapEnd -= moved
    } else if position > gapStart {
      let moved = position - gapStart
      bytes.advanced(by: gapStart).update(from: bytes + gapEnd, count: moved)
      gapStart += moved
      gapEnd += moved
    }
    gapEnd += count
    text.withUnsafeBufferPointer {
      if let source = $0.baseAddress {
        bytes.advanced(by: gapStart).update(from: source, count: $0.count)
      }
    }
    gapStart += text.count
  }

  var content: [UInt8] {
    Array(UnsafeBufferPointer(start: bytes, count: gapStart))
      + Array(UnsafeBufferPointer(start: bytes + gapEnd, count: capacity - gapEnd))
  }
}
