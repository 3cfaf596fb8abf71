internal import ReplicaStore

#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

/// What a process that serves a store tells the others that use the same store: its links, which
/// nobody else can see. It lies in the store until the process ends in good order; of one that was
/// killed it is passed over, and removed by the next one that serves.
struct LiveReport {
  let process: Int32
  /// Tells the process from others that have the same number after it; nil where that cannot be
  /// found out.
  let life: String?
  /// The file that the process serves: a report that was copied along with a store is not about
  /// the copy.
  let placement: [UInt8]
  let health: Health

  /// Whether its process is alive and serves this file.
  func counts(at placement: [UInt8]) -> Bool {
    guard self.placement == placement else { return false }
    guard kill(process, 0) == 0 || errno == EPERM else { return false }
    guard let life, let found = ProcessLife.token(of: process) else { return true }
    return life == found
  }
}

extension LiveReport {
  var bytes: [UInt8] {
    let json: JSONValue = [
      "process": .integer(Int64(process)),
      "life": life.map { .string($0) } ?? .null,
      "placement": .string(String(decoding: placement, as: UTF8.self)),
      "peers": .array(
        health.peers.filter { $0.state != .away }.map {
          [
            "device": .string($0.device), "name": $0.name.map { .string($0) } ?? .null,
            "address": $0.address.map { .string($0) } ?? .null,
            "state": .string($0.state.rawValue), "reason": $0.reason.map { .string($0) } ?? .null,
          ]
        }),
      "addresses": .array(
        health.addresses.map {
          [
            "address": .string($0.address), "connected": .bool($0.isConnected),
            "reason": $0.reason.map { .string($0) } ?? .null,
          ]
        }),
    ]
    var bytes: [UInt8] = []
    json.write(to: &bytes)
    return bytes
  }

  /// Nil for bytes that are no report: a later release may write others.
  init?(_ bytes: [UInt8]) {
    guard let json = (try? JSONValue(parsing: bytes))?.objectValue,
      case .integer(let number)? = json["process"], let process = Int32(exactly: number),
      let placement = json["placement"]?.stringValue, let peers = json["peers"]?.arrayValue,
      let addresses = json["addresses"]?.arrayValue
    else { return nil }
    self.process = process
    life = json["life"]?.stringValue
    self.placement = Array(placement.utf8)
    health = Health(
      peers: peers.compactMap { Health.Peer($0) },
      addresses: addresses.compactMap { Health.DialledAddress($0) }, stalls: [], history: [])
  }
}

extension Health.Peer {
  fileprivate init?(_ json: JSONValue) {
    guard let object = json.objectValue, let device = object["device"]?.stringValue,
      let state = object["state"]?.stringValue.flatMap({ State(rawValue: $0) })
    else { return nil }
    self.init(
      device: device, name: object["name"]?.stringValue, address: object["address"]?.stringValue,
      state: state, reason: object["reason"]?.stringValue)
  }
}

extension Health.DialledAddress {
  fileprivate init?(_ json: JSONValue) {
    guard let object = json.objectValue, let address = object["address"]?.stringValue else {
      return nil
    }
    self.init(
      address: address, isConnected: object["connected"] == true,
      reason: object["reason"]?.stringValue)
  }
}

extension Status {
  /// With what another process knows of its links.
  mutating func add(_ report: LiveReport) {
    servers.append(report.process)
    for told in report.health.peers {
      guard let index = peers.firstIndex(where: { $0.device == told.device }) else { continue }
      peers[index].isConnected = true
      peers[index].address = peers[index].address ?? told.address
      // Whoever holds the link knows more than what is saved of it now and then.
      switch told.state {
      case .connected, .away: peers[index].oldestUnacknowledged = nil
      case .lagging:
        let oldest = peers[index].oldestUnacknowledged ?? .zero
        peers[index].oldestUnacknowledged = max(oldest, Health.laggingAfter)
      case .stalled:
        peers[index].stalledBecause = told.reason
        peers[index].stallReason = told.reason
      }
    }
    let known = Set(addresses.map(\.address))
    for told in report.health.addresses where !known.contains(told.address) {
      addresses.append(
        AddressStatus(
          address: told.address, isConnected: told.isConnected,
          failureCount: told.reason == nil ? 0 : 1, lastError: told.reason))
    }
  }
}

extension ReplicaCore {
  private static var process: Int32 { getpid() }

  /// Tells other processes how the links of this one are, if that has changed.
  func report(_ health: Health) throws(ReplicaError) {
    guard health != reportedHealth, let placement = Placement.token(of: path) else { return }
    let store = try opened().store
    let report = LiveReport(
      process: Self.process, life: ProcessLife.token(of: Self.process), placement: placement,
      health: health)
    try ReplicaError.translating {
      try store.setLiveReport(report.bytes, of: "\(Self.process)")
      if reportedHealth == nil {
        // The first one cleans up behind those that were killed.
        for (name, bytes) in try store.liveReports()
        where LiveReport(bytes)?.counts(at: placement) != true {
          try store.setLiveReport(nil, of: name)
        }
      }
    }
    reportedHealth = health
  }

  /// Takes back what this process has told.
  func endReport() {
    guard reportedHealth != nil else { return }
    reportedHealth = nil
    // What cannot be removed is passed over when this process is gone.
    try? state?.store.setLiveReport(nil, of: "\(Self.process)")
  }

  /// What other processes tell that serve this store.
  func liveReports() throws(ReplicaError) -> [LiveReport] {
    guard let placement = Placement.token(of: path) else { return [] }
    let store = try opened().store
    return try ReplicaError.translating {
      try store.liveReports().compactMap { LiveReport($0.report) }
        .filter { $0.process != Self.process && $0.counts(at: placement) }
    }
  }
}
