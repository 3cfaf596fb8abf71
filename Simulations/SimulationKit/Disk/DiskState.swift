/// All that a virtual disk holds: files and their names, both as processes see them and as they
/// are on the platter. A value: copying it copies nothing until one of the two is written to.
///
/// Names follow the rules of a journaling file system, taken strictly: making and deleting a file
/// is durable when the folder has been synced, not when the file has; before that some number of
/// these steps has happened, in their order.
struct DiskState: Sendable {
  struct Name: Sendable {
    var name: String
    /// An index of `files`.
    var file: Int
  }

  /// A step that no sync of the folder has followed: a name was given to a file, or deleted.
  struct NameChange: Sendable {
    var name: String
    var file: Int?
  }

  /// A file keeps its place for as long as a name or a handle needs it.
  private(set) var files: [DiskFile] = []
  /// In the order of their making.
  private(set) var names: [Name] = []
  private(set) var durableNames: [Name] = []
  private(set) var nameChanges: [NameChange] = []

  private static let nameChangesMax = 256

  // MARK: Files

  func file(named name: String) -> Int? {
    names.first { $0.name == name }?.file
  }

  func size(of file: Int) -> Int { files[file].bytes.count }

  /// What all files take, as processes see them.
  var byteCount: Int { names.reduce(0) { $0 + files[$1.file].bytes.count } }

  func read(_ file: Int, into target: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
    files[file].read(into: target, at: offset)
  }

  mutating func write(_ file: Int, _ source: UnsafeRawBufferPointer, at offset: Int) {
    files[file].write(source, at: offset)
  }

  mutating func truncate(_ file: Int, to size: Int) { files[file].truncate(to: size) }

  mutating func sync(_ file: Int) { files[file].sync() }

  mutating func failSync(
    _ file: Int, _ chance: inout RandomStream, _ counters: inout DiskCounters
  ) {
    files[file].failSync(&chance, &counters)
  }

  mutating func flip(bit: Int, ofByte place: Int, in file: Int) {
    let mask = UInt8(truncatingIfNeeded: 1 << (bit & 7))
    files[file].savePayload()
    if place < files[file].platter.count { files[file].platter[place] ^= mask }
    if place < files[file].bytes.count { files[file].bytes[place] ^= mask }
  }

  // MARK: Names

  /// A place for a new file: one that nothing needs any more, or one more.
  func freePlace(besides open: [Int]) -> Int {
    for place in files.indices {
      let isNeeded =
        open.contains(place) || names.contains { $0.file == place }
        || durableNames.contains { $0.file == place } || nameChanges.contains { $0.file == place }
      if !isNeeded { return place }
    }
    return files.count
  }

  /// Makes an empty file at a free place; without a name it is a temporary one.
  mutating func create(_ name: String?, at place: Int) {
    while files.count <= place { files.append(DiskFile()) }
    files[place] = DiskFile(isTemporary: name == nil)
    guard let name else { return }
    note(NameChange(name: name, file: place))
  }

  mutating func delete(_ name: String) {
    note(NameChange(name: name, file: nil))
  }

  mutating func syncNames() {
    durableNames = names
    nameChanges = []
  }

  private mutating func note(_ change: NameChange) {
    Self.apply(change, to: &names)
    nameChanges.append(change)
    if nameChanges.count > Self.nameChangesMax { syncNames() }
  }

  private static func apply(_ change: NameChange, to names: inout [Name]) {
    names.removeAll { $0.name == change.name }
    if let file = change.file { names.append(Name(name: change.name, file: file)) }
  }

  // MARK: The disk as a whole

  /// The power fails. What is left is on the platter, and nothing is pending.
  mutating func losePower(_ chance: inout RandomStream, _ counters: inout DiskCounters) {
    for place in files.indices { files[place].losePower(&chance, &counters) }
    let kept = chance.integer(in: 0...nameChanges.count)
    counters.lostNames += nameChanges.count - kept
    for change in nameChanges.prefix(kept) { Self.apply(change, to: &durableNames) }
    names = durableNames
    nameChanges = []
  }

  /// Whether a power loss could lose anything.
  var hasUnsynced: Bool {
    !nameChanges.isEmpty || names.contains { !files[$0.file].changes.isEmpty }
  }

  /// The same with everything on the platter.
  var synced: DiskState {
    var state = self
    for place in state.files.indices {
      state.files[place].forgetChanges()
      state.files[place].platter = state.files[place].bytes
    }
    state.syncNames()
    return state
  }
}
