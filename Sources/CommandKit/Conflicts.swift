public import ArgumentParser
package import JSONCoding
public import Skerry

extension Conflict {
  /// As one JSON object. Paths are written as their steps.
  package func json(in document: DocumentID) -> JSONValue {
    var object = JSONObject()
    object["id"] = .string(id.description)
    object["doc"] = .string(document.description)
    object["kind"] = .string(kind.rawValue)
    object["path"] = .array(Self.steps(path))
    if let range {
      object["at"] = .count(range.lowerBound)
      object["count"] = .count(range.count)
    }
    if let mark { object["mark"] = .string(mark) }
    if let base { object["base"] = base }
    object["sides"] = .array(
      sides.enumerated().map { number, side in
        var object = JSONObject()
        object["origin"] = .string(side.change.origin.description)
        object["sequence"] = .count(side.change.sequence)
        object["time"] = .string(side.time.text)
        if let value = side.value { object["value"] = value }
        if let index = side.index { object["index"] = .count(index) }
        if let parent = side.parent { object["parent"] = .array(Self.steps(parent)) }
        object["isDeleted"] = .bool(side.value == nil)
        object["isShown"] = .bool(isShown(number))
        return .object(object)
      })
    return .object(object)
  }

  private static func steps(_ path: DocumentPath) -> [JSONValue] {
    path.steps.map { step in
      switch step {
      case .key(let key): .string(key)
      case .index(let index): .integer(Int64(index))
      }
    }
  }

  /// For people: what it is about, what was there, and the sides by their numbers.
  package func lines(in document: DocumentID) -> [String] {
    var place = kind == .document ? "" : "  \(path)"
    if let range { place += " from character \(range.lowerBound) to \(range.upperBound)" }
    if let mark { place += " the mark '\(mark)'" }
    var lines = ["\(id)  \(document)\(place)  \(Self.explanation(of: kind))"]
    if let base { lines.append("  base  \(base.text())") }
    for (number, side) in sides.enumerated() {
      var value = side.value.map { $0.text() } ?? "(deleted)"
      if let index = side.index { value += " at \(index)" }
      if let parent = side.parent { value += " under '\(parent)'" }
      let mark = isShown(number) ? "  <- shown" : ""
      lines.append("  \(number)     \(value)  \(side.time.text)  \(side.change.origin)\(mark)")
    }
    return lines
  }

  /// Whether readers see what a side wants. A text has what all sides have written.
  private func isShown(_ side: Int) -> Bool { kind != .text && side == sides.count - 1 }

  private static func explanation(of kind: Kind) -> String {
    switch kind {
    case .value: "was set in several ways at once"
    case .removal: "was removed while somebody edited what was in it"
    case .position: "was moved to several places at once, or moved and removed"
    case .text: "was rewritten in several ways at once, or removed while somebody wrote in it"
    case .mark: "was given several values at once, or given and taken away"
    case .document: "was deleted while somebody edited it"
    }
  }
}

/// What a conflict is to become.
package struct ResolutionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The side to take: its number, 'ours' (what was done here), 'theirs', or 'base' (what was "
        + "there before; not for positions and whole documents).",
      valueName: "side"))
  package var take: Take?

  @Option(
    help: "A plain value to take instead, as JSON: not for positions and whole documents.",
    transform: CommandArgument.json)
  package var value: JSONValue?

  package init() {}

  package enum Take: ExpressibleByArgument, Equatable, Sendable {
    case ours, theirs, base
    case side(Int)

    public init?(argument: String) {
      switch argument {
      case "ours": self = .ours
      case "theirs": self = .theirs
      case "base": self = .base
      default:
        guard let number = Int(argument), number >= 0 else { return nil }
        self = .side(number)
      }
    }
  }

  package func validate() throws {
    guard (take == nil) != (value == nil) else {
      throw ValidationError("Give either --take or --value.")
    }
  }

  /// - Parameter isOurs: whether what was done under an origin was done on this device.
  func choice(
    of conflict: Conflict, isOurs: (Origin) -> Bool
  ) throws(CommandFailure) -> ConflictChoice {
    if let value { return .value(value) }
    let wanted: [Int]
    let missing: String
    switch take {
    case .base, nil: return .base
    case .side(let number): return .side(number)
    case .ours:
      wanted = conflict.sides.indices.filter { isOurs(conflict.sides[$0].change.origin) }
      missing = "No side of the conflict was done here"
    case .theirs:
      wanted = conflict.sides.indices.filter { !isOurs(conflict.sides[$0].change.origin) }
      missing = "No side of the conflict was done by others"
    }
    guard let side = wanted.last, wanted.count == 1 else {
      throw CommandFailure(
        sentence: (wanted.isEmpty ? missing : "Several sides of the conflict fit")
          + "; take one by its number, 0 to \(conflict.sides.count - 1).")
    }
    return .side(side)
  }
}

extension Replica {
  /// Decides the conflict of that name, in whichever document it is.
  @discardableResult
  package func resolve(
    _ name: ConflictID, _ options: ResolutionOptions
  ) async throws -> Commit<Void> {
    let found = try await read { reading in
      var found: (document: DocumentID, choice: ConflictChoice)?
      try reading.forEachConflict { document, conflict in
        guard conflict.id == name else { return true }
        found = (document, try options.choice(of: conflict) { reading.isOwn($0) })
        return false
      }
      return found
    }
    guard let found else {
      throw CommandFailure(
        sentence: "There is no conflict \(name); it may be resolved, or have another side and "
          + "another name by now.")
    }
    return try await transaction { transaction in
      try transaction.resolve(name, of: found.document, taking: found.choice)
    }
  }
}

extension ConflictID: ExpressibleByArgument {
  public init?(argument: String) { self.init(text: argument) }
}
