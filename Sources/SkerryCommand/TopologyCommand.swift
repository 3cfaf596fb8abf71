import ArgumentParser
import CommandKit
import JSONCoding
import Skerry

struct TopologyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "topology",
    abstract: "Show, or declare for all members, which links they keep.",
    discussion: """
      A declaration is signed and sealed, and reaches every member like everything
      else; 'skerry serve' without addresses follows it within a second. NAME is what
      a member calls itself, or the beginning of its device's key. What is not given
      stays as it was declared before.

      EXAMPLES
        skerry topology notes.skerry
        skerry topology notes.skerry --ring --member ada=tcp://ada.local:7000 \\
          --member bob=tcp://bob.local:7000 --member eve=tcp://eve.local:7000
        skerry topology notes.skerry --star --hub ws://relay.example:8080/
      """)

  @OptionGroup var place: StoreArgument
  @Flag(help: "Which links the members keep.")
  var topology: Topology?
  @Option(
    name: .customLong("member"),
    help: ArgumentHelp(
      "A member and where the others reach it, in the order of the ring.",
      valueName: "name=address"),
    transform: TopologyCommand.member)
  var members: [MemberAddress] = []
  @Option(
    name: .customLong("hub"), help: "A hub of a star, the most important first.",
    transform: CommandArgument.address)
  var hubs: [Address] = []
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard topology != nil || (members.isEmpty && hubs.isEmpty) else {
      throw ValidationError("Say --mesh, --ring or --star with --member and --hub.")
    }
  }

  func run() async throws {
    let replica = try await Replica.open(at: place.store)
    let held: DeclaredTopology?
    do {
      if let topology {
        held = try await replica.declareTopology(
          topology, members: members.isEmpty ? nil : members, hubs: hubs.isEmpty ? nil : hubs)
      } else {
        held = try await replica.topology()
      }
    } catch {
      await replica.close()
      throw error
    }
    await replica.close()
    if output.isJSON {
      try StandardOutput.write(held?.json ?? ["topology": .null])
    } else {
      for line in held?.lines ?? ["no topology is declared"] {
        try StandardOutput.write(line: line)
      }
    }
  }

  /// `NAME=ADDRESS`, where both may hold an equals sign.
  @Sendable private static func member(_ text: String) throws -> MemberAddress {
    for scheme in ["=tcp://", "=ws://", "=wss://"] {
      guard let place = text.firstRange(of: scheme), place.lowerBound > text.startIndex else {
        continue
      }
      let address = text[text.index(after: place.lowerBound)...]
      return MemberAddress(
        member: String(text[..<place.lowerBound]),
        address: try CommandArgument.address(String(address)))
    }
    throw ValidationError(
      "'\(text)' is not a member such as ada=tcp://ada.local:7000.")
  }
}

extension DeclaredTopology {
  var json: JSONValue {
    [
      "topology": .string(topology.rawValue),
      "members": .array(
        members.map {
          [
            "name": $0.name.map { .string($0) } ?? .null, "device": .string($0.device),
            "address": .string($0.address.text),
          ]
        }),
      "hubs": .array(hubs.map { .string($0.text) }),
      "declaredBy": .string(declaredBy),
    ]
  }

  var lines: [String] {
    ["\(topology.rawValue), declared by \(name(of: declaredBy))"]
      + members.map { "member \($0.name ?? String($0.device.prefix(16))) at \($0.address)" }
      + hubs.map { "hub \($0)" }
  }

  private func name(of device: String) -> String {
    members.first { $0.device == device }?.name ?? "device \(device.prefix(16))"
  }
}
