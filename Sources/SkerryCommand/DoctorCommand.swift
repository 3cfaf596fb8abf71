import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Check everything in a store that can be checked.",
    discussion: """
      Checks the file, every segment's checksum, signature and chain, and that every
      document opens. The exit status is 3 when something is wrong. --repair makes damaged
      documents again from their changes; damaged segments are fetched again from the
      next peer that has them, by 'sync' or 'serve'.

      EXAMPLE
        skerry doctor notes.skerry
      """)

  @OptionGroup var place: StoreArgument
  @OptionGroup var output: OutputOptions
  @Flag(name: .customLong("repair"), help: "Make again what is damaged and can be.")
  var isRepairing = false

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let done = isRepairing ? try await replica.repair() : []
    let findings = try await replica.check()
    let notes = try await replica.status().identityNotes
    await replica.close()
    if output.isJSON {
      try StandardOutput.write([
        "ok": .bool(findings.isEmpty), "findings": .array(findings.map { .string($0) }),
        "notes": .array(notes.map { .string($0) }),
        "repaired": .array(done.map { .string($0) }),
      ])
    } else {
      for sentence in done { try StandardOutput.write(line: sentence) }
      for finding in findings { try StandardOutput.write(line: finding) }
      for note in notes { try StandardOutput.write(line: note) }
      if findings.isEmpty { try StandardOutput.write(line: "Nothing is wrong with this store.") }
    }
    if !findings.isEmpty { throw ExitCode(3) }
  }
}
