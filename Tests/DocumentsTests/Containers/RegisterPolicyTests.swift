import Causality
import JSONCoding
import Testing

@testable import Documents

/// Three people set one title at the same time.
@Suite("What a read returns where three wrote at once")
struct RegisterPolicyTests {
  /// The three as they are when all have heard of each other. The second one has written more
  /// before and has the highest stamp.
  private func replicas(
    _ titles: [JSONValue] = ["from 0", "from 1", "from 2"]
  ) throws -> [DocumentReplica] {
    var replicas = (0..<3).map { DocumentReplica($0) }
    try replicas[0].edit { editor in
      try editor.set(["title"], to: "before")
      try editor.set(["rooms"], to: [["seats": 4]])
    }
    for index in 1..<3 { try replicas[index].receive(replicas[0].log) }
    try replicas[1].edit { try $0.set(["other"], to: 1) }
    for index in 0..<3 {
      try replicas[index].edit { editor in
        try editor.set(["title"], to: titles[index])
        try editor.set(["rooms", 0, "seats"], to: .integer(Int64(index + 7)))
      }
    }
    let logs = replicas.map(\.log)
    // Each hears of the others in another order.
    for index in 0..<3 {
      for step in 1..<3 {
        let edits = logs[(index + step) % 3].filter { !replicas[index].vector.contains($0.change) }
        try replicas[index].receive(edits)
      }
    }
    return replicas
  }

  private func expect(
    _ policy: RegisterPolicy, _ expected: JSONValue, in replicas: [DocumentReplica],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for replica in replicas {
      let read = try replica.document.json(at: ["title"], policy: policy)
      #expect(read == expected, sourceLocation: sourceLocation)
      // Nothing is decided by reading.
      #expect(
        try replica.conflicts().filter { $0.path == ["title"] }.first?.sides.count == 3,
        sourceLocation: sourceLocation)
    }
  }

  @Test("the last writer's, by stamp")
  func lastWriterWins() throws {
    let replicas = try replicas()
    try expect(.lastWriterWins, "from 1", in: replicas)
    #expect(try replicas[0].document.json(at: ["title"]) == "from 1")
  }

  @Test("that of the replica which comes first in a list")
  func replicaPriority() throws {
    let replicas = try replicas()
    let origins = (0..<4).map(testOrigin)
    try expect(.replicaPriority([origins[2], origins[0]]), "from 2", in: replicas)
    try expect(.replicaPriority([origins[3], origins[0], origins[1]]), "from 0", in: replicas)
    try expect(.replicaPriority([origins[3]]), "from 1", in: replicas)
    try expect(.replicaPriority([]), "from 1", in: replicas)
  }

  @Test("all of them, in ascending order of their stamps, each once")
  func keepAll() throws {
    try expect(.keepAll, ["from 0", "from 2", "from 1"], in: try replicas())
    let alike = try replicas(["same", "same", ["a": 1]])
    for replica in alike {
      let all = try replica.document.json(at: ["title"], policy: .keepAll)
      #expect(all == ["same", ["a": 1]])
    }
    var alone = DocumentReplica(0)
    try alone.edit { try $0.set(["title"], to: "T") }
    #expect(try alone.document.json(at: ["title"], policy: .keepAll) == ["T"])
  }

  @Test("what a function makes of them, which sees who wrote what after whom")
  func custom() throws {
    let replicas = try replicas()
    let joined = RegisterPolicy.custom { values in
      .string(values.map { $0.value.stringValue ?? "?" }.joined(separator: " | "))
    }
    try expect(joined, "from 0 | from 2 | from 1", in: replicas)
    let authors = RegisterPolicy.custom { values in
      .array(values.map { .string("\($0.change.origin.low)@\($0.lamport)") })
    }
    try expect(authors, ["1@2", "3@2", "2@3"], in: replicas)
  }

  @Test("a model is read by the policies of its fields, and the others by the last writer's")
  func models() throws {
    struct Room: Codable, Equatable {
      var seats: Int
    }
    struct Plan: Codable, Equatable {
      var title: [String]
      var rooms: [Room]
    }
    let fewest = RegisterPolicy.custom { values in
      .integer(values.compactMap(\.value.integerValue).min() ?? 0)
    }
    for replica in try replicas() {
      let plan = try replica.document.model(
        Plan.self, policies: ["title": .keepAll, "rooms/*/seats": fewest])
      #expect(
        plan == Plan(title: ["from 0", "from 2", "from 1"], rooms: [Room(seats: 7)]))
      let rooms = try replica.document.model([Room].self, at: ["rooms"])
      #expect(rooms == [Room(seats: 8)])
      let other = try replica.document.model(
        [Room].self, at: ["rooms"], policies: ["0/seats": .replicaPriority([testOrigin(2)])])
      #expect(other == [Room(seats: 9)])
      let error = #expect(throws: ModelError.self) {
        try replica.document.model(
          Plan.self, policies: ["title": .keepAll, "rooms/0/seats": .custom { _ in ["x": 1] }])
      }
      #expect(error == ModelError(.wrongType, at: ["rooms", 0, "seats"], ""))
    }
  }

  @Test("a place that holds nothing has nothing to choose from")
  func nothing() throws {
    let replica = try replicas()[0]
    #expect(throws: EditError(.nothingThere, "")) {
      try replica.document.json(at: ["no"], policy: .keepAll)
    }
    #expect(throws: EditError(.wrongKind, "")) {
      try replica.document.json(at: [], policy: .keepAll)
    }
  }
}
