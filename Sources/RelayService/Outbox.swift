internal import Synchronization
internal import Transports

/// Bytes on their way from the core to one connection. What gathers while the connection is busy
/// leaves in one piece.
final class Outbox: Sendable {
  private struct State {
    var bytes: [UInt8] = []
    var farewell: String?
  }

  private let state = Mutex(State())
  private let wake: AsyncStream<Void>.Continuation
  private let wakes: AsyncStream<Void>

  init() {
    (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  func add(_ bytes: [UInt8]) {
    state.withLock { state in
      if state.bytes.isEmpty { state.bytes = bytes } else { state.bytes += bytes }
    }
    wake.yield()
  }

  /// What was added leaves, then the connection is closed.
  func close(_ reason: String) {
    state.withLock { $0.farewell = reason }
    wake.yield()
    wake.finish()
  }

  /// Writes until closed, or until the connection breaks. `written` hears how much has left.
  func drain(into connection: Connection, written: (Int) async -> Void) async {
    do throws(TransportError) {
      for await _ in wakes {
        let bytes = state.withLock { state in
          defer { state.bytes = [] }
          return state.bytes
        }
        guard !bytes.isEmpty else { continue }
        try await connection.send(bytes)
        await written(bytes.count)
      }
    } catch {
      // The reader of the connection hears of it as well, and ends the link.
    }
    await connection.close(state.withLock { $0.farewell } ?? "")
  }
}
