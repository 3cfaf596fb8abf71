internal import Synchronization

/// Streams of one kind of value, each for somebody who wants all of them from when it was made on.
final class Broadcast<Element: Sendable>: Sendable {
  private struct State {
    var next = 0
    var streams: [Int: AsyncStream<Element>.Continuation] = [:]
    var isFinished = false
  }

  /// How many values wait for a reader that does not come; the newest stay.
  private let bufferedMax: Int
  private let state = Mutex(State())

  init(buffered: Int) {
    bufferedMax = buffered
  }

  var isEmpty: Bool { state.withLock { $0.streams.isEmpty } }

  func add() -> AsyncStream<Element> {
    let (stream, continuation) = AsyncStream<Element>.makeStream(
      bufferingPolicy: .bufferingNewest(bufferedMax))
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

  /// - Parameter whenDropped: called for each stream that had to drop a value for this one.
  func tell(
    _ element: Element, whenDropped: (AsyncStream<Element>.Continuation) -> Void = { _ in }
  ) {
    let streams = state.withLock { Array($0.streams.values) }
    for stream in streams {
      if case .dropped = stream.yield(element) { whenDropped(stream) }
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
