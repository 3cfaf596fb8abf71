internal import Synchronization

/// Who wants to be told about changes.
final class Subscribers: Sendable {
  /// How many notices wait for a subscriber that does not come to read them.
  static let bufferedNotices = 256

  private struct State {
    var next = 0
    var streams: [Int: AsyncStream<ChangeNotice>.Continuation] = [:]
    var isFinished = false
  }

  private let state = Mutex(State())

  var isEmpty: Bool { state.withLock { $0.streams.isEmpty } }

  func add() -> AsyncStream<ChangeNotice> {
    let (stream, continuation) = AsyncStream<ChangeNotice>.makeStream(
      bufferingPolicy: .bufferingNewest(Self.bufferedNotices))
    let number = state.withLock { state -> Int? in
      guard !state.isFinished else { return nil }
      state.next += 1
      state.streams[state.next] = continuation
      return state.next
    }
    guard let number else {
      continuation.finish()
      return stream
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { _ = $0.streams.removeValue(forKey: number) }
    }
    return stream
  }

  func tell(_ notice: ChangeNotice) {
    let streams = state.withLock { Array($0.streams.values) }
    for stream in streams {
      guard case .dropped = stream.yield(notice) else { continue }
      // The last notice that waits says that some before it are missing.
      stream.yield(
        ChangeNotice(documents: notice.documents, isComplete: false, source: notice.source))
    }
  }

  func finish() {
    let streams = state.withLock { state in
      state.isFinished = true
      defer { state.streams = [:] }
      return Array(state.streams.values)
    }
    for stream in streams { stream.finish() }
  }
}
