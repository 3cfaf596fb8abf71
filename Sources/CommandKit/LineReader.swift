private import Synchronization

#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#else
  private import Darwin
#endif

/// Reads lines from a file descriptor on a thread of its own and hands them out in groups: whatever
/// has arrived. So a writer that pours lines gets large groups, and one that waits for each answer
/// gets its line through at once.
package final class LineReader: Sendable {
  package enum Line: Sendable, Equatable {
    case text([UInt8])
    /// Longer than `lineBytesMax`; its bytes were skipped.
    case tooLong
  }

  package static let lineBytesMax = 64 << 20
  /// A group holds at most this many lines, so that answers come while the rest is still read.
  package static let groupLinesMax = 2_048
  private static let waitingBytesMax = 16 << 20
  private static let chunkBytes = 1 << 18

  fileprivate struct State {
    var lines: [Line] = []
    var byteCount = 0
    var partial: [UInt8] = []
    var isSkipping = false
    var isAtEnd = false
    var failure: String?
    var consumer: CheckedContinuation<Void, Never>?
    var producer: CheckedContinuation<Void, Never>?
  }

  fileprivate let state = Mutex(State())

  /// Starts reading. `descriptor` is not closed.
  package init(descriptor: Int32) {
    let thread = ReaderThread { [self] in read(descriptor) }
    thread.start()
  }

  /// The lines that have arrived, at least one; nil at the end.
  package func nextGroup() async throws(CommandFailure) -> [Line]? {
    while true {
      let (group, isAtEnd, failure) = take()
      if !group.isEmpty { return group }
      if let failure { throw CommandFailure(sentence: failure) }
      if isAtEnd { return nil }
      await withCheckedContinuation { continuation in
        let isReady = state.withLock { state in
          if state.lines.isEmpty && !state.isAtEnd {
            state.consumer = continuation
            return false
          }
          return true
        }
        if isReady { continuation.resume() }
      }
    }
  }

  private func take() -> ([Line], Bool, String?) {
    state.withLock { state in
      let group: [Line]
      if state.lines.count <= Self.groupLinesMax {
        group = state.lines
        state.lines = []
        state.byteCount = 0
      } else {
        group = Array(state.lines.prefix(Self.groupLinesMax))
        state.lines.removeFirst(Self.groupLinesMax)
        state.byteCount -= group.reduce(0) { $0 + $1.byteCount }
      }
      return (group, state.isAtEnd, state.failure)
    }
  }

  private func read(_ descriptor: Int32) {
    while true {
      waitForRoom()
      guard let bytes = Descriptor.read(descriptor, limit: Self.chunkBytes) else {
        end(failure: "The input cannot be read: \(String(cString: strerror(errno))).")
        return
      }
      guard !bytes.isEmpty else {
        end(failure: nil)
        return
      }
      accept(bytes)
    }
  }

  private func waitForRoom() {
    while state.withLock({ $0.byteCount > Self.waitingBytesMax }) { usleep(1_000) }
  }

  private func accept(_ bytes: [UInt8]) {
    let consumer = state.withLock { state -> CheckedContinuation<Void, Never>? in
      var rest = bytes[...]
      while let feed = rest.firstIndex(of: UInt8(ascii: "\n")) {
        state.extend(rest[..<feed])
        state.endLine()
        rest = rest[(feed + 1)...]
      }
      state.extend(rest)
      guard !state.lines.isEmpty else { return nil }
      defer { state.consumer = nil }
      return state.consumer
    }
    consumer?.resume()
  }

  private func end(failure: String?) {
    let consumer = state.withLock { state in
      state.endLine()
      state.isAtEnd = true
      state.failure = failure
      defer { state.consumer = nil }
      return state.consumer
    }
    consumer?.resume()
  }
}

extension LineReader.Line {
  fileprivate var byteCount: Int {
    if case .text(let bytes) = self { bytes.count } else { 0 }
  }
}

extension LineReader.State {
  fileprivate mutating func extend(_ bytes: ArraySlice<UInt8>) {
    guard !isSkipping else { return }
    if partial.count + bytes.count > LineReader.lineBytesMax {
      isSkipping = true
      partial = []
    } else {
      partial.append(contentsOf: bytes)
    }
  }

  /// A line ends here. Lines of nothing but white space count for nothing.
  fileprivate mutating func endLine() {
    if isSkipping {
      lines.append(.tooLong)
    } else if partial.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) {
      lines.append(.text(partial))
      byteCount += partial.count
    }
    partial = []
    isSkipping = false
  }
}

/// A detached thread: reading blocks, and must not block the cooperative pool.
private final class ReaderThread: Sendable {
  private let body: @Sendable () -> Void

  package init(_ body: @escaping @Sendable () -> Void) {
    self.body = body
  }

  package func start() {
    let argument = Unmanaged.passRetained(self).toOpaque()
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let status = pthread_create(
      &thread, nil,
      { argument in
        #if canImport(Darwin)
          let object = Unmanaged<ReaderThread>.fromOpaque(argument).takeRetainedValue()
        #else
          guard let argument else { return nil }
          let object = Unmanaged<ReaderThread>.fromOpaque(argument).takeRetainedValue()
        #endif
        object.body()
        return nil
      }, argument)
    #if canImport(Darwin)
      if status == 0, let thread { pthread_detach(thread) }
    #else
      if status == 0 { pthread_detach(thread) }
    #endif
  }
}
