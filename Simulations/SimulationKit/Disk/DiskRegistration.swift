internal import CSQLite

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// A disk's entry in SQLite's list of file systems: the C side of the disk.
///
/// Everything in here turns pointers into values, asks the disk or the handle, and turns the answer
/// back. SQLite is trusted to pass what it promises; a missing pointer is an error all the same.
final class DiskRegistration {
  let name: String
  private let vfs: UnsafeMutablePointer<sqlite3_vfs>
  private let cName: UnsafeMutablePointer<CChar>

  static let pathBytesMax = 512

  init(name: String) {
    vfs = .allocate(capacity: 1)
    // The address makes it unique among the disks that live.
    let unique = "disk-\(name)-\(UInt(bitPattern: vfs))"
    self.name = unique
    let bytes = Array(unique.utf8CString)
    cName = .allocate(capacity: bytes.count)
    cName.initialize(from: bytes, count: bytes.count)
    vfs.initialize(to: sqlite3_vfs())
  }

  deinit {
    cName.deallocate()
    vfs.deallocate()
  }

  /// The disk must call ``unregister()`` before it goes.
  func register(for disk: VirtualDisk) {
    vfs.pointee.iVersion = 2
    vfs.pointee.szOsFile = Int32(MemoryLayout<OpenFile>.stride)
    vfs.pointee.mxPathname = Int32(Self.pathBytesMax)
    vfs.pointee.zName = UnsafePointer(cName)
    vfs.pointee.pAppData = Unmanaged.passUnretained(disk).toOpaque()
    setFunctions()
    sqlite3_vfs_register(vfs, 0)
  }

  func unregister() {
    sqlite3_vfs_unregister(vfs)
  }

  private func setFunctions() {
    vfs.pointee.xOpen = { vfs, name, file, flags, outFlags in
      guard let file else { return DiskResult.cannotOpen }
      file.pointee.pMethods = nil
      guard let disk = VirtualDisk.of(vfs) else { return DiskResult.cannotOpen }
      let (code, handle) = disk.open(name.map { String(cString: $0) }, flags)
      guard let handle else { return code }
      file.pointee.pMethods = ioMethods
      UnsafeMutableRawPointer(file).assumingMemoryBound(to: OpenFile.self).pointee.handle =
        Unmanaged.passRetained(handle)
      outFlags?.pointee = handle.isReadOnly ? SQLITE_OPEN_READONLY : flags
      return code
    }
    vfs.pointee.xDelete = { vfs, name, syncsFolder in
      guard let disk = VirtualDisk.of(vfs), let name else { return DiskResult.deleteFailed }
      return disk.delete(String(cString: name), syncingNames: syncsFolder != 0)
    }
    vfs.pointee.xAccess = { vfs, name, _, answer in
      guard let disk = VirtualDisk.of(vfs), let name else { return DiskResult.ioError }
      answer?.pointee = disk.hasContent(String(cString: name)) ? 1 : 0
      return DiskResult.ok
    }
    vfs.pointee.xFullPathname = { _, name, count, answer in
      guard let name, let answer, count > 0 else { return DiskResult.cannotOpen }
      var path = name
      // The bridge puts this before names that mean something to SQLite.
      while path[0] == 0x2E, path[1] == 0x2F { path += 2 }
      let length = strlen(path)
      guard length > 0, length < Int(count) else { return DiskResult.cannotOpen }
      answer.update(from: path, count: length + 1)
      return DiskResult.ok
    }
    vfs.pointee.xRandomness = { vfs, count, answer in
      guard let disk = VirtualDisk.of(vfs), let answer, count > 0 else { return 0 }
      for index in 0..<Int(count) {
        answer[index] = CChar(truncatingIfNeeded: disk.randomness.next())
      }
      return count
    }
    // Time stands still in here: whoever waits for a lock finds at once that it waited for nothing.
    vfs.pointee.xSleep = { _, microseconds in microseconds }
    vfs.pointee.xCurrentTime = { _, answer in
      answer?.pointee = Double(VirtualDisk.julianMilliseconds) / 86_400_000
      return DiskResult.ok
    }
    vfs.pointee.xCurrentTimeInt64 = { _, answer in
      answer?.pointee = VirtualDisk.julianMilliseconds
      return DiskResult.ok
    }
    vfs.pointee.xGetLastError = { _, _, _ in 0 }
  }
}

/// What SQLite keeps for a file: its own part first, as C asks for.
private struct OpenFile {
  var base: sqlite3_file
  var handle: Unmanaged<DiskHandle>?
}

extension VirtualDisk {
  /// 2026-01-01, as SQLite counts: the Julian day, in milliseconds.
  fileprivate static let julianMilliseconds: Int64 = 212_633_985_600_000

  fileprivate static func of(_ vfs: UnsafeMutablePointer<sqlite3_vfs>?) -> VirtualDisk? {
    guard let data = vfs?.pointee.pAppData else { return nil }
    return Unmanaged<VirtualDisk>.fromOpaque(data).takeUnretainedValue()
  }

  /// Opens a file, or makes it; without a name a temporary one.
  fileprivate func open(_ name: String?, _ flags: Int32) -> (Int32, DiskHandle?) {
    guard !isDown, !fails(.open) else { return (DiskResult.cannotOpen, nil) }
    let found = name.flatMap { state.file(named: $0) }
    let creates = name == nil || flags & SQLITE_OPEN_CREATE != 0
    if found == nil, !creates { return (DiskResult.cannotOpen, nil) }
    if found != nil, creates, flags & SQLITE_OPEN_EXCLUSIVE != 0 {
      return (DiskResult.cannotOpen, nil)
    }
    let place: Int
    if let found {
      place = found
    } else {
      place = state.freePlace(besides: handles.map(\.file))
      state.create(name, at: place)
      if let name { note(.create(name: name, file: place)) }
      guard !diesInStep() else { return (DiskResult.cannotOpen, nil) }
    }
    let journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL
    let handle = DiskHandle(
      self, place, isReadOnly: flags & SQLITE_OPEN_READONLY != 0,
      syncsNames: creates && name != nil && flags & journals != 0,
      nameToDelete: flags & SQLITE_OPEN_DELETEONCLOSE != 0 ? name : nil)
    return (DiskResult.ok, handle)
  }

  fileprivate func delete(_ name: String, syncingNames: Bool) -> Int32 {
    guard !isDown else { return DiskResult.deleteFailed }
    guard state.file(named: name) != nil else { return DiskResult.nothingToDelete }
    guard !fails(.delete) else { return DiskResult.deleteFailed }
    state.delete(name)
    note(.delete(name: name))
    guard !diesInStep() else { return DiskResult.deleteFailed }
    if syncingNames, !ignoresSync {
      state.syncNames()
      note(.syncNames)
    }
    return DiskResult.ok
  }

  /// As SQLite's own VFS has it, an empty file does not count.
  fileprivate func hasContent(_ name: String) -> Bool {
    state.file(named: name).map { state.size(of: $0) > 0 } ?? false
  }
}

// MARK: Methods of a file

private func handle(_ file: UnsafeMutablePointer<sqlite3_file>?) -> DiskHandle? {
  guard let file else { return nil }
  return UnsafeMutableRawPointer(file).assumingMemoryBound(to: OpenFile.self).pointee.handle?
    .takeUnretainedValue()
}

/// One table for all files of all disks, made once and never changed.
nonisolated(unsafe) private let ioMethods: UnsafePointer<sqlite3_io_methods> = {
  var methods = sqlite3_io_methods()
  // Version 2 has shared memory; 3 would have memory maps.
  methods.iVersion = 2
  setContentMethods(&methods)
  setLockMethods(&methods)
  setSharedMemoryMethods(&methods)
  let table = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
  table.initialize(to: methods)
  return UnsafePointer(table)
}()

private func setContentMethods(_ methods: inout sqlite3_io_methods) {
  methods.xClose = { file in
    guard let file else { return DiskResult.ok }
    let open = UnsafeMutableRawPointer(file).assumingMemoryBound(to: OpenFile.self)
    let handle = open.pointee.handle?.takeRetainedValue()
    open.pointee.handle = nil
    handle?.close()
    return DiskResult.ok
  }
  methods.xRead = { file, target, count, offset in
    guard let handle = handle(file), let target, count >= 0 else { return DiskResult.readFailed }
    return handle.read(
      into: UnsafeMutableRawBufferPointer(start: target, count: Int(count)), at: offset)
  }
  methods.xWrite = { file, source, count, offset in
    guard let handle = handle(file), let source, count >= 0 else { return DiskResult.writeFailed }
    return handle.write(
      UnsafeRawBufferPointer(start: source, count: Int(count)), at: offset)
  }
  methods.xTruncate = { file, size in
    handle(file)?.truncate(to: size) ?? DiskResult.truncateFailed
  }
  methods.xSync = { file, _ in handle(file)?.sync() ?? DiskResult.syncFailed }
  methods.xFileSize = { file, answer in
    guard let size = handle(file)?.size else { return DiskResult.sizeFailed }
    answer?.pointee = Int64(size)
    return DiskResult.ok
  }
  methods.xFileControl = { _, _, _ in DiskResult.notFound }
  methods.xSectorSize = { _ in Int32(DiskFile.sectorBytes) }
  methods.xDeviceCharacteristics = { _ in SQLITE_IOCAP_POWERSAFE_OVERWRITE }
}

private func setLockMethods(_ methods: inout sqlite3_io_methods) {
  methods.xLock = { file, level in
    guard let handle = handle(file), let level = DiskHandle.Level(rawValue: level) else {
      return DiskResult.lockFailed
    }
    return handle.lock(level)
  }
  methods.xUnlock = { file, level in
    guard let handle = handle(file), let level = DiskHandle.Level(rawValue: level) else {
      return DiskResult.unlockFailed
    }
    return handle.unlock(to: level)
  }
  methods.xCheckReservedLock = { file, answer in
    guard let isReserved = handle(file)?.isReserved else { return DiskResult.lockCheckFailed }
    answer?.pointee = isReserved ? 1 : 0
    return DiskResult.ok
  }
}

private func setSharedMemoryMethods(_ methods: inout sqlite3_io_methods) {
  methods.xShmMap = { file, index, bytes, extending, answer in
    answer?.pointee = nil
    guard let handle = handle(file) else { return DiskResult.sharedMapFailed }
    let (code, region) = handle.mapRegion(Int(index), bytes: Int(bytes), extending: extending != 0)
    answer?.pointee = region
    return code
  }
  methods.xShmLock = { file, first, count, flags in
    guard let handle = handle(file) else { return DiskResult.sharedLockFailed }
    let isExclusive = flags & SQLITE_SHM_EXCLUSIVE != 0
    return flags & SQLITE_SHM_LOCK != 0
      ? handle.lockSlots(Int(first), Int(count), exclusively: isExclusive)
      : handle.unlockSlots(Int(first), Int(count), exclusively: isExclusive)
  }
  // All connections of a simulation run on one thread.
  methods.xShmBarrier = { _ in }
  methods.xShmUnmap = { file, _ in
    handle(file)?.unmap()
    return DiskResult.ok
  }
}
