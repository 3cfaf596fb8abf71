import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct CompactCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compact",
    abstract: "Fold the history of documents that every member has, for good.",
    discussion: """
      What documents show stays the same, but what was before can no longer be read with --at, \
      taken back, or told who wrote it. The changes themselves are dropped, but for those that a \
      consumer of the feed has not dealt with: 'log' and 'feed' begin behind them, and a new \
      device gets a snapshot from the next replica.

      Only what every member is known to have is folded: replicas tell each other when they sync. \
      Who holds more back is said at the end. Documents with conflicts that nobody has decided, \
      with named versions or with drafts keep their history.

      A device that comes back as an old backup takes the snapshot, and what it had written is \
      merged. But do it when no device is about to join: what one writes before it has \
      everything may not know of what is folded. That is kept, but cannot be merged here yet, and \
      waits with all that builds on it ('status' says so).

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
      "folded": .count(foldedCount), "droppedSegments": .count(droppedSegmentCount),
      "keptForConsumer": keptForConsumer.map { .string($0) } ?? .null,
      "keptForDamage": .count(keptForDamage),
      "floor": .string(version.text),
      "kept": .array(kept.map { ["reason": .string($0.reason), "documents": .count($0.count)] }),
      "heldBackBy": .array(
        holders.map { holder in
          [
            "device": .string(holder.device), "name": holder.name.map { .string($0) } ?? .null,
            "reason": .string(holder.reason),
          ]
        }),
      "damaged": .array(damaged.map { .string($0) }), "bytesBefore": .integer(bytesBefore),
      "bytesAfter": .integer(bytesAfter), "unreclaimed": unreclaimed.map { .string($0) } ?? .null,
    ]
  }

  fileprivate func print() throws {
    try StandardOutput.write(
      line: "\(Self.documents(foldedCount)) folded, "
        + "\(Self.segments(droppedSegmentCount)) dropped, \(bytesBefore) bytes before, "
        + "\(bytesAfter) after")
    if let keptForConsumer {
      try StandardOutput.write(
        line: "segments kept for the feed's consumer '\(keptForConsumer)', which has not dealt "
          + "with them")
    }
    if keptForDamage > 0 {
      try StandardOutput.write(
        line: "segments kept as \(keptForDamage) documents or segments are damaged, which they may "
          + "make whole again; sync with a replica that has them, then compact again")
    }
    for (reason, count) in kept {
      try StandardOutput.write(line: "history kept of \(Self.documents(count)): \(reason)")
    }
    for holder in holders {
      try StandardOutput.write(
        line: "held back by \(holder.name ?? holder.device): \(holder.reason)")
    }
    if let unreclaimed {
      try StandardOutput.write(line: "the file keeps its size for now: \(unreclaimed)")
    }
    for finding in damaged { try StandardOutput.write(line: finding) }
  }

  private static func segments(_ count: Int) -> String {
    count == 1 ? "1 segment" : "\(count) segments"
  }

  private static func documents(_ count: Int) -> String {
    count == 1 ? "1 document" : "\(count) documents"
  }
}
