/// What the disk answers; SQLite's result codes, whose extended ones Swift cannot import.
enum DiskResult {
  static let ok: Int32 = 0
  static let busy: Int32 = 5
  static let readOnly: Int32 = 8
  static let ioError: Int32 = 10
  static let notFound: Int32 = 12
  static let full: Int32 = 13
  static let cannotOpen: Int32 = 14
  static let readFailed: Int32 = 10 | 1 << 8
  static let shortRead: Int32 = 10 | 2 << 8
  static let writeFailed: Int32 = 10 | 3 << 8
  static let syncFailed: Int32 = 10 | 4 << 8
  static let truncateFailed: Int32 = 10 | 6 << 8
  static let sizeFailed: Int32 = 10 | 7 << 8
  static let unlockFailed: Int32 = 10 | 8 << 8
  static let deleteFailed: Int32 = 10 | 10 << 8
  static let lockCheckFailed: Int32 = 10 | 14 << 8
  static let lockFailed: Int32 = 10 | 15 << 8
  static let sharedMemoryFailed: Int32 = 10 | 19 << 8
  static let sharedLockFailed: Int32 = 10 | 20 << 8
  static let sharedMapFailed: Int32 = 10 | 21 << 8
  static let nothingToDelete: Int32 = 10 | 23 << 8
}

/// A file that a process has open.
final class DiskHandle {
  /// SQLite's lock levels.
  enum Level: Int32, Comparable {
    case none, shared, reserved, pending, exclusive

    static func < (one: Level, other: Level) -> Bool { one.rawValue < other.rawValue }
  }

  let disk: VirtualDisk
  /// The place of the file in the disk's state.
  let file: Int
  let isReadOnly: Bool
  /// The name to delete when the handle is closed.
  private let nameToDelete: String?
  /// A journal or WAL that may be new: its first sync through this handle makes names durable, too.
  /// Whether it is new is not the question: another connection may have made it and not synced it.
  private var syncsNames: Bool
  private var isDead = false
  private var level = Level.none
  private(set) var sharedMemory: SharedMemory?
  /// A bit for each of the eight locks of the shared memory.
  private var sharedSlots: UInt8 = 0
  private var exclusiveSlots: UInt8 = 0

  init(
    _ disk: VirtualDisk, _ file: Int, isReadOnly: Bool, syncsNames: Bool, nameToDelete: String?
  ) {
    self.disk = disk
    self.file = file
    self.isReadOnly = isReadOnly
    self.syncsNames = syncsNames
    self.nameToDelete = nameToDelete
    disk.attach(self)
  }

  /// The process is gone. Its memory stays until it is closed: SQLite may look into it still.
  func die() {
    isDead = true
    level = .none
    sharedSlots = 0
    exclusiveSlots = 0
  }

  func close() {
    guard !isDead else { return }
    disk.detach(self)
    isDead = true
    if let nameToDelete, disk.state.file(named: nameToDelete) == file {
      disk.state.delete(nameToDelete)
      disk.note(.delete(name: nameToDelete))
    }
  }

  private var others: some Sequence<DiskHandle> {
    disk.handles.lazy.filter { [file] in $0.file == file && $0 !== self }
  }

  /// Without a name: it is part of no image.
  private var isTemporary: Bool { disk.state.files[file].isTemporary }

  // MARK: Content

  func read(into target: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int32 {
    guard !isDead, !disk.fails(.read) else { return DiskResult.readFailed }
    disk.counters.reads += 1
    let count = disk.state.read(file, into: target, at: Int(clamping: offset))
    guard count < target.count else { return DiskResult.ok }
    target[count...].initializeMemory(as: UInt8.self, repeating: 0)
    return DiskResult.shortRead
  }

  func write(_ source: UnsafeRawBufferPointer, at offset: Int64) -> Int32 {
    guard !isDead else { return DiskResult.writeFailed }
    guard !isReadOnly else { return DiskResult.readOnly }
    guard let start = Int(exactly: offset), start >= 0,
      start <= VirtualDisk.fileBytesMax - source.count
    else { return DiskResult.full }
    guard !disk.fails(.write) else {
      // Some of it was written, and nobody can say how much.
      let sectors = disk.chance.integer(in: 0...(source.count / DiskFile.sectorBytes))
      carryOut(.init(rebasing: source[..<(sectors * DiskFile.sectorBytes)]), at: start)
      return DiskResult.writeFailed
    }
    let count = room(for: source.count, at: start)
    carryOut(.init(rebasing: source[..<count]), at: start)
    guard !disk.diesInStep() else { return DiskResult.writeFailed }
    guard count == source.count else {
      disk.counters.fullErrors += 1
      return DiskResult.full
    }
    return DiskResult.ok
  }

  private func carryOut(_ source: UnsafeRawBufferPointer, at offset: Int) {
    guard !source.isEmpty else { return }
    disk.counters.noteWrite(of: source.count)
    disk.state.write(file, source, at: offset)
    guard disk.isRecording, !isTemporary else { return }
    disk.note(.write(file: file, offset: offset, bytes: Array(source)))
  }

  /// How many of the bytes fit on the disk.
  private func room(for count: Int, at offset: Int) -> Int {
    guard let capacity = disk.capacityBytes else { return count }
    let size = disk.state.size(of: file)
    guard offset + count > size else { return count }
    let free = max(0, capacity - disk.state.byteCount)
    // A gap before the bytes takes room as well.
    return max(0, min(count, size + free - offset))
  }

  func truncate(to size: Int64) -> Int32 {
    guard !isDead, !disk.fails(.truncate) else { return DiskResult.truncateFailed }
    guard !isReadOnly else { return DiskResult.readOnly }
    guard let size = Int(exactly: size), (0...VirtualDisk.fileBytesMax).contains(size) else {
      return DiskResult.truncateFailed
    }
    if let capacity = disk.capacityBytes {
      let growth = size - disk.state.size(of: file)
      guard growth <= 0 || disk.state.byteCount + growth <= capacity else {
        disk.counters.fullErrors += 1
        return DiskResult.full
      }
    }
    disk.state.truncate(file, to: size)
    if !isTemporary { disk.note(.truncate(file: file, size: size)) }
    return disk.diesInStep() ? DiskResult.truncateFailed : DiskResult.ok
  }

  func sync() -> Int32 {
    guard !isDead else { return DiskResult.syncFailed }
    guard !disk.fails(.sync) else {
      disk.state.failSync(file, &disk.chance, &disk.counters)
      disk.noteReplaced()
      return DiskResult.syncFailed
    }
    // A machine that dies in a sync leaves what was not synced to chance.
    guard !disk.diesInStep() else { return DiskResult.syncFailed }
    disk.counters.syncs += 1
    guard !disk.ignoresSync else { return DiskResult.ok }
    disk.state.sync(file)
    if !isTemporary { disk.note(.sync(file: file)) }
    if syncsNames {
      syncsNames = false
      disk.state.syncNames()
      disk.note(.syncNames)
    }
    return DiskResult.ok
  }

  /// Nil when the process is gone.
  var size: Int? { isDead ? nil : disk.state.size(of: file) }

  // MARK: Locks

  func lock(_ wanted: Level) -> Int32 {
    guard !isDead else { return DiskResult.lockFailed }
    guard wanted > level else { return DiskResult.ok }
    let highest = others.map(\.level).max() ?? .none
    switch wanted {
    case .none: return DiskResult.ok
    case .shared:
      guard highest < .pending else { return DiskResult.busy }
    case .reserved:
      guard highest < .reserved else { return DiskResult.busy }
    case .pending, .exclusive:
      guard highest < .reserved else { return DiskResult.busy }
      // Keeps new readers away while the old ones leave.
      level = .pending
      guard highest < .shared else { return DiskResult.busy }
    }
    level = wanted
    return DiskResult.ok
  }

  func unlock(to wanted: Level) -> Int32 {
    guard !isDead else { return DiskResult.unlockFailed }
    level = min(level, wanted)
    return DiskResult.ok
  }

  /// Whether anybody holds a reserved lock or more; nil when the process is gone.
  var isReserved: Bool? {
    guard !isDead else { return nil }
    return level >= .reserved || others.contains { $0.level >= .reserved }
  }

  // MARK: Shared memory

  /// The address of a region; nil without an error when there is none and none is to be made.
  func mapRegion(_ index: Int, bytes: Int, extending: Bool) -> (Int32, UnsafeMutableRawPointer?) {
    guard !isDead else { return (DiskResult.sharedMapFailed, nil) }
    let memory = sharedMemory ?? others.lazy.compactMap(\.sharedMemory).first ?? SharedMemory()
    sharedMemory = memory
    guard index >= 0, index < SharedMemory.regionsMax, bytes > 0, bytes <= SharedMemory.bytesMax
    else { return (DiskResult.sharedMapFailed, nil) }
    return (DiskResult.ok, memory.region(index, bytes: bytes, extending: extending))
  }

  func lockSlots(_ first: Int, _ count: Int, exclusively: Bool) -> Int32 {
    guard !isDead else { return DiskResult.sharedLockFailed }
    guard let slots = Self.slots(first, count) else { return DiskResult.sharedLockFailed }
    for other in others {
      let inTheWay = exclusively ? other.exclusiveSlots | other.sharedSlots : other.exclusiveSlots
      guard inTheWay & slots == 0 else { return DiskResult.busy }
    }
    if exclusively { exclusiveSlots |= slots } else { sharedSlots |= slots }
    return DiskResult.ok
  }

  func unlockSlots(_ first: Int, _ count: Int, exclusively: Bool) -> Int32 {
    guard !isDead else { return DiskResult.sharedLockFailed }
    guard let slots = Self.slots(first, count) else { return DiskResult.sharedLockFailed }
    if exclusively { exclusiveSlots &= ~slots } else { sharedSlots &= ~slots }
    return DiskResult.ok
  }

  func unmap() {
    // A dead process may be reading on its way out; closing frees the memory.
    guard !isDead else { return }
    sharedMemory = nil
    sharedSlots = 0
    exclusiveSlots = 0
  }

  private static func slots(_ first: Int, _ count: Int) -> UInt8? {
    guard first >= 0, count > 0, first + count <= 8 else { return nil }
    return UInt8(truncatingIfNeeded: ((1 << count) - 1) << first)
  }
}

/// The memory that connections on one database share: the index of its WAL. It lives for as long as
/// one of them does.
final class SharedMemory {
  static let regionsMax = 4_096
  static let bytesMax = 1 << 20

  private var regions: [UnsafeMutableRawBufferPointer] = []

  deinit {
    for region in regions { region.deallocate() }
  }

  func region(_ index: Int, bytes: Int, extending: Bool) -> UnsafeMutableRawPointer? {
    while extending, regions.count <= index {
      let region = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 16)
      region.initializeMemory(as: UInt8.self, repeating: 0)
      regions.append(region)
    }
    guard index < regions.count, regions[index].count >= bytes else { return nil }
    return regions[index].baseAddress
  }
}
