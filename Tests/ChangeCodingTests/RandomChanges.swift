import Causality
import Documents
import TestSupport

/// A change with an operation of every kind.
enum EveryOperation {
  static let change: Change = {
    let id = ChangeID(origin: testOrigin(3), sequence: .max)
    let other = EventID(change: ChangeID(origin: testOrigin(4), sequence: 7), index: .max)
    let list = ContainerID.child(
      parent: .child(parent: .root, key: "m", kind: .map, generation: other), key: "é", kind: .list,
      generation: nil)
    let values: [Value] = [
      .null, .bool(false), .bool(true), .integer(.min), .integer(.max), .double(-0.0),
      .double(.leastNonzeroMagnitude), .string("\u{0}🏝️"), .bytes([0, 255]),
      .timestamp(Timestamp(clampingMilliseconds: .max)),
    ]
    return Change(
      id: id, lamport: .max, time: Timestamp(clampingMilliseconds: .min),
      dependencies: [ChangeID(origin: testOrigin(1), sequence: 5), other.change],
      edits: [
        DocumentEdit(
          document: testDocument(1), parents: [ChangeID(origin: testOrigin(1), sequence: 5)],
          operations: [
            Operation(.root, .set("k", .null, replaces: [])),
            Operation(.root, .set("k", .string(""), replaces: [EventID(change: id, index: 0)])),
            Operation(.root, .delete("k", replaces: [EventID(change: id, index: 0), other])),
            Operation(.root, .make("m", .map, isAnew: true, replaces: [other])),
            Operation(.root, .make("t", .tree, isAnew: false, replaces: [])),
            Operation(
              list,
              .insertElements(
                at: 0, values.map { .value($0) } + [.container(.text), .moved(other)])),
            Operation(list, .setElement(other, .value(.null), replaces: [])),
            Operation(
              list, .setElement(other, .container(.map), replaces: [EventID(change: id, index: 16)])
            ),
            Operation(list, .remove(at: 3, count: 2)),
            Operation(.element(other, .text), .insertText(at: 9, "a")),
            Operation(.element(other, .text), .insertText(at: 10, "bcé")),
            Operation(.element(other, .text), .remove(at: 12, count: 1)),
            Operation(.element(other, .text), .insertText(at: Operation.positionMax, "🏝")),
            Operation(.element(other, .counter), .increment(by: .min)),
            Operation(.root, .unknown(code: 16, eventCount: 4, bytes: [])),
            Operation(.root, .resolve([EventID(change: id, index: 0), other].sorted())),
            Operation(
              list, .mark(from: Operation.positionMax, to: 0, "", .double(-0.0), .both)),
            Operation(.root, .unknown(code: .max, eventCount: 1, bytes: [1, 2, 3])),
            Operation(.root, .deleteDocument),
          ]),
        DocumentEdit(
          document: testDocument(2), parents: [], operations: [Operation(.root, .deleteDocument)]),
      ])
  }()
}

/// Changes that need not make sense together.
enum RandomChanges {
  static func changes(_ random: inout SeededGenerator) -> [Change] {
    var sequences: [Int: UInt64] = [:]
    var lamport: UInt64 = 0
    var milliseconds: Int64 = 1_700_000_000_000
    var last: ChangeID?
    return (0..<Int.random(in: 1...12, using: &random)).map { _ in
      let origin = Int.random(in: 0..<3, using: &random)
      sequences[origin, default: 0] += Int.random(in: 0..<5, using: &random) == 0 ? 3 : 1
      lamport += UInt64.random(in: 1...2, using: &random)
      milliseconds += Int64.random(in: -20...200, using: &random)
      let id = ChangeID(origin: testOrigin(origin), sequence: sequences[origin] ?? 1)
      defer { last = id }
      let documents = Set(
        (0..<Int.random(in: 0...2, using: &random)).map { _ in Int.random(in: 0..<3, using: &random)
        })
      return Change(
        id: id, lamport: lamport, time: Timestamp(clampingMilliseconds: milliseconds),
        dependencies: Bool.random(using: &random) ? [] : changeIDs(&random),
        edits: documents.sorted().map { document in
          DocumentEdit(
            document: testDocument(document),
            parents: last.map { Bool.random(using: &random) ? [$0] : changeIDs(&random) } ?? [],
            operations: (0..<Int.random(in: 1...4, using: &random)).map { _ in operation(&random) })
        })
    }
  }

  private static func changeIDs(_ random: inout SeededGenerator) -> [ChangeID] {
    Set((0..<Int.random(in: 0...3, using: &random)).map { _ in changeID(&random) }).sorted()
  }

  private static func changeID(_ random: inout SeededGenerator) -> ChangeID {
    ChangeID(
      origin: testOrigin(Int.random(in: 0..<4, using: &random)),
      sequence: UInt64.random(in: 1...9, using: &random))
  }

  private static func event(_ random: inout SeededGenerator) -> EventID {
    EventID(change: changeID(&random), index: UInt32.random(in: 0...3, using: &random))
  }

  private static func events(_ random: inout SeededGenerator) -> [EventID] {
    (0..<Int.random(in: 0...2, using: &random)).map { _ in event(&random) }
  }

  private static func container(_ random: inout SeededGenerator) -> ContainerID {
    switch Int.random(in: 0..<5, using: &random) {
    case 0: .root
    case 1, 2: body
    case 3: .element(event(&random), .list)
    default:
      .child(
        parent: Bool.random(using: &random) ? .root : .element(event(&random), .map), key: "x",
        kind: .list, generation: Bool.random(using: &random) ? nil : event(&random))
    }
  }

  private static func operation(_ random: inout SeededGenerator) -> Operation {
    let container = container(&random)
    let key = Key(["a", "b", "ü"].randomElement(using: &random) ?? "a")
    let at = Int.random(in: 0...3, using: &random)
    let action: Operation.Action
    switch Int.random(in: 0..<15, using: &random) {
    case 13, 14:
      action = .mark(
        from: at, to: at + 2, key, Bool.random(using: &random) ? .null : .string("é"),
        MarkExpansion.allCases.randomElement(using: &random) ?? .none)
    case 12: return Operation(.root, .resolve(Set([event(&random), event(&random)]).sorted()))
    case 0: action = .set(key, .integer(Int64(at)), replaces: events(&random))
    case 1:
      action = .make(key, .map, isAnew: Bool.random(using: &random), replaces: events(&random))
    case 2: action = .delete(key, replaces: events(&random))
    case 3: action = .increment(by: Int64(at))
    case 4:
      action = .insertElements(
        at: at, [.value(.string("é")), .container(.text), .moved(event(&random))])
    case 5: action = .setElement(event(&random), .value(.bool(true)), replaces: events(&random))
    case 6: return Operation(.root, .deleteDocument)
    case 7: return Operation(.root, .unknown(code: 20, eventCount: at + 1, bytes: [UInt8(at)]))
    case 8, 9: action = .remove(at: at, count: Int.random(in: 1...2, using: &random))
    default:
      action = .insertText(at: at, ["a", "é", "ab", "🏝️"].randomElement(using: &random) ?? "a")
    }
    return Operation(container, action)
  }
}
