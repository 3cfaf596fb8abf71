internal import ReplicaStore

/// One change as this replica has applied it.
public struct FeedEntry: Hashable, Sendable {
  /// Its place in the order in which changes became visible in this store: from 1 on, without gaps.
  /// Other replicas have other orders.
  public let position: Int64
  public let change: ChangeID
  public let lamport: UInt64
  /// The author's wall clock.
  public let time: Timestamp
  /// The documents that it edits, sorted.
  public let documents: [DocumentID]
}

/// Somebody who follows the feed, and how far it has come.
public struct FeedConsumer: Hashable, Sendable {
  public let name: String
  /// It has dealt with all up to here.
  public let position: Int64
}

// A position never comes to stand for other edits. The name of the change there can become another
// one, once, while nobody else can have seen it: when a store turns out to be a copy or a restored
// backup, changes that it had sent to nobody are written again under its new origin, and keep their
// positions.
extension Replica {
  /// The changes behind a position, in the order in which they were applied here.
  ///
  /// Complexity: O(log n), and the bytes of the segments that hold them.
  ///
  /// - Throws: `refused` for a position that is beyond the last one: it belongs to another store,
  ///   or to a later state of one that was restored from a backup.
  public func feed(
    after position: Int64 = 0, limit: Int = 256
  ) async throws(ReplicaError) -> [FeedEntry] {
    try await core.feed(after: position, limit: limit)
  }

  /// The changes behind a position, and then each one as it is applied, until the replica is
  /// closed. It is read as fast as its reader reads, however much that is.
  public func feedFollowing(_ position: Int64 = 0) -> FeedSequence {
    FeedSequence(replica: self, start: .position(position))
  }

  /// The changes that a consumer has not acknowledged, and then each one as it is applied. A
  /// consumer that is not known begins with the first.
  ///
  /// Acknowledge what was dealt with, see ``acknowledge(_:through:)``: after a crash the rest comes
  /// again, so that each change comes at least once.
  public func feed(of consumer: String) -> FeedSequence {
    FeedSequence(replica: self, start: .consumer(consumer))
  }

  /// Notes, durably, that a consumer has dealt with all changes up to a position.
  ///
  /// - Throws: `refused` for a position that does not exist or a name that is empty or too long.
  public func acknowledge(
    _ consumer: String, through position: Int64
  ) async throws(ReplicaError) {
    try await core.acknowledge(consumer, through: position)
  }

  /// By name.
  public func feedConsumers() async throws(ReplicaError) -> [FeedConsumer] {
    try await core.feedConsumers()
  }

  public func removeConsumer(_ consumer: String) async throws(ReplicaError) {
    try await core.removeConsumer(consumer)
  }
}

extension Reading {
  /// What the replica showed when it had applied the changes up to a position of the feed: between
  /// the versions at two positions lies what ``patches(_:from:to:)`` tells.
  ///
  /// Complexity: O(turns that origins took up to there).
  public func version(atPosition position: Int64) throws(ReplicaError) -> VersionVector {
    try ReplicaError.translating { try store.version(atPosition: position) }
  }
}

/// Changes as they are applied; see ``Replica/feedFollowing(_:)``.
public struct FeedSequence: AsyncSequence, Sendable {
  public typealias Element = FeedEntry

  enum Start {
    case position(Int64)
    case consumer(String)
  }

  let replica: Replica
  let start: Start

  public func makeAsyncIterator() -> Iterator {
    // From here on nothing is missed: what is applied before the first page is in it.
    Iterator(
      replica: replica, start: start, notices: replica.changes().makeAsyncIterator())
  }

  public struct Iterator: AsyncIteratorProtocol {
    let replica: Replica
    let start: Start
    var notices: AsyncStream<ChangeNotice>.Iterator
    private var page: [FeedEntry] = []
    private var taken = 0
    private var last: Int64?

    private static let pageCount = 256

    init(replica: Replica, start: Start, notices: AsyncStream<ChangeNotice>.Iterator) {
      self.replica = replica
      self.start = start
      self.notices = notices
    }

    /// - Throws: as ``Replica/feed(after:limit:)``.
    public mutating func next() async throws -> FeedEntry? {
      while taken == page.count {
        let position: Int64
        if let last {
          position = last
        } else {
          position = try await firstPosition()
        }
        last = position
        do {
          page = try await replica.feed(after: position, limit: Self.pageCount)
        } catch  where error.code == .closed {
          return nil
        }
        taken = 0
        if page.isEmpty, await notices.next() == nil { return nil }
      }
      defer { taken += 1 }
      last = page[taken].position
      return page[taken]
    }

    private func firstPosition() async throws -> Int64 {
      switch start {
      case .position(let position): position
      case .consumer(let name):
        try await replica.feedConsumers().first { $0.name == name }?.position ?? 0
      }
    }
  }
}

extension ReplicaCore {
  func feed(after position: Int64, limit: Int) throws(ReplicaError) -> [FeedEntry] {
    let store = try opened().store
    lookAround()
    return try ReplicaError.translating {
      var entries: [FeedEntry] = []
      guard limit > 0 else { return entries }
      try store.feed(after: position) { entry in
        entries.append(
          FeedEntry(
            position: entry.position, change: entry.change, lamport: entry.lamport,
            time: entry.time, documents: entry.documents))
        return entries.count < limit
      }
      return entries
    }
  }

  func acknowledge(_ consumer: String, through position: Int64) throws(ReplicaError) {
    let store = try opened().store
    try ReplicaError.translating { try store.acknowledge(consumer, through: position) }
  }

  func feedConsumers() throws(ReplicaError) -> [FeedConsumer] {
    let store = try opened().store
    return try ReplicaError.translating {
      try store.feedConsumers().map { FeedConsumer(name: $0.name, position: $0.position) }
    }
  }

  func removeConsumer(_ consumer: String) throws(ReplicaError) {
    let store = try opened().store
    try ReplicaError.translating { try store.removeConsumer(consumer) }
  }
}
