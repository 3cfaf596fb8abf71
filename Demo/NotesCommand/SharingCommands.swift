import ArgumentParser
import CommandKit
import JSONCoding
import NotesApp
import Skerry

struct Invite: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invite", abstract: "Print a code with which one other device can join.",
    discussion: """
      The code carries the key of the notes: hand it over where nobody else reads.

      EXAMPLE
        notes invite --expires 15m
      """)

  @OptionGroup var place: NotesStore
  @Option(
    help: "How long the code is good for, such as 15m, 1h or 7d.",
    transform: CommandArgument.duration)
  var expires: Duration = .seconds(3600)

  func run() async throws {
    let code = try await place.withLibrary(makingIt: true) { library in
      try await library.replica.invite(expiresAfter: expires)
    }
    if place.isJSON {
      try StandardOutput.write(["code": .string(code)])
    } else {
      try StandardOutput.write(line: code)
    }
  }
}

struct Join: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "join", abstract: "Share the notes of the device that made a code.",
    discussion: """
      Joining makes the file of the notes, so none may be there yet. With --from the notes are \
      fetched at once; without it the first sync with the device that made the code does so.

      EXAMPLE
        notes join CODE --from tcp://ada.local:7000
      """)

  @OptionGroup var place: NotesStore
  @Argument(
    help: "The code that 'notes invite' printed.", transform: CommandArgument.invitation)
  var code: String
  @Option(
    help: "Where the other device, or a relay, answers.", transform: CommandArgument.address)
  var from: Address?
  @OptionGroup var trusted: TrustOption

  func run() async throws {
    let path = try place.path()
    try NotesStore.makeFolder(of: path)
    let replica = try await Replica.join(at: path, code: code, name: ThisProcess.hostName)
    guard let from else {
      await replica.close()
      try say("The notes will be there after the first sync with the device that made the code.")
      return
    }
    try await replica.trust(certificatesIn: trusted.certificates)
    let report = try await replica.exchange(with: [from]).first
    let isAdmitted = try await replica.identity().isAdmitted
    await replica.close()
    guard let failure = report?.failure else {
      if place.isJSON, let report { return try StandardOutput.write(report.json) }
      return try say(report?.sentence ?? "")
    }
    // A file that gave no access is of no use and would stand in the way of the next try.
    if !isAdmitted { try Replica.remove(at: path) }
    throw failure
  }

  private func say(_ sentence: String) throws {
    if place.isJSON {
      try StandardOutput.write(["ok": true])
    } else {
      try StandardOutput.write(line: sentence)
    }
  }
}

struct Sync: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync", abstract: "Exchange notes with others until both sides are level.",
    discussion: """
      EXAMPLES
        notes sync tcp://ada.local:7000
        notes sync ws://relay.example:8080/
        notes sync /media/stick/notes.skerry
      """)

  @OptionGroup var place: NotesStore
  @Argument(
    help:
      "tcp://HOST:PORT, ws://HOST:PORT/ or wss://HOST:PORT/ for a relay, or another store's path.",
    transform: CommandArgument.address)
  var addresses: [Address]
  @OptionGroup var trusted: TrustOption

  func run() async throws {
    let reports = try await place.withLibrary { library in
      try await library.replica.trust(certificatesIn: trusted.certificates)
      return try await library.replica.exchange(with: addresses)
    }
    for report in reports {
      if place.isJSON {
        try StandardOutput.write(report.json)
      } else if report.failure == nil {
        try StandardOutput.write(line: report.sentence)
      }
      if report.failure != nil { StandardError.say(report.sentence, as: "notes") }
    }
    if let status = reports.compactMap(\.failure?.exitStatus).max() { throw ExitCode(status) }
  }
}

struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Stay up and keep devices in touch.",
    discussion: """
      The first line on standard output is 'listening on HOST:PORT'. SIGTERM or Ctrl-C ends it. \
      Other commands, and the full-screen application, may use the notes meanwhile.

      EXAMPLE
        notes serve --listen 0.0.0.0:7000 --peer ws://relay.example:8080/
      """)

  @OptionGroup var place: NotesStore
  @Option(
    help: "HOST:PORT to listen on; port 0 takes any free one.",
    transform: CommandArgument.endpoint)
  var listen: String
  @Option(
    name: .customLong("peer"), help: "Another device or a relay; may be given several times.",
    transform: CommandArgument.address)
  var peers: [Address] = []
  @OptionGroup var trusted: TrustOption

  func run() async throws {
    let replica = try await place.open(makingIt: true)
    try await replica.trust(certificatesIn: trusted.certificates)
    let configuration = ServeConfiguration(listen: listen, peers: peers)
    let isJSON = place.isJSON
    try await ThisProcess.untilAskedToStop {
      try await replica.serve(
        configuration,
        listening: { endpoint in
          if isJSON {
            try? StandardOutput.write(["listening": .string(endpoint)])
          } else {
            try? StandardOutput.write(line: "listening on \(endpoint)")
          }
          try? StandardOutput.flush()
        }, log: StandardError.log)
    }
    await replica.close()
  }
}

extension Replica {
  /// Syncs, with a progress bar where somebody sees it.
  fileprivate func exchange(with addresses: [Address]) async throws -> [SyncReport] {
    let progress = ProgressBar(label: "sync")
    defer { progress.finish() }
    return try await sync(with: addresses) { progress.show($0) }
  }
}
