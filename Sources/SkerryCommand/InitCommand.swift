import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct InitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make a store with a new workspace.",
    discussion: """
      With --backup the store is made of a backup instead, as the device that made it and in its \
      workspace. It writes under a new origin, and what the old store had sent to nobody is kept. \
      If the old store still exists, use one of the two only, or both: they are two replicas now.

      EXAMPLES
        skerry init notes.skerry --name "Ada's laptop"
        skerry init notes.skerry --backup notes.backup --recovery-key skerrykey1…
      """)

  @OptionGroup var place: StoreArgument
  @Option(help: "What this device is called; by default, the machine's name.")
  var name: String?
  @Option(help: "Make it of this backup.", completion: .file())
  var backup: String?
  @Option(help: "The backup's recovery key ('skerry recovery-key'); - reads standard input.")
  var recoveryKey: String?
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (backup == nil) == (recoveryKey == nil) else {
      throw ValidationError(
        "--backup and --recovery-key go together; without the key, see 'skerry join --backup'.")
    }
    guard backup == nil || name == nil else {
      throw ValidationError("A store that is made of a backup keeps the name of its device.")
    }
  }

  func run() async throws {
    let replica: Replica
    if let backup, var key = recoveryKey {
      if key == "-" { key = String(decoding: try StandardInput.readToEnd(), as: UTF8.self) }
      replica = try await Replica.restore(backup, at: place.store, recoveryKey: key)
    } else {
      replica = try await Replica.create(at: place.store, name: name ?? ThisProcess.hostName)
    }
    let identity = try await replica.identity()
    await replica.close()
    try identity.print(as: output, made: place.store)
  }
}

struct InviteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invite",
    abstract: "Print a single-use invitation code.",
    discussion: """
      Whoever holds the code can join, once, until it expires. This store completes
      the joining when they meet.

      EXAMPLE
        skerry invite notes.skerry --expires 1h
      """)

  @OptionGroup var place: StoreArgument
  @Option(help: "How long the code works: 90s, 15m, 1h, 7d.", transform: CommandArgument.duration)
  var expires: Duration = .seconds(3_600)
  @Option(help: "What the new member may do: writer or reader.")
  var role: Role = .writer
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let code = try await replica.invite(role: role, expiresAfter: expires)
    await replica.close()
    if output.isJSON {
      try StandardOutput.write([
        "code": .string(code), "role": .string(role.rawValue),
        "expiresSeconds": .integer(expires.components.seconds),
      ])
    } else {
      try StandardOutput.write(line: code)
    }
  }
}

extension Identity {
  /// What is said about a store that was just made.
  func print(as output: OutputOptions, made store: String) throws {
    if output.isJSON {
      try StandardOutput.write([
        "store": .string(store), "workspace": .string(workspace),
        "origin": .string(origin.description), "name": .string(name),
        "role": .string(role.rawValue), "admitted": .bool(isAdmitted),
      ])
    } else {
      try StandardOutput.write(line: "\(store): workspace \(workspace), origin \(origin)")
    }
  }
}
