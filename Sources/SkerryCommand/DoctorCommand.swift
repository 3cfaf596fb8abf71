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
      document opens. The exit status is 3 when something is wrong.

      With --repair, damaged documents are made again from their changes, and what queries and \
      searches read is dropped and made anew. Damaged segments are fetched again from the next \
      peer that has them, by 'sync' or 'serve', and so are damaged documents whose changes are \
      not here any more.

      With --compare, the first difference from another store is said, and the exit status is 1 \
      when there is one. Stores that have seen the same changes have none.

      EXAMPLES
        skerry doctor notes.skerry
        skerry doctor notes.skerry --repair
        skerry doctor notes.skerry --compare other.skerry
      """)

  @OptionGroup var place: StoreArgument
  @Flag(help: "Make again what is damaged and can be, and what is derived from the documents.")
  var repair = false
  @Option(help: "Name the first difference from this store.", completion: .file())
  var compare: String?
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let findings: [String]
    var notes: [String] = []
    var repaired: [String] = []
    var differences: [String] = []
    do {
      if repair { repaired = try await replica.repair() }
      findings = try await replica.check()
      notes += try await replica.status().identityNotes
      if let compare {
        let other = try await Replica.open(at: compare)
        differences = try await replica.differences(from: other).map(\.description)
        await other.close()
      }
    } catch {
      await replica.close()
      throw error
    }
    await replica.close()
    if output.isJSON {
      try StandardOutput.write([
        "ok": .bool(findings.isEmpty), "findings": .array(findings.map { .string($0) }),
        "notes": .array(notes.map { .string($0) }),
        "repaired": .array(repaired.map { .string($0) }),
        "differences": .array(differences.map { .string($0) }),
      ])
    } else {
      for sentence in repaired { try StandardOutput.write(line: sentence) }
      for finding in findings { try StandardOutput.write(line: finding) }
      for note in notes + differences { try StandardOutput.write(line: note) }
      if findings.isEmpty { try StandardOutput.write(line: "Nothing is wrong with this store.") }
      if compare != nil, differences.isEmpty {
        try StandardOutput.write(line: "Both stores hold the same.")
      }
    }
    if !findings.isEmpty { throw ExitCode(3) }
    if !differences.isEmpty { throw ExitCode(1) }
  }
}
