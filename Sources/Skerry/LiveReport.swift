internal import ReplicaStore

/// What a process that serves a store tells the others that use the same store: its links, which
/// nobody else can see. It lies in the store until the process ends in good order; of one that was
/// killed it is passed over, and removed by the next one that serves.
struct LiveReport {
  let process: LiveProcess
  let health: Health
  /// Who is present, this process included; nil as long as nobody asks for it.
  let presence: [Presence]?
}

extension LiveReport {
  var bytes: [UInt8] {
    var json = process.json
    json["peers"] = .array(
      health.peers.filter { $0.state != .away }.map {
        [
          "device": .string($0.device), "name": $0.name.map { .string($0) } ?? .null,
          "address": $0.address.map { .string($0) } ?? .null,
          "state": .string($0.state.rawValue), "reason": $0.reason.map { .string($0) } ?? .null,
        ]
      })
    json["addresses"] = .array(
      health.addresses.map {
        [
          "address": .string($0.address), "connected": .bool($0.isConnected),
          "reason": $0.reason.map { .string($0) } ?? .null,
        ]
      })
    json["presence"] = presence.map { .array($0.map(\.json)) } ?? .null
    var bytes: [UInt8] = []
    JSONValue.object(json).write(to: &bytes)
    return bytes
  }

  /// Nil for bytes that are no report: a later release may write others.
  init?(_ bytes: [UInt8]) {
    guard let json = (try? JSONValue(parsing: bytes))?.objectValue,
      let process = LiveProcess(json), let peers = json["peers"]?.arrayValue,
      let addresses = json["addresses"]?.arrayValue
    else { return nil }
    self.process = process
    presence = json["presence"]?.arrayValue?.compactMap { Presence($0) }
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
    servers.append(report.process.number)
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
  /// Tells other processes how the links of this one are and, where that is asked for, who is
  /// present, if that has changed.
  func report(_ health: Health, _ presence: [Presence]?) throws(ReplicaError) {
    guard health != reported?.health || presence != reported?.presence,
      let process = LiveProcess.current(path)
    else { return }
    let store = try opened().store
    let report = LiveReport(process: process, health: health, presence: presence)
    try ReplicaError.translating {
      try store.setLiveReport(report.bytes, of: process.name)
      if reported == nil {
        // The first one cleans up behind those that were killed.
        for (name, bytes) in try store.liveReports()
        where LiveProcess(bytes)?.counts(at: process.placement) != true {
          try store.setLiveReport(nil, of: name)
        }
      }
    }
    reported = report
  }

  /// Takes back what this process has told.
  func endReport() {
    guard let told = reported else { return }
    reported = nil
    // What cannot be removed is passed over when this process is gone.
    try? state?.store.setLiveReport(nil, of: told.process.name)
  }

  /// What other processes tell that serve this store.
  func liveReports() throws(ReplicaError) -> [LiveReport] {
    guard let own = LiveProcess.current(path) else { return [] }
    let store = try opened().store
    return try ReplicaError.translating {
      try store.liveReports().compactMap { LiveReport($0.report) }
        .filter { $0.process.number != own.number && $0.process.counts(at: own.placement) }
    }
  }
}
