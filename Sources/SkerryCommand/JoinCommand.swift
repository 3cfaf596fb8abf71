import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct JoinCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "join",
    abstract: "Make a store that shares a workspace.",
    discussion: """
      With --from the joining is completed at once and everything is fetched.
      Without it the store is made now, and the first sync with the store that made
      the code completes it.

      With --backup the store begins with what is in a backup of the workspace, so that only what \
      is newer is fetched, and what the lost store had sent to nobody is not lost.

      EXAMPLES
        skerry join notes.skerry skerry1… --from tcp://ada.local:7000
        skerry join bob.skerry "$(skerry invite ada.skerry)" --from ada.skerry
      """)

  @OptionGroup var place: StoreArgument
  @Argument(
    help: "The invitation code, as 'skerry invite' printed it.",
    transform: CommandArgument.invitation)
  var code: String
  @Option(
    help: "Where the inviter, or a replica or relay that reaches it, answers.",
    transform: CommandArgument.address)
  var from: Address?
  @Option(help: "What this device is called; by default, the machine's name.")
  var name: String?
  @Option(help: "Begin with what is in this backup of the workspace.", completion: .file())
  var backup: String?
  @OptionGroup var trusted: TrustOption
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let name = name ?? ThisProcess.hostName
    let replica: Replica
    if let backup {
      replica = try await Replica.restore(
        backup, at: place.store, joiningWith: code, name: name)
    } else {
      replica = try await Replica.join(at: place.store, code: code, name: name)
    }
    var report: SyncReport?
    if let from {
      try await replica.trust(certificatesIn: trusted.certificates)
      report = try await fetch(from: from, into: replica)
    }
    let identity = try await replica.identity()
    await replica.close()
    try identity.print(as: output, made: place.store)
    if let report, !output.isJSON {
      try StandardOutput.write(line: report.sentence)
    }
    if from == nil, !output.isJSON {
      try StandardOutput.write(
        line: "The first sync with the store that made the code completes the joining.")
    }
  }

  /// Redeems the invitation and fetches. A store that could not become a member is removed.
  private func fetch(from address: Address, into replica: Replica) async throws -> SyncReport {
    let progress = ProgressBar(label: "joining")
    let reports: [SyncReport]
    do {
      reports = try await replica.sync(with: [address]) { progress.show($0) }
    } catch {
      progress.finish()
      await replica.close()
      throw error
    }
    progress.finish()
    guard let report = reports.first else {
      throw CommandFailure(sentence: "Nothing was exchanged with \(address).")
    }
    guard let failure = report.failure else { return report }
    let isAdmitted = try await replica.identity().isAdmitted
    await replica.close()
    let isHopeless = failure.exitStatus == 4 || report.receivedBytes == 0
    guard !isAdmitted, isHopeless else {
      throw CommandFailure(
        sentence: failure.description
          + " The store \(place.store) was made; 'skerry sync' goes on from here.",
        status: failure.exitStatus)
    }
    try Replica.remove(at: place.store)
    throw failure
  }
}
