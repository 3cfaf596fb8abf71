import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct PresenceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "presence",
    abstract: "Who is here at the moment, and where.",
    discussion: """
      What devices show of the moment ('skerry serve --presence', or an app's cursors)
      is known to those who keep links, so it is asked of the process that serves this
      store. It expires half a minute after a device was heard of last, and is never
      part of the documents.

      EXAMPLES
        skerry presence notes.skerry
        skerry presence notes.skerry --follow --json
      """)

  @OptionGroup var place: StoreArgument
  @Flag(help: "Go on with who comes, goes or shows something else, until stopped.")
  var follow = false
  @OptionGroup var output: OutputOptions

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    do {
      let present = try await replica.presence(within: .seconds(5))
      for one in present { try tell(one, isHere: true) }
      try StandardOutput.flush()
      if follow {
        try await ThisProcess.untilAskedToStop { try await goOn(replica, from: present) }
      } else if present.isEmpty, !output.isJSON {
        try StandardOutput.write(line: "Nobody shows anything at the moment.")
      }
    } catch {
      await replica.close()
      throw error
    }
    await replica.close()
  }

  /// What has become different, one line each.
  private func goOn(_ replica: Replica, from present: [Presence]) async throws {
    var shown = present
    for await present in replica.presence() {
      for one in shown where !present.contains(where: { $0.isSameRun(as: one) }) {
        try tell(one, isHere: false)
      }
      for one in present where !shown.contains(one) { try tell(one, isHere: true) }
      shown = present
      try StandardOutput.flush()
    }
  }

  private func tell(_ presence: Presence, isHere: Bool) throws {
    if output.isJSON {
      var object = presence.json.objectValue ?? JSONObject()
      object["present"] = .bool(isHere)
      return try StandardOutput.write(.object(object))
    }
    let device = "\(presence.name ?? "device") \(presence.device.prefix(16))"
    try StandardOutput.write(
      line: Self.printable(
        isHere ? "\(device) shows \(presence.value.text())" : "\(device) is gone"))
  }

  /// Names and values are others' to choose: none controls the terminal or makes a line of its own.
  private static func printable(_ line: String) -> String {
    String(
      String.UnicodeScalarView(
        line.unicodeScalars.map { $0.value < 0x20 || 0x7F...0x9F ~= $0.value ? " " : $0 }))
  }
}

extension Presence {
  fileprivate func isSameRun(as other: Presence) -> Bool {
    device == other.device && run == other.run
  }
}
