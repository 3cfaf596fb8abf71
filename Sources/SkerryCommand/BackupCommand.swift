import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Write a verified copy of a store, without its keys, while it is in use.",
    discussion: """
      FILE must not be there yet; it gets its name when it is whole, on the disk, and has been \
      read back and checked. It holds all documents with their history in the clear, and no keys: \
      nobody can write to the workspace with it.

      To make a store of it again, either be invited by another member, or have the recovery key, \
      which 'skerry recovery-key' prints: keep that apart, in a password manager or on paper. The \
      new store writes under a new origin; nothing that was committed before the backup is lost.

      EXAMPLES
        skerry backup notes.skerry /media/stick/notes-2026-11-30.backup
        skerry join notes.skerry "$(ssh bob skerry invite notes.skerry)" \\
          --backup notes.backup
        skerry init notes.skerry --backup notes.backup --recovery-key skerrykey1…
      """, aliases: ["snapshot"])

  @OptionGroup var place: StoreArgument
  @Argument(help: "The file to write.", completion: .file())
  var file: String
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let report: BackupReport
    do {
      report = try await replica.backUp(to: file)
    } catch {
      await replica.close()
      throw error
    }
    await replica.close()
    if output.isJSON {
      try StandardOutput.write([
        "file": .string(report.path), "version": .string(report.version.text),
        "documents": .count(report.documentCount), "bytes": .integer(report.fileBytes),
      ])
    } else {
      try StandardOutput.write(
        line: "\(report.path): \(report.documentCount) documents, \(report.fileBytes) bytes, "
          + "read back and checked")
    }
  }
}

struct RecoveryKeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recovery-key",
    abstract: "Print the key with which backups of a store can be restored.",
    discussion: """
      A secret: whoever has it can read and write the workspace as this device. It is the same for \
      all backups of the store. Keep it apart from them.

      EXAMPLE
        skerry recovery-key notes.skerry
      """)

  @OptionGroup var place: StoreArgument
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let key = try await replica.recoveryKey()
    await replica.close()
    if output.isJSON {
      try StandardOutput.write(["recoveryKey": .string(key)])
    } else {
      try StandardOutput.write(line: key)
    }
  }
}
