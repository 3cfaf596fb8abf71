internal import ReplicaStore
internal import Replication
internal import Sealing

// Who is present is known to the processes that keep links. Another one that uses the same store
// asks for it, with a note in there that it takes back; as long as somebody asks, those that serve
// the store tell it in their reports, at most once in a second. At all other times no row of the
// file has anything of anybody's presence.
extension ReplicaCore {
  /// After it was looked whether others have committed: asks, answers, and tells what was answered.
  func passOnPresence() {
    guard let store = state?.store else { return }
    // Where the file cannot be read everything else says so.
    let version = (try? store.versionOfOthers()) ?? versionPassedOn
    let hasNews = version != versionPassedOn
    versionPassedOn = version
    if hasNews { lookForQuestions() }
    if hasNews || asksForPresence { askForPresence() }
    if hasNews, !presenceFollowers.isEmpty { tellPresence(isNews: false) }
  }

  // MARK: Asking

  /// Asks those that serve the store, if there are any, as long as somebody here wants to know.
  func askForPresence() {
    guard let open = state, let process = LiveProcess.current(path) else { return }
    let name = process.name + " asks"
    do {
      if presenceFollowers.isEmpty || service != nil {
        guard asksForPresence else { return }
        asksForPresence = false
        try open.store.setLiveReport(nil, of: name)
      } else if !asksForPresence, try !liveReports().isEmpty {
        var json = process.json
        json["asks"] = "presence"
        var bytes: [UInt8] = []
        JSONValue.object(json).write(to: &bytes)
        try open.store.setLiveReport(bytes, of: name)
        asksForPresence = true
      }
    } catch {
      say("Who is present could not be asked for: \(error)", .warning)
    }
  }

  /// Who is present as far as this process knows it, or those that it has asked.
  func present() -> [Presence] {
    guard let open = state else { return [] }
    var found: [Presence.Source: Presence] = [:]
    if asksForPresence, let reports = try? liveReports() {
      for presence in reports.flatMap({ $0.presence ?? [] }) { found[presence.source] = presence }
    }
    for presence in known(in: open) { found[presence.source] = presence }
    if let own = open.engine.shownPresence {
      found[.init(device: own.device.hexadecimal, run: own.run)] = nil
    }
    return found.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Who is present; nil as long as somebody who was asked has not answered.
  func presenceAnswer() throws(ReplicaError) -> [Presence]? {
    if service == nil, links.isEmpty {
      askForPresence()
      let reports = try liveReports()
      guard !reports.isEmpty else {
        throw ReplicaError(
          .unreachable,
          "Nobody serves this store, and only who keeps links knows who is present; "
            + "'skerry serve' keeps them.")
      }
      guard reports.allSatisfy({ $0.presence != nil }) else { return nil }
    }
    return present()
  }

  // MARK: Answering

  /// Looks whether another process asks.
  func lookForQuestions() {
    guard service != nil, let open = state, let own = LiveProcess.current(path) else { return }
    let reports = (try? open.store.liveReports()) ?? []
    let isAsked = reports.contains { report in
      guard let json = (try? JSONValue(parsing: report.report))?.objectValue,
        json["asks"] == "presence"
      else { return false }
      return LiveProcess(json)?.counts(at: own.placement) ?? false
    }
    guard isAsked != isAskedForPresence else { return }
    isAskedForPresence = isAsked
    lookAtHealth()
  }

  /// What is told whoever asks: what this process shows, too.
  var toldOfPresence: [Presence]? {
    guard isAskedForPresence, let open = state else { return nil }
    let own = open.engine.shownPresence.flatMap { Presence($0, in: open.engine) }
    return known(in: open) + (own.map { [$0] } ?? [])
  }

  /// Whom the links of this process have told of.
  private func known(in open: Open) -> [Presence] {
    open.engine.presentDevices(at: .now).compactMap { Presence($0, in: open.engine) }
  }
}

extension Presence {
  /// One run of a program on a device.
  struct Source: Hashable, Comparable {
    let device: String
    let run: UInt64

    static func < (left: Source, right: Source) -> Bool {
      left.device == right.device ? left.run < right.run : left.device < right.device
    }
  }

  var source: Source { Source(device: device, run: run) }

  /// Nil for what another release shows and this one cannot read: it is nothing to be shown.
  fileprivate init?(_ present: PresentDevice, in engine: Engine) {
    guard let value = try? JSONValue(parsing: present.state) else { return nil }
    self.init(
      device: present.device.hexadecimal, name: engine.name(of: present), run: present.run,
      value: value)
  }

  public var json: JSONValue {
    [
      "device": .string(device), "name": name.map { .string($0) } ?? .null,
      // Numbers of 64 bits are more than JSON's readers keep.
      "run": .string(String(run)), "value": value,
    ]
  }

  init?(_ json: JSONValue) {
    guard let object = json.objectValue, let device = object["device"]?.stringValue,
      let run = object["run"]?.stringValue.flatMap({ UInt64($0) }), let value = object["value"]
    else { return nil }
    self.init(device: device, name: object["name"]?.stringValue, run: run, value: value)
  }
}
