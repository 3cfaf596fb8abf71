/// Who wants to be told about changes.
final class Subscribers: Sendable {
  /// How many notices wait for a subscriber that does not come to read them.
  static let bufferedNotices = 256

  private let streams = Broadcast<ChangeNotice>(buffered: bufferedNotices)

  var isEmpty: Bool { streams.isEmpty }

  func add() -> AsyncStream<ChangeNotice> { streams.add() }

  func tell(_ notice: ChangeNotice) {
    streams.tell(notice) { stream in
      // The last notice that waits says that some before it are missing.
      stream.yield(
        ChangeNotice(documents: notice.documents, isComplete: false, source: notice.source))
    }
  }

  func finish() { streams.finish() }
}
