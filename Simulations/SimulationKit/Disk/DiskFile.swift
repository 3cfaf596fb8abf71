/// One file of a virtual disk: what processes see, what is on the platter, and what was written
/// since the last sync.
///
/// What processes see is the cache of the operating system; a process that dies takes nothing of
/// it along. Only a sync, or chance at a power loss, brings it to the platter.
struct DiskFile: Sendable {
  /// What a device writes whole or not at all.
  static let sectorBytes = 512
  /// An operating system with that much unsynced writes it out unasked, and so do we.
  static let unsyncedBytesMax = 8 << 20
  static let unsyncedChangesMax = 8_192

  /// A write, or a truncation, that no sync has followed.
  struct Change {
    enum Content: Equatable {
      case truncation
      /// The bytes that were written are in `payload` from here on.
      case saved(at: Int)
      /// They are still what processes see.
      case inCache
    }

    /// Where the write begins, or the size that the file was given.
    var offset: Int
    var count: Int
    var content: Content
  }

  var bytes: [UInt8] = []
  var platter: [UInt8] = []
  /// Oldest first.
  private(set) var changes: [Change] = []
  /// The bytes of changes whose place in the cache was written to again, one after the other.
  private(set) var payload: [UInt8] = []
  /// The changes from here on are writes in the cache, each behind the end of the one before.
  private var firstInCache = 0
  private var cacheEnd = 0
  private var unsyncedByteCount = 0
  /// Without a name, and gone with the process: nothing about it need reach the platter.
  let isTemporary: Bool

  init(isTemporary: Bool = false) {
    self.isTemporary = isTemporary
  }

  /// - Returns: how many bytes there were to read.
  func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
    guard offset >= 0, offset < bytes.count else { return 0 }
    let count = min(target.count, bytes.count - offset)
    bytes.withUnsafeBytes { source in
      target.copyMemory(from: .init(rebasing: source[offset..<(offset + count)]))
    }
    return count
  }

  /// Writes; the file grows as needed and a gap reads as zeros. `offset` is not negative, and the
  /// end was checked against the largest size of a file.
  mutating func write(_ source: UnsafeRawBufferPointer, at offset: Int) {
    if offset < cacheEnd { savePayload() }
    bytes.put(source, at: offset)
    guard !isTemporary else { return }
    changes.append(Change(offset: offset, count: source.count, content: .inCache))
    cacheEnd = offset + source.count
    unsyncedByteCount += source.count
    if unsyncedByteCount > Self.unsyncedBytesMax || changes.count > Self.unsyncedChangesMax {
      sync()
    }
  }

  mutating func truncate(to size: Int) {
    guard size != bytes.count else { return }
    savePayload()
    bytes.resize(to: size)
    guard !isTemporary else { return }
    changes.append(Change(offset: size, count: 0, content: .truncation))
    firstInCache = changes.count
  }

  /// Copies what changes wrote out of the cache, before that is written to in another way.
  mutating func savePayload() {
    for index in firstInCache..<changes.count {
      let change = changes[index]
      changes[index].content = .saved(at: payload.count)
      payload.append(contentsOf: bytes[change.offset..<(change.offset + change.count)])
    }
    firstInCache = changes.count
    cacheEnd = 0
  }

  /// Brings everything to the platter: whole sectors, as the cache has them now.
  ///
  /// Complexity: O(bytes written since the last sync).
  mutating func sync() {
    guard !changes.isEmpty else { return }
    var run = 0..<0
    for change in changes {
      guard change.content != .truncation else {
        copyToPlatter(run)
        run = 0..<0
        platter.resize(to: change.offset)
        continue
      }
      let sectors = Self.sectors(of: change)
      if sectors.lowerBound <= run.upperBound, sectors.lowerBound >= run.lowerBound {
        run = run.lowerBound..<max(run.upperBound, sectors.upperBound)
      } else {
        copyToPlatter(run)
        run = sectors
      }
    }
    copyToPlatter(run)
    platter.resize(to: bytes.count)
    forgetChanges()
  }

  mutating func forgetChanges() {
    changes.removeAll(keepingCapacity: true)
    payload.removeAll(keepingCapacity: true)
    firstInCache = 0
    cacheEnd = 0
    unsyncedByteCount = 0
  }

  private mutating func copyToPlatter(_ range: Range<Int>) {
    let end = min(range.upperBound, bytes.count)
    guard range.lowerBound < end else { return }
    bytes.withUnsafeBytes { source in
      platter.put(.init(rebasing: source[range.lowerBound..<end]), at: range.lowerBound)
    }
  }

  /// The bytes of the sectors that a write touches.
  static func sectors(of change: Change) -> Range<Int> {
    let first = change.offset / sectorBytes
    let end = (change.offset + change.count + sectorBytes - 1) / sectorBytes
    return (first * sectorBytes)..<(max(first, end) * sectorBytes)
  }
}

extension [UInt8] {
  /// Overwrites from `offset` on and grows as needed; a gap is filled with zeros.
  mutating func put(_ source: UnsafeRawBufferPointer, at offset: Int) {
    guard !source.isEmpty else { return }
    if offset > count { resize(to: offset) }
    let overlap = Swift.min(source.count, count - offset)
    if overlap > 0 {
      withUnsafeMutableBytes { target in
        UnsafeMutableRawBufferPointer(rebasing: target[offset..<(offset + overlap)])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<overlap]))
      }
    }
    if overlap < source.count {
      append(contentsOf: UnsafeRawBufferPointer(rebasing: source[overlap...]))
    }
  }

  mutating func resize(to size: Int) {
    if size < count {
      removeLast(count - size)
    } else if size > count {
      append(contentsOf: [UInt8](repeating: 0, count: size - count))
    }
  }
}
