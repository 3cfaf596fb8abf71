import ArgumentParser

/// `skerry-relay`: stores and forwards what it cannot read.
@main
struct RelayProgram: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "skerry-relay",
    abstract: "A blind relay: stores and forwards the sealed changes of many workspaces.",
    discussion: """
      Replicas that are seldom online at the same time meet here. The relay checks who signed what \
      it stores, and never has a key to read it.

      EXAMPLES
        skerry-relay serve --listen 0.0.0.0:7420 --data /var/lib/skerry-relay
        skerry-relay check --data /var/lib/skerry-relay

      EXIT STATUS
        0 done; 1 the operation failed; 2 the command line is wrong; 3 what is stored is damaged or
        too new; 4 not permitted.
      """,
    version: "skerry-relay 0.1.0",
    subcommands: [ServeCommand.self, CheckCommand.self])

  static func main() async {
    leave(await run(arguments: nil))
  }

  /// The exit status. `arguments` are the process's own when nil.
  static func run(arguments: [String]?) async -> Int32 {
    let command: any ParsableCommand
    do {
      command = try parseAsRoot(arguments)
    } catch {
      return report(parsing: error)
    }
    do {
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        var command = command
        try command.run()
      }
      return 0
    } catch {
      return report(error)
    }
  }
}
