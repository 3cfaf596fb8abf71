import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct FeedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "feed",
    abstract: "The changes in the order in which they were applied here, one JSON object a line.",
    discussion: """
      Each has a 'position': 1, 2, 3 and so on without gaps, in the order in which changes became \
      visible in this store. Another replica has another order.

      A consumer is a name for which the store keeps how far it has come: --consumer begins behind \
      that. It moves when told to, with --acknowledge; until then the same changes come again.

      EXAMPLES
        skerry feed notes.skerry --after 120
        skerry feed notes.skerry --follow
        skerry feed notes.skerry --consumer indexer
        skerry feed notes.skerry --consumer indexer --acknowledge 180
      """)

  @OptionGroup var place: StoreArgument
  @Option(parsing: .unconditional, help: "Begin behind this position.")
  var after: Int64?
  @Option(help: "Begin behind what this consumer has acknowledged.")
  var consumer: String?
  @Option(
    parsing: .unconditional,
    help: "Note that the consumer has dealt with all up to this position; prints nothing.")
  var acknowledge: Int64?
  @Flag(help: "Forget the consumer.")
  var forget = false
  @Flag(help: "List the consumers and their positions.")
  var consumers = false
  @Flag(help: "Go on with each change as it is applied, until stopped.")
  var follow = false
  @Flag(help: "Say what each change did to the documents, as 'skerry diff' does.")
  var patches = false
  @Option(parsing: .unconditional, help: "At most this many.")
  var limit: Int?
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard after ?? 0 >= 0, limit ?? 0 >= 0, acknowledge ?? 0 >= 0 else {
      throw ValidationError("Positions and limits must not be negative.")
    }
    guard after == nil || consumer == nil else {
      throw ValidationError("Give --after or --consumer.")
    }
    guard consumer != nil || (acknowledge == nil && !forget) else {
      throw ValidationError("--acknowledge and --forget need --consumer.")
    }
  }

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    do {
      try await act(on: replica)
    } catch {
      await replica.close()
      throw error
    }
    await replica.close()
  }

  private func act(on replica: Replica) async throws {
    if consumers {
      for consumer in try await replica.feedConsumers() {
        try StandardOutput.write([
          "consumer": .string(consumer.name), "position": .integer(consumer.position),
        ])
      }
      return
    }
    if let consumer, let acknowledge {
      return try await replica.acknowledge(consumer, through: acknowledge)
    }
    if let consumer, forget { return try await replica.removeConsumer(consumer) }
    var position = after ?? 0
    if let consumer {
      position = try await replica.feedConsumers().first { $0.name == consumer }?.position ?? 0
    }
    if follow {
      let start = position
      return try await ThisProcess.untilAskedToStop { try await stream(replica, after: start) }
    }
    var left = limit ?? .max
    while left > 0 {
      let page = try await replica.feed(after: position, limit: min(left, 256))
      guard let last = page.last else { return }
      for entry in page { try StandardOutput.write(try await json(of: entry, in: replica)) }
      left -= page.count
      position = last.position
    }
  }

  private func stream(_ replica: Replica, after position: Int64) async throws {
    var left = limit ?? .max
    guard left > 0 else { return }
    for try await entry in replica.feedFollowing(position) {
      try StandardOutput.write(try await json(of: entry, in: replica))
      try StandardOutput.flush()
      left -= 1
      if left == 0 { return }
    }
  }

  private func json(of entry: FeedEntry, in replica: Replica) async throws -> JSONValue {
    var object: JSONObject = [
      "position": .integer(entry.position), "origin": .string(entry.change.origin.description),
      "seq": .count(entry.change.sequence), "lamport": .count(entry.lamport),
      "time": .string(entry.time.text),
      "documents": .array(entry.documents.map { .string($0.description) }),
    ]
    if patches {
      object["patches"] = try await replica.read { reading in
        let before = try reading.version(atPosition: entry.position - 1)
        let after = try reading.version(atPosition: entry.position)
        var patches = JSONObject()
        for document in entry.documents {
          patches[document.description] = .array(
            try DocumentComparison(reading, document, from: before, to: after)
              .differences(at: []).map(\.json))
        }
        return .object(patches)
      }
    }
    return .object(object)
  }
}
