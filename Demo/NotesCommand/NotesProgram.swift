import ArgumentParser
import CommandKit
import NotesApp
import Skerry

/// `notes`: notes that are edited on several devices at once, offline, and merge when they meet.
@main
struct NotesProgram: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "notes",
    abstract: "Notes that several devices edit at once, offline, and merge when they meet.",
    discussion: """
      Without a subcommand, on a terminal, the full-screen application opens. Notes are kept in \
      one file; --store or the environment variable NOTES_STORE name another one. It is made when \
      it is needed first.

      EXAMPLES
        notes new "Harbour party" --body "Bring: bread, cheese."
        notes list
        notes invite                       # on one device: prints a code
        notes join CODE --from ADDRESS     # on another
        notes sync ws://relay.example:8080/
        notes demo                         # three replicas, a partition, the merge
      """,
    version: "notes 0.1.0",
    subcommands: [
      NewNote.self, ListNotes.self, ShowNote.self, EditNote.self, Append.self, Move.self,
      Tag.self, Delete.self, Restore.self, SearchNotes.self, LogOfNotes.self, Conflicts.self,
      Resolve.self, Import.self, Export.self, Invite.self, Join.self, Sync.self, Serve.self,
      StatusOfNotes.self, Doctor.self, Batched.self, Demo.self,
    ])

  @OptionGroup var place: NotesStore

  func run() async throws {
    guard StandardOutput.isTerminal, StandardInput.isTerminal else {
      throw CommandFailure(
        sentence: "The full-screen application needs a terminal; 'notes --help' lists the "
          + "commands that need none.", status: 2)
    }
    let library = try await place.openLibrary(makingIt: true)
    let name = try place.path().split(separator: "/").last.map(String.init) ?? ""
    let unsaved = try await FullScreen.run(library, storeName: name)
    await library.replica.close()
    if let unsaved {
      let draft = try Draft(of: unsaved, named: "note.md", by: "notes")
      throw CommandFailure(
        sentence: "The last edit could not be written to the notes; it is kept in '\(draft.path)'.")
    }
  }

  static func main() async {
    await ProgramRunner.main(NotesProgram.self)
  }
}
