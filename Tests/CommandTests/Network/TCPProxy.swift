import Foundation
import Synchronization

/// Carries connections to a port of this machine, and makes the network as bad as a test wants.
///
/// ```
/// dialler ─► proxy.port ─► delay, throttle, corrupt, swallow ─► the port it leads to
/// ```
final class TCPProxy: Sendable {
  /// What becomes of bytes that cross, in both directions.
  struct Weather {
    /// Before each piece goes on.
    var delayMilliseconds: UInt32 = 0
    /// Of each direction of each connection.
    var bytesPerSecond: Int?
    /// After so many bytes of a direction one bit is turned over, and again after as many.
    var corruptedEvery: Int?
  }

  private struct State {
    var weather = Weather()
    var isStopped = false
    /// The two sockets of each connection.
    var connections: [Int: (Int32, Int32)] = [:]
    /// Connections whose bytes vanish while both ends stay open.
    var halfOpen: Set<Int> = []
    var connectionCount = 0
    var byteCount = 0
  }

  private static let pieceBytes = 4_096
  private static let pollMilliseconds: Int32 = 20

  let port: Int
  private let target: UInt16
  private let listener: Int32
  private let state = Mutex(State())

  init(to target: Int) throws {
    self.target = UInt16(target)
    (listener, port) = try Ports.listen()
    Thread.detachNewThread { [weak self, listener] in
      while let proxy = self, proxy.takeNext() {}
      close(listener)
    }
  }

  deinit { stop() }

  /// How many connections were made through it so far.
  var connectionCount: Int { state.withLock { $0.connectionCount } }
  /// How many bytes have crossed, both ways.
  var byteCount: Int { state.withLock { $0.byteCount } }

  func set(_ change: (inout Weather) -> Void) {
    state.withLock { change(&$0.weather) }
  }

  /// Cuts all connections; what was under way is lost.
  func cut() {
    state.withLock { state in
      for (left, right) in state.connections.values {
        shutdown(left, Int32(SHUT_RDWR))
        shutdown(right, Int32(SHUT_RDWR))
      }
    }
  }

  /// From now on nothing crosses the connections that there are, and nobody is told. New ones work.
  func halfOpen() {
    state.withLock { $0.halfOpen.formUnion($0.connections.keys) }
  }

  func stop() {
    let isFirst = state.withLock { state in
      defer { state.isStopped = true }
      return !state.isStopped
    }
    // The thread that accepts closes the listener: nobody else may get its number before.
    if isFirst { cut() }
  }

  // MARK: Threads

  /// Waits a while for a connection and carries it. False when the proxy is stopped.
  private func takeNext() -> Bool {
    if state.withLock({ $0.isStopped }) { return false }
    guard Ports.isReadable(listener, withinMilliseconds: Self.pollMilliseconds) else { return true }
    let left = accept(listener, nil, nil)
    guard left >= 0 else { return true }
    guard let right = try? Ports.connect(target) else {
      close(left)
      return true
    }
    let number = state.withLock { state in
      state.connectionCount += 1
      state.connections[state.connectionCount] = (left, right)
      return state.connectionCount
    }
    let ends = EndCounter()
    for (from, to) in [(left, right), (right, left)] {
      Thread.detachNewThread { [self] in
        carry(number, from, to)
        shutdown(from, Int32(SHUT_RDWR))
        shutdown(to, Int32(SHUT_RDWR))
        guard ends.isLast() else { return }
        state.withLock { _ = $0.connections.removeValue(forKey: number) }
        close(left)
        close(right)
      }
    }
    return true
  }

  /// Carries one direction until it ends.
  private func carry(_ number: Int, _ from: Int32, _ to: Int32) {
    var buffer = [UInt8](repeating: 0, count: Self.pieceBytes)
    var untilCorrupted = 0
    while true {
      let count = recv(from, &buffer, buffer.count, 0)
      guard count > 0 else { return }
      let (weather, vanishes) = state.withLock { state in
        state.byteCount += count
        return (state.weather, state.halfOpen.contains(number))
      }
      if vanishes { continue }
      if weather.delayMilliseconds > 0 { usleep(weather.delayMilliseconds * 1_000) }
      if let rate = weather.bytesPerSecond { usleep(UInt32(count * 1_000_000 / max(rate, 1))) }
      if let every = weather.corruptedEvery {
        untilCorrupted += count
        if untilCorrupted >= every {
          untilCorrupted = 0
          buffer[count / 2] ^= 4
        }
      }
      var sent = 0
      while sent < count {
        let step = buffer.withUnsafeBytes { bytes in
          send(to, bytes.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL))
        }
        guard step > 0 else { return }
        sent += step
      }
    }
  }
}

/// Tells the last of two that it is.
private final class EndCounter: Sendable {
  private let left = Mutex(2)

  func isLast() -> Bool {
    left.withLock { left in
      left -= 1
      return left == 0
    }
  }
}
