import DequeModule
import ReplicaStore
import SyncProtocol

/// Segments that were accepted and are not stored yet, by link. Credit bounds what a link has here.
struct Inbox {
  private struct Queue {
    let connection: Connection
    var segments: Deque<IncomingSegment> = []
    var byteCount = 0
  }

  /// In the order in which the links came to have something; none is empty.
  private var queues: [Queue] = []
  private(set) var byteCount = 0

  var isEmpty: Bool { queues.isEmpty }

  /// Whether some link has few changes here, in few bytes, and no more. Complexity: O(links).
  func hasSmall(_ limit: WorkLimit) -> Bool {
    queues.contains { queue in
      guard queue.byteCount <= limit.bytes, queue.segments.count <= limit.changes else {
        return false
      }
      let rest = UInt64(clamping: limit.changes - queue.segments.count)
      return queue.segments.allSatisfy { $0.last &- $0.first <= rest }
    }
  }

  /// What a link has. Complexity: O(links).
  func byteCount(of link: LinkID) -> Int {
    queues.first { $0.connection.id == link }?.byteCount ?? 0
  }

  /// What those links have that are told of. Complexity: O(links).
  func byteCount(where isCounted: (LinkID) -> Bool) -> Int {
    queues.reduce(0) { $0 + (isCounted($1.connection.id) ? $1.byteCount : 0) }
  }

  mutating func append(_ segment: IncomingSegment, from connection: Connection) {
    byteCount += segment.bytes.count
    if !queues.contains(where: { $0.connection === connection }) {
      queues.append(Queue(connection: connection))
    }
    for index in queues.indices where queues[index].connection === connection {
      queues[index].segments.append(segment)
      queues[index].byteCount += segment.bytes.count
    }
  }

  /// Takes the next segments of the link that has the least: what is small waits for nobody, and
  /// what is large has been waiting already. At least one, then as many as the limit has room for.
  mutating func next(
    _ limit: WorkLimit
  ) -> (segments: [IncomingSegment], connection: Connection)? {
    guard let index = queues.indices.min(by: { queues[$0].byteCount < queues[$1].byteCount })
    else { return nil }
    var taken: [IncomingSegment] = []
    var changes: UInt64 = 0
    var bytes = 0
    while bytes < limit.bytes, changes < UInt64(clamping: limit.changes),
      let segment = queues[index].segments.popFirst()
    {
      // What a peer announces is not checked yet.
      changes = changes.addingReportingOverflow(segment.last &- segment.first &+ 1).partialValue
      bytes += segment.bytes.count
      taken.append(segment)
    }
    byteCount -= bytes
    queues[index].byteCount -= bytes
    let connection = queues[index].connection
    if queues[index].segments.isEmpty { queues.remove(at: index) }
    return (taken, connection)
  }

  /// What came over a link is not wanted any more.
  mutating func drop(_ link: LinkID) {
    byteCount -= queues.reduce(0) { $0 + ($1.connection.id == link ? $1.byteCount : 0) }
    queues.removeAll { $0.connection.id == link }
  }
}
