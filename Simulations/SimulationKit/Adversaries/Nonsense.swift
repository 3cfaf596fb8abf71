import Causality
import Documents

/// Operations that are well-formed and that no editor would make: places beyond the end, entries
/// that nobody wrote, containers of the wrong kind. They have no effect or one that all replicas
/// agree upon, and never stop anybody.
enum Nonsense {
  static func operation(by origin: Origin, _ random: inout RandomStream) -> Operation {
    let container = container(&random)
    switch random.integer(in: 0...8) {
    case 0:
      return Operation(
        container, .set(key(&random), .integer(.min), replaces: events(origin, &random)))
    case 1:
      return Operation(
        container,
        .make(
          key(&random), kind(&random), isAnew: random.chance(millionths: 500_000),
          replaces: events(origin, &random)))
    case 2: return Operation(container, .delete(key(&random), replaces: events(origin, &random)))
    case 3:
      let amount = random.element(of: [Int64.max, .min, -1, 0]) ?? 0
      return Operation(container, .increment(by: amount))
    case 4:
      let text = random.element(of: ["\u{0}", "nonsense", "e\u{301}", "👩‍👩‍👧"]) ?? "x"
      return Operation(container, .insertText(at: position(&random), text))
    case 5:
      return Operation(
        container,
        .insertElements(
          at: position(&random), [.value(.null), .container(kind(&random)), .value(.bool(true))]))
    case 6:
      let count = random.element(of: [1, 2, 1_000, Operation.eventCountMax / 16]) ?? 1
      return Operation(container, .remove(at: position(&random), count: count))
    case 7:
      let element = events(origin, &random).first ?? event(origin, &random)
      return Operation(
        container,
        .setElement(element, .value(.string("nonsense")), replaces: events(origin, &random)))
    default: return Operation(.root, .deleteDocument)
    }
  }

  private static func key(_ random: inout RandomStream) -> Key {
    Key(random.element(of: ["title", "body", "items", "count", "", "nonsense"]) ?? "")
  }

  private static func kind(_ random: inout RandomStream) -> ContainerKind {
    random.element(of: ContainerKind.allCases) ?? .map
  }

  private static func position(_ random: inout RandomStream) -> Int {
    random.element(of: [0, 1, 5, 1_000, Operation.positionMax]) ?? 0
  }

  private static func event(_ origin: Origin, _ random: inout RandomStream) -> EventID {
    EventID(
      change: ChangeID(origin: origin, sequence: 1 + random.next() % 3),
      index: UInt32(random.integer(in: 0...20)))
  }

  private static func events(_ origin: Origin, _ random: inout RandomStream) -> [EventID] {
    (0..<random.integer(in: 0...2)).map { _ in event(origin, &random) }
  }

  /// One that people write in, one of another kind at its place, or one that is nowhere.
  private static func container(_ random: inout RandomStream) -> ContainerID {
    func child(_ parent: ContainerID, _ key: Key, _ kind: ContainerKind) -> ContainerID {
      .child(parent: parent, key: key, kind: kind, generation: nil)
    }
    switch random.integer(in: 0...5) {
    case 0: return .root
    case 1: return child(.root, "body", .text)
    case 2: return child(.root, "items", .list)
    case 3: return child(.root, key(&random), kind(&random))
    case 4:
      var deep = ContainerID.root
      for _ in 0..<random.integer(in: 1...60) { deep = child(deep, "deep", .map) }
      return deep
    default: return child(child(.root, "body", .map), "count", .counter)
    }
  }
}
