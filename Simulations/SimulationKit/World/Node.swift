import Causality
import ChangeCoding
import Documents
import ReplicaStore
import Replication
import SQLiteBridge
import Sealing
import SegmentStore
import Segments

/// One island: a machine with a disk and a clock, and a process on it while it lives.
class Node {
  let number: Int
  let resident: Plan.Resident
  let seed: UInt64
  private(set) var disk: VirtualDisk
  /// How often the process was started.
  private(set) var life = 0
  /// The machine has this many predecessors, of which a backup was put on it.
  private(set) var machine = 0
  /// How far this node's wall clock is from virtual time.
  var wallOffsetMilliseconds = 0
  /// The wall clock has stood still since this virtual time.
  var clockStoppedAt: Int?
  /// The virtual time of the wake-up call that is under way.
  var wakeTime: Int?
  /// The process stands still; what reaches it waits.
  var isPaused = false
  var held: [Parcel] = []
  /// Faults that keep the process from starting again.
  var downCount = 0
  /// The store is beyond what a restart mends.
  var wreck: String?
  var openingFailureCount = 0
  /// The machine was cloned with everything that tells machines apart, so that nothing on it can
  /// know that it is a copy before it meets others.
  private(set) var isUnawareTwin = false
  /// A byte of the disk is not what was written: what it shows is no promise of anybody.
  var isRotten = false
  /// The ends of connections this process holds, by the number under which it knows them.
  var links: [UInt64: (connection: ConnectionID, side: Side)] = [:]
  private var numbers: [ConnectionID: [UInt64?]] = [:]
  private var nextLink: UInt64 = 0
  private var backup: (image: VirtualDisk.Image, version: VersionVector)?

  /// 2026-01-01, when every run begins.
  private static let epochMilliseconds: Int64 = 1_767_225_600_000

  init(_ number: Int, _ resident: Plan.Resident, seed: UInt64) {
    self.number = number
    self.resident = resident
    self.seed = seed
    disk = VirtualDisk(seed: Node.chance(seed, number, "disk 0"), name: "node-\(number)")
  }

  // MARK: Its place

  /// Replicas are reached by TCP, relays by WebSocket.
  static func address(of number: Int, _ resident: Plan.Resident) -> String {
    resident.isRelay ? "ws://node-\(number):7000/" : "tcp://node-\(number):7000"
  }

  var address: String { Node.address(of: number, resident) }

  static func number(of address: String) -> Int? {
    Int(address.drop { !$0.isNumber }.prefix { $0.isNumber })
  }

  // MARK: Its clocks

  func wall(at now: Int) -> Timestamp {
    let time = clockStoppedAt ?? now
    return Timestamp(
      clampingMilliseconds: Node.epochMilliseconds + Int64(time) + Int64(wallOffsetMilliseconds))
  }

  func instant(at now: Int) -> EngineInstant {
    EngineInstant(monotonic: UInt64(now), wall: wall(at: now))
  }

  // MARK: Its process

  /// Whether the process runs; a paused one does.
  var isUp: Bool { false }

  /// Starts the process on what the disk holds.
  func start(_ configuration: EngineConfiguration, at now: Int) throws {
    life += 1
  }

  /// Ends the process without a word.
  func stop(_ loss: VirtualDisk.Loss) {
    links = [:]
    numbers = [:]
    held = []
    wakeTime = nil
    disk.crash(loss)
  }

  /// Chance of its own for every life of every node.
  func chance(_ purpose: String) -> UInt64 {
    Node.chance(seed, number, "\(purpose) \(machine) \(life)")
  }

  private static func chance(_ seed: UInt64, _ number: Int, _ purpose: String) -> UInt64 {
    var stream = RandomStream(seed: seed, "node \(number) \(purpose)")
    return stream.next()
  }

  /// Looks up the bytes of the stored segment that holds a change; nil when it stores none.
  var heldSegments: ((ChangeID) -> [UInt8]?)? { nil }

  // MARK: Its links

  func newLink(_ connection: ConnectionID, _ side: Side) -> UInt64 {
    nextLink += 1
    links[nextLink] = (connection, side)
    numbers[connection, default: [nil, nil]][side.rawValue] = nextLink
    return nextLink
  }

  func link(of connection: ConnectionID, _ side: Side) -> UInt64? {
    numbers[connection]?[side.rawValue]
  }

  func removeLink(_ link: UInt64) -> (connection: ConnectionID, side: Side)? {
    guard let end = links.removeValue(forKey: link) else { return nil }
    numbers[end.connection]?[end.side.rawValue] = nil
    return end
  }

  // MARK: Its disk

  /// What a copy of it shows.
  var shownVersion: VersionVector { VersionVector() }

  func layBackupAside() {
    backup = (disk.image, shownVersion)
  }

  var hasBackup: Bool { backup != nil }

  /// What tells this machine from others, for the processes on it.
  var placement: [UInt8] { Array("machine \(placementNumber) \(placementMachine)".utf8) }
  private lazy var placementNumber = number
  private var placementMachine = 0

  /// Puts the last backup on a new machine in this one's place; its version, nil when there is no
  /// backup.
  func replaceMachineByBackup(isAware: Bool) -> VersionVector? {
    guard let backup else { return nil }
    replaceMachine(by: backup.image, of: isAware ? nil : self)
    return backup.version
  }

  /// - Parameter twin: the node whose machine this one is a clone of; nil when it is another one.
  func replaceMachine(by image: VirtualDisk.Image, of twin: Node?) {
    machine += 1
    isUnawareTwin = twin != nil
    if let twin {
      placementNumber = twin.placementNumber
      placementMachine = twin.placementMachine
    } else {
      placementNumber = number
      placementMachine = machine
    }
    disk = VirtualDisk(
      seed: Node.chance(seed, number, "disk \(machine)"), name: "node-\(number)-\(machine)")
    disk.restore(image.synced)
    isRotten = false
    wreck = nil
    openingFailureCount = 0
  }

  /// Whatever was on the disk is gone.
  func wipeDisk() {
    replaceMachine(by: VirtualDisk(seed: 0, name: "empty").image, of: nil)
  }
}

/// An island with a replica: a store, and while the process lives the engine over it.
final class ReplicaNode: Node {
  static let file = "store.skerry"
  /// Less than what ships, so that each run has checkpoints and WALs that begin anew.
  private static let walAutocheckpointPages: Int32 = 128

  /// The operations that the release which it runs understands.
  var language = OperationLanguage.current
  private(set) var store: ReplicaStore?
  private(set) var engine: Engine?
  /// Chance for what people do here in this life.
  private(set) var entropy = Entropy.seeded(0)
  /// What it shows, as the checkers saw it last.
  var view = StateView()
  /// What is stored of a document has rotted, which is to be whole again in the end. Until then it
  /// is rotten.
  var isMouldy = false

  override var isUp: Bool { engine != nil }

  override var shownVersion: VersionVector { store?.appliedVector ?? VersionVector() }

  override var heldSegments: ((ChangeID) -> [UInt8]?)? {
    store.map { store in
      { change in try? store.read { try store.segments.segment(containing: change)?.bytes } }
    }
  }

  private func options(_ access: SQLiteOptions.Access) -> SQLiteOptions {
    SQLiteOptions(
      location: .file(Self.file), access: access, vfs: disk.vfsName,
      walAutocheckpointPages: Self.walAutocheckpointPages)
  }

  func found(_ founding: ReplicaStore.Founding) throws -> ReplicaStore {
    entropy = .seeded(chance("founding"))
    let made = try ReplicaStore.create(
      options(.create), founding, now: wall(at: 0), entropy: entropy, language: language)
    try made.settle(at: placement, entropy: entropy)
    store = made
    return made
  }

  override func start(_ configuration: EngineConfiguration, at now: Int) throws {
    try super.start(configuration, at: now)
    // The store that was just founded is open already.
    if life > 1 || store == nil {
      store = try ReplicaStore.open(
        options(.write), placement: placement, entropy: .seeded(chance("opening")),
        language: language)
    }
    guard let store else { return }
    entropy = .seeded(chance("people"))
    engine = try Engine(
      store: store, configuration: configuration, entropy: .seeded(chance("engine")),
      at: instant(at: now))
  }

  /// Lets all that is stored of a document rot, while no process runs.
  func mould(_ id: DocumentID) throws {
    try ReplicaStore.mould(id, in: options(.write))
    isRotten = true
    isMouldy = true
  }

  override func stop(_ loss: VirtualDisk.Loss) {
    engine = nil
    super.stop(loss)
    // Closing a connection whose disk is gone changes nothing there.
    store?.close()
    store = nil
    view = StateView()
  }
}
