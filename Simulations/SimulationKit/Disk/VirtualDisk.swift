/// The disk of one machine, in memory: a flat name space of files with an SQLite VFS of its own.
///
/// Open stores with `SQLiteOptions(location: .file("store.skerry"), vfs: disk.vfsName)`. Several
/// connections may share a file. There are no folders and no memory maps.
///
/// **What the disk promises.** What was synced survives everything but ``rot(_:)``. A sector of 512
/// bytes is written whole or not at all, and a write never harms bytes beside it (SQLite's
/// "powersafe overwrite", as its own VFS promises). Nothing else: unsynced writes reach the platter
/// in any order and combination, a file can grow without its bytes, truncations and sizes wait for
/// a sync like bytes. Making and deleting files is durable in order, when the folder is synced:
/// which happens with the first sync of a new journal or WAL, and where SQLite asks for it.
///
/// Everything that chance decides comes from the seed and the name. A disk belongs to one thread.
///
/// What each write looks at is not checked for overlapping access: no part of it leads back here.
package final class VirtualDisk {
  package let name: String
  /// Registered while the disk lives, or a handle on it is open.
  package let vfsName: String
  @exclusivity(unchecked) package internal(set) var counters = DiskCounters()
  /// Writes that would make all files together larger than this fail as on a full disk.
  @exclusivity(unchecked) package var capacityBytes: Int?
  /// A disk that lies: it acknowledges syncs and does nothing. For proving that a check is alive.
  package var ignoresSync = false
  /// A crash that was planned has happened: the disk refuses everything until ``crash(_:)``.
  package private(set) var isDown = false

  @exclusivity(unchecked) var state = DiskState()
  /// Every handle of a process that lives.
  private(set) var handles: [DiskHandle] = []
  var chance: RandomStream
  var randomness: RandomStream
  @exclusivity(unchecked) private var armed = ArmedFaults()
  @exclusivity(unchecked) private var planned: (loss: Loss, remainingSteps: Int)?
  private var registration: DiskRegistration?

  /// No file grows beyond this.
  static let fileBytesMax = 1 << 30

  package init(seed: UInt64, name: String) {
    self.name = name
    chance = RandomStream(seed: seed, "disk \(name)")
    randomness = RandomStream(seed: seed, "disk \(name) randomness")
    let registration = DiskRegistration(name: name)
    vfsName = registration.name
    self.registration = registration
    registration.register(for: self)
  }

  deinit {
    registration?.unregister()
  }

  // MARK: Crashes

  /// The process or the whole machine dies at once. Every open handle is dead from now on: whatever
  /// is asked of it fails with an I/O error. Locks and shared memory are gone. Connections should
  /// be closed, which writes nothing any more; the disk is ready to be opened again.
  package func crash(_ loss: Loss) {
    isDown = false
    planned = nil
    die(loss)
  }

  /// Plans a crash in the midst of work: `steps` further writes, syncs, truncations, openings and
  /// deletions are carried out, and the machine stops while it does the next one. The caller sees
  /// ``isDown`` and errors, and goes on with ``crash(_:)`` when the machine is to start again.
  package func planCrash(_ loss: Loss, afterSteps steps: Int) {
    planned = (loss, max(0, steps))
  }

  private func die(_ loss: Loss) {
    for handle in handles { handle.die() }
    handles = []
    switch loss {
    case .process: counters.processCrashes += 1
    case .power:
      counters.powerLosses += 1
      state.losePower(&chance, &counters)
    }
    noteReplaced()
  }

  /// To be called once a step has been carried out, before it is acknowledged.
  ///
  /// - Returns: whether the machine died in it, so that nobody hears of it.
  func diesInStep() -> Bool {
    guard let (loss, remaining) = planned else { return false }
    guard remaining == 0 else {
      planned = (loss, remaining - 1)
      return false
    }
    planned = nil
    isDown = true
    die(loss)
    return true
  }

  /// Whether something was written that a power loss could lose.
  package var hasUnsynced: Bool { state.hasUnsynced }

  // MARK: Images

  /// All that a disk holds, a value: synced or not. Costs nothing before the disk is written to,
  /// and then one copy of each file that is.
  package struct Image: Sendable {
    let state: DiskState

    init(_ state: DiskState) { self.state = state }

    /// The same as a careful copy of it would be: everything is on the platter.
    package var synced: Image { Image(state.synced) }

    package var fileNames: [String] { state.names.map(\.name).sorted() }

    /// What processes read; nil when there is no such file.
    package func bytes(of name: String) -> [UInt8]? {
      state.file(named: name).map { state.files[$0].bytes }
    }
  }

  package var image: Image { Image(state) }

  /// Puts the disk back to an image of this or another disk. Handles that are open are dead, as the
  /// files under them are gone.
  package func restore(_ image: Image) {
    for handle in handles { handle.die() }
    handles = []
    state = image.state
    noteReplaced()
  }

  // MARK: Faults

  /// Lets one operation fail, or it and all that follow: `count` more of its kind succeed before.
  /// A kind has one such fault at a time.
  package func fail(_ operation: Operation, after count: Int, forever: Bool) {
    armed.arm(operation, after: count, forever: forever)
  }

  /// Ends what ``fail(_:after:forever:)`` and ``capacityBytes`` began. What was lost stays lost.
  package func healFaults() {
    armed.disarm()
    capacityBytes = nil
  }

  func fails(_ operation: Operation) -> Bool {
    guard armed.fails(operation) else { return false }
    counters.count(failed: operation)
    return true
  }

  /// Flips a bit of a durable byte, in the named file or in any.
  ///
  /// - Returns: where; nil when there is no byte.
  @discardableResult
  package func rot(_ name: String? = nil) -> (name: String, offset: Int)? {
    let candidates = state.names.filter { name == nil || $0.name == name }
    let total = candidates.reduce(0) { $0 + state.files[$1.file].platter.count }
    guard total > 0 else { return nil }
    var place = chance.integer(in: 0...(total - 1))
    for candidate in candidates {
      let size = state.files[candidate.file].platter.count
      guard place >= size else {
        state.flip(bit: chance.integer(in: 0...7), ofByte: place, in: candidate.file)
        counters.rottenBytes += 1
        noteReplaced()
        return (candidate.name, place)
      }
      place -= size
    }
    return nil
  }

  // MARK: Recording

  /// The steps since ``startRecording()``; nil when there is no recording.
  @exclusivity(unchecked) package private(set) var recording: DiskRecording?

  var isRecording: Bool { recording != nil }

  package func startRecording() { recording = DiskRecording(from: state) }

  @discardableResult
  package func stopRecording() -> DiskRecording? {
    defer { recording = nil }
    return recording
  }

  func note(_ step: @autoclosure () -> DiskStep) {
    guard recording != nil else { return }
    let step = step()
    recording?.note(step)
  }

  func noteReplaced() { note(.replaced(Image(state))) }

  // MARK: Handles

  func attach(_ handle: DiskHandle) { handles.append(handle) }

  func detach(_ handle: DiskHandle) {
    handles.removeAll { $0 === handle }
  }
}
