import ArgumentParser
import JSONCoding
import RelayService

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Verify everything that is stored: databases, chains, signatures, membership.",
    discussion: """
      Reads only; a relay may go on serving meanwhile. The exit status is 3 when something is \
      wrong.

      EXAMPLE
        skerry-relay check --data /var/lib/skerry-relay
      """)

  @Option(help: "The data folder of the relay.")
  var data: String

  @Flag(name: .customLong("json"), help: "Print one JSON object for each workspace.")
  var isJSON = false

  func run() throws {
    var workspaces = 0
    var segments = 0
    var damaged = 0
    try RelayCheck.run(data: data) { finding in
      workspaces += 1
      segments += finding.segments
      if !finding.problems.isEmpty { damaged += 1 }
      if isJSON {
        StandardStream.output.write(json(finding).text() + "\n")
      } else {
        for problem in finding.problems {
          StandardStream.output.write("workspace \(finding.workspace): \(problem)\n")
        }
      }
    }
    if !isJSON {
      let verdict = damaged == 0 ? "nothing is wrong" : "\(damaged) damaged"
      let checked = workspaces == 1 ? "1 workspace" : "\(workspaces) workspaces"
      let held = segments == 1 ? "1 segment" : "\(segments) segments"
      StandardStream.output.write("Checked \(checked) with \(held): \(verdict).\n")
    }
    if damaged > 0 { throw ExitCode(3) }
  }

  private func json(_ finding: RelayCheck.Finding) -> JSONValue {
    .object([
      "workspace": .string(finding.workspace),
      "ok": .bool(finding.problems.isEmpty),
      "segments": .integer(Int64(finding.segments)),
      "bytes": .integer(Int64(finding.bytes)),
      "devices": .integer(Int64(finding.devices)),
      "problems": .array(finding.problems.map { .string($0) }),
    ])
  }
}
