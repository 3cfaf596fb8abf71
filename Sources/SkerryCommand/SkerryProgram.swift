import ArgumentParser
import CommandKit

/// `skerry`: the engine from a shell. Each subcommand opens a store, does one thing and closes it.
@main
struct SkerryProgram: AsyncParsableCommand {
  static let versionText = "skerry 0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "skerry",
    abstract: "Documents that several replicas edit at once, offline, and merge when they meet.",
    discussion: """
      A store is one file: a complete replica of one workspace. It takes every read and write by \
      itself and exchanges changes with other replicas whenever they can be reached.

      EXAMPLES
        skerry init ada.skerry --name Ada
        echo '{"doc":null,"ops":[{"op":"set","path":["title"],"value":"Plan"}]}' |
          skerry apply ada.skerry
        skerry join bob.skerry "$(skerry invite ada.skerry)" --from ada.skerry
        skerry sync bob.skerry ada.skerry

      EXIT STATUS
        0  done
        1  the operation failed
        2  the command line is wrong
        3  the store is damaged or too new
        4  not permitted (key, membership, signature)
      """,
    version: versionText,
    subcommands: [
      InitCommand.self, InviteCommand.self, JoinCommand.self, InfoCommand.self, DocsCommand.self,
      GetCommand.self, ApplyCommand.self, LogCommand.self, DiffCommand.self, BlameCommand.self,
      RestoreCommand.self, UndoCommand.self, RedoCommand.self, DraftCommand.self,
      EditCommand.self, MergeCommand.self, ConflictsCommand.self, ResolveCommand.self,
      SyncCommand.self, ServeCommand.self, TopologyCommand.self, PresenceCommand.self,
      StatusCommand.self, QueryCommand.self, SearchCommand.self, IndexCommand.self,
      FeedCommand.self, BackupCommand.self, RecoveryKeyCommand.self, CompactCommand.self,
      ExportCommand.self, ImportCommand.self, DoctorCommand.self,
    ])

  static func main() async {
    await ProgramRunner.main(SkerryProgram.self)
  }
}
