import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct CompactCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compact",
    abstract: "Fold the history that every member has.",
    discussion: """
      The file gets small. What documents show stays the same, but what was
      before can no longer be read with --at, taken back, or told who wrote it.

      Only what every member is known to have is folded: replicas tell each other
      when they sync. Who holds more back is said at the end. Documents with
      conflicts that nobody has decided, or with named versions, keep their
      history.

      EXAMPLES
        skerry compact notes.skerry
        skerry compact notes.skerry --keep 30d
      """)

  @OptionGroup var place: StoreArgument
  @Option(
    help: "Leave history alone that is younger: 90s, 15m, 1h, 7d, 2w.",
    transform: CommandArgument.duration)
  var keep: Duration?
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let bar = ProgressBar(label: "compact")
    let report = try await replica.compact(keeping: keep ?? .zero) { done, total in
      bar.show(done: UInt64(done), remaining: UInt64(total - done), unit: "documents")
    }
    bar.finish()
    await replica.close()
    if output.isJSON {
      try StandardOutput.write(.object(report.json))
    } else {
      try report.print()
    }
    if !report.damaged.isEmpty { throw ExitCode(3) }
  }
}

extension CompactionReport {
  fileprivate var json: JSONObject {
    [
      "folded": .count(foldedCount), "floor": .string(version.text),
      "kept": .array(kept.map { ["reason": .string($0.reason), "documents": .count($0.count)] }),
      "heldBackBy": .array(
        holders.map { holder in
          [
            "device": .string(holder.device), "name": holder.name.map { .string($0) } ?? .null,
            "reason": .string(holder.reason),
          ]
        }),
      "damaged": .array(damaged.map { .string($0) }), "bytesBefore": .integer(bytesBefore),
      "bytesAfter": .integer(bytesAfter),
    ]
  }

  fileprivate func print() throws {
    try StandardOutput.write(
      line: "\(foldedCount) documents folded, \(bytesBefore) bytes before, \(bytesAfter) after")
    for (reason, count) in kept {
      try StandardOutput.write(line: "\(count) documents keep their history: \(reason)")
    }
    for holder in holders {
      try StandardOutput.write(
        line: "held back by \(holder.name ?? holder.device): \(holder.reason)")
    }
    for finding in damaged { try StandardOutput.write(line: finding) }
  }
}
