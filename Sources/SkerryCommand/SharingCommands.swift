import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct SyncCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync",
    abstract: "Exchange changes until both sides are level.",
    discussion: """
      An address is tcp://HOST:PORT for a replica, ws://HOST:PORT/ for a relay or
      wss://HOST:PORT/ for one that speaks TLS, or the path of another store on this
      machine. With several, all of them end level.

      EXAMPLES
        skerry sync notes.skerry tcp://ada.local:7000
        skerry sync notes.skerry /media/stick/notes.skerry
        skerry sync notes.skerry wss://relay.example/ --watch
      """)

  @OptionGroup var place: StoreArgument
  @Argument(help: "With whom.", transform: CommandArgument.address)
  var addresses: [Address]
  @Flag(help: "Keep going until stopped.")
  var watch = false
  @OptionGroup var trusted: TrustOption
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    try await replica.trust(certificatesIn: trusted.certificates)
    let progress = ProgressBar(label: "sync")
    let reports = try await replica.sync(with: addresses) { progress.show($0) }
    progress.finish()
    for report in reports {
      if output.isJSON {
        try StandardOutput.write(report.json)
      } else if report.failure == nil {
        try StandardOutput.write(line: report.sentence)
      }
      if report.failure != nil { StandardError.say(report.sentence, as: "skerry") }
    }
    try StandardOutput.flush()
    let failures = reports.compactMap(\.failure)
    let isForbidden = failures.contains { $0.exitStatus == 4 }
    if watch && !isForbidden {
      let peers = addresses
      try await ThisProcess.untilAskedToStop {
        try await replica.serve(ServeConfiguration(peers: peers), log: StandardError.log)
      }
    }
    await replica.close()
    if let status = failures.map(\.exitStatus).max(), !watch || isForbidden {
      throw ExitCode(status)
    }
  }
}

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Keep a replica connected, as a daemon.",
    discussion: """
      The first line on standard output is 'listening on HOST:PORT'; what happens is
      said on standard error. SIGTERM or SIGINT ends it. Other commands may use the
      store meanwhile. Without --peer, --topology and --hub the links are those that
      'skerry topology' has declared for all members, and change with it.

      EXAMPLES
        skerry serve notes.skerry --listen 0.0.0.0:7000
        skerry serve notes.skerry --listen 127.0.0.1:0 --peer tcp://ada.local:7000 \\
          --topology ring
        skerry serve notes.skerry --listen 0.0.0.0:7000 \\
          --presence '{"doing":"backups"}'
      """)

  @OptionGroup var place: StoreArgument
  @Option(
    help: "HOST:PORT to listen on; port 0 takes any free one.",
    transform: CommandArgument.endpoint)
  var listen: String
  @Option(
    name: .customLong("peer"), help: "Another replica; may be given several times.",
    transform: CommandArgument.address)
  var peers: [Address] = []
  @Option(help: "Which links to keep: mesh, ring or star.")
  var topology: Topology?
  @Option(
    name: .customLong("hub"),
    help: "A hub of a star, the most important first; may be given several times.",
    transform: CommandArgument.address)
  var hubs: [Address] = []
  @Option(
    help: ArgumentHelp(
      "What the others are shown as long as this lasts, of at most a kilobyte.", valueName: "json"),
    transform: CommandArgument.json)
  var presence: JSONValue?
  @OptionGroup var trusted: TrustOption
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    try await replica.trust(certificatesIn: trusted.certificates)
    if let presence { try await replica.setPresence(presence) }
    let configuration = ServeConfiguration(
      listen: listen, peers: peers, topology: topology, hubs: hubs)
    let isJSON = output.isJSON
    try await ThisProcess.untilAskedToStop {
      try await replica.serve(
        configuration,
        listening: { place in
          if isJSON {
            try? StandardOutput.write(["listening": .string(place)])
          } else {
            try? StandardOutput.write(line: "listening on \(place)")
          }
          try? StandardOutput.flush()
        }, log: StandardError.log)
    }
    await replica.close()
  }
}

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Peers, lag, queues, last errors, and work that does not move.",
    discussion: """
      EXAMPLE
        skerry status notes.skerry
      """)

  @OptionGroup var place: StoreArgument
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let status = try await replica.status()
    await replica.close()
    if output.isJSON {
      try StandardOutput.write(status.json)
    } else {
      for line in status.lines { try StandardOutput.write(line: line) }
    }
  }
}
