import Causality
import Documents
import JSONCoding
import ReplicaStore
import SQLiteBridge
import Sealing
import SegmentStore
import Segments
import TestSupport
import Testing

/// Stores of one workspace that know each other.
final class TestWorkspace {
  private(set) var stores: [ReplicaStore] = []
  let entropy: Entropy
  private(set) var now = Timestamp(clampingMilliseconds: 1_700_000_000_000)

  init(_ count: Int, seed: UInt64 = 1, folder: TemporaryFolder? = nil) throws {
    entropy = .seeded(seed)
    for index in 0..<count {
      let location = folder.map { SQLiteOptions.Location.file($0.file("\(index).db")) } ?? .memory
      try add(SQLiteOptions(location: location, busyTimeoutMilliseconds: 200))
    }
  }

  subscript(index: Int) -> ReplicaStore { stores[index] }

  func replace(_ index: Int, with store: ReplicaStore) { stores[index] = store }

  func tick() -> Timestamp {
    now = Timestamp(clampingMilliseconds: now.milliseconds + 1)
    return now
  }

  func add(_ options: SQLiteOptions, role: Role = .writer) throws {
    guard let founder = stores.first else {
      stores.append(
        try ReplicaStore.create(
          options, .workspace(name: "first"), now: now, entropy: entropy))
      return
    }
    let invitation = try founder.invite(role: role, expiresMillis: .max, entropy: entropy)
    let joiner = try ReplicaStore.create(
      options, .joining(invitation, name: "joiner \(stores.count)"), now: now, entropy: entropy)
    _ = try founder.addRecords(joiner.membership.records)
    _ = try founder.makeRecords { (membership, identity) throws(MembershipError) in
      var records: [MembershipRecord] = []
      for request in membership.requests(for: identity.device.publicKey) {
        records.append(try membership.admit(request.hash, by: identity.device, nowMillis: 0))
      }
      return records
    }
    stores.append(joiner)
    for store in stores { _ = try store.addRecords(founder.membership.records) }
  }

  /// One transaction, which must succeed.
  @discardableResult
  func edit<Value>(
    _ index: Int, _ body: (StoreTransaction) throws -> Value
  ) throws -> StoreCommit<Value> {
    try stores[index].group(now: tick(), entropy: entropy) { $0.transaction(body) }.get()
  }

  /// Sends what `to` lacks, all of it or up to a number of segments.
  @discardableResult
  func send(from: Int, to: Int, limit: Int = .max) throws -> ReceiveOutcome {
    let (source, target) = (stores[from], stores[to])
    _ = try source.seal(entropy: entropy)
    let known = VersionVector(
      try target.storedTips().map { .init(origin: $0.origin, sequence: $0.position.sequence) })
    let segments = try source.segments.segments(
      beyond: known, limitBytes: .max, limitCount: limit
    ).map { try Segment(parsing: $0.bytes) }
    for segment in segments { try target.verify(segment) }
    return try target.receive(segments)
  }

  /// Everything to everybody.
  func level() throws {
    for _ in 0..<2 {
      for from in stores.indices {
        for to in stores.indices where from != to { try send(from: from, to: to) }
      }
    }
  }

  func export(_ index: Int) throws -> [String] {
    var lines: [String] = []
    try stores[index].exportCanonical { lines.append(String(decoding: $0, as: UTF8.self)) }
    return lines
  }

  /// Whether all stores show the same, told without printing it all.
  func expectEqual(_ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let first = try export(0)
    for index in stores.indices.dropFirst() {
      let other = try export(index)
      let difference = zip(first, other).first { $0 != $1 }
      #expect(difference == nil, comment, sourceLocation: sourceLocation)
      #expect(first.count == other.count, comment, sourceLocation: sourceLocation)
      #expect(
        try stores[0].stateDigest() == stores[index].stateDigest(), comment,
        sourceLocation: sourceLocation)
    }
  }
}

extension DocumentPath {
  init(_ keys: String...) { self.init(keys.map { .key($0) }) }
}

extension StoreTransaction {
  /// A new document with a title and an empty text.
  @discardableResult
  func createNote(_ title: String) throws -> DocumentID {
    let id = create()
    let editor = try edit(id)
    try editor.set(DocumentPath("title"), to: .string(title))
    try editor.make(DocumentPath("body"), .text)
    return id
  }

  func insert(_ text: String, at position: Int = 0, of id: DocumentID) throws {
    try edit(id).splice(DocumentPath("body"), at: position, delete: 0, insert: text)
  }
}

extension ReplicaStore {
  func body(_ id: DocumentID) throws -> String {
    try #require(try document(id)).text(at: DocumentPath("body"))
  }

  func title(_ id: DocumentID) throws -> JSONValue {
    try #require(try document(id)).json(at: DocumentPath("title"))
  }
}
