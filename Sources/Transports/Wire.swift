internal import NIOCore
internal import Synchronization

/// What the event loop and the tasks of one connection share: bytes that were read and wait for
/// their consumer, the budget of bytes that wait to be written, and how the connection ended.
///
/// Both directions are bounded. Inbound, the handler asks `holdsReads` before each read, and the
/// consumer learns from `take` that reading stopped and must be asked for again; a peer that sends
/// faster than the consumer takes then finds its TCP window shut. Outbound, `reserve` suspends
/// senders in order of arrival until what is queued has gone below the limit; one send larger than
/// the limit goes alone.
final class Wire: Sendable {
  private struct Sender {
    let ticket: UInt64
    let byteCount: Int
    let continuation: CheckedContinuation<Result<Void, TransportError>, Never>
  }

  private struct State {
    var inbound: [UInt8] = []
    var readsHeld = false
    var consumer: CheckedContinuation<Void, Never>?

    var outboundByteCount = 0
    var senders = CircularBuffer<Sender>()
    var nextTicket: UInt64 = 0

    var ending: Connection.Ending?
  }

  private let state = Mutex(State())
  private let inboundBytes: Int
  private let outboundBytes: Int
  let place: String

  init(limits: TransportLimits, place: String) {
    inboundBytes = max(1, limits.inboundBytes)
    outboundBytes = max(1, limits.outboundBytes)
    self.place = place
  }

  // MARK: The event loop's side

  /// Bytes came in. After a local close they are dropped: nobody is going to ask for them.
  func received(_ buffer: ByteBuffer) {
    let consumer = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard state.ending == nil else { return nil }
      buffer.withUnsafeReadableBytes { state.inbound.append(contentsOf: $0) }
      return state.consumer.take()
    }
    consumer?.resume()
  }

  /// True when the consumer is behind: the read is left out, and `take` will say when to make up
  /// for it.
  func holdsReads() -> Bool {
    state.withLock { state in
      state.readsHeld = state.ending == nil && state.inbound.count >= inboundBytes
      return state.readsHeld
    }
  }

  /// Bytes that `reserve` admitted have been written, or never will be.
  func release(_ byteCount: Int) {
    let admitted = state.withLock { state -> [Sender] in
      state.outboundByteCount -= byteCount
      var admitted: [Sender] = []
      while let sender = state.senders.first,
        admits(sender.byteCount, above: state.outboundByteCount)
      {
        state.outboundByteCount += sender.byteCount
        admitted.append(state.senders.removeFirst())
      }
      return admitted
    }
    for sender in admitted {
      sender.continuation.resume(returning: .success(()))
    }
  }

  /// The first ending is the one that counts. A local one also drops what was read and not
  /// consumed.
  /// - Returns: whether this was the first.
  @discardableResult
  func finish(_ ending: Connection.Ending) -> Bool {
    let (first, consumer, senders) = state.withLock { state in
      guard state.ending == nil else {
        return (false, nil as CheckedContinuation<Void, Never>?, CircularBuffer<Sender>())
      }
      state.ending = ending
      if case .local = ending { state.inbound = [] }
      let senders = state.senders
      state.senders = CircularBuffer()
      return (true, state.consumer.take(), senders)
    }
    consumer?.resume()
    let error = ended(ending)
    for sender in senders {
      sender.continuation.resume(returning: .failure(error))
    }
    return first
  }

  // MARK: The tasks' side

  var ending: Connection.Ending? {
    state.withLock { $0.ending }
  }

  /// Everything that was read since the last call; suspends while that is nothing.
  /// - Returns: the bytes, nil at the end of a connection that ended in good order, and whether
  ///   reading had stopped for want of this call.
  func take() async throws(TransportError) -> (bytes: [UInt8]?, resumesReading: Bool) {
    while true {
      if Task.isCancelled {
        throw TransportError(.cancelled, at: place, "the task that waited for bytes was cancelled")
      }
      let taken = try state.withLock {
        state throws(TransportError) -> (bytes: [UInt8]?, resumesReading: Bool)? in
        if !state.inbound.isEmpty {
          var bytes: [UInt8] = []
          swap(&bytes, &state.inbound)
          let held = state.readsHeld
          state.readsHeld = false
          return (bytes, held)
        }
        switch state.ending {
        case nil: return nil
        case .local, .remote: return (nil, false)
        case .failed(let error): throw error
        }
      }
      if let taken { return taken }
      await waitForBytes()
    }
  }

  private func waitForBytes() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let readyNow = state.withLock { state in
          // Cancelled is asked inside the lock: either it is seen here, or `onCancel` finds the
          // consumer.
          if Task.isCancelled || !state.inbound.isEmpty || state.ending != nil { return true }
          precondition(state.consumer == nil, "a connection's bytes have one consumer")
          state.consumer = continuation
          return false
        }
        if readyNow { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.consumer.take() }?.resume()
    }
  }

  /// Suspends until `byteCount` more bytes may be queued. They must be given back with `release`.
  func reserve(_ byteCount: Int) async throws(TransportError) {
    let ticket = state.withLock { state in
      state.nextTicket += 1
      return state.nextTicket
    }
    let result: Result<Void, TransportError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let immediate = state.withLock { state -> Result<Void, TransportError>? in
          if let ending = state.ending { return .failure(ended(ending)) }
          if Task.isCancelled { return .failure(cancelled()) }
          if state.senders.isEmpty, admits(byteCount, above: state.outboundByteCount) {
            state.outboundByteCount += byteCount
            return .success(())
          }
          state.senders.append(
            Sender(ticket: ticket, byteCount: byteCount, continuation: continuation))
          return nil
        }
        if let immediate { continuation.resume(returning: immediate) }
      }
    } onCancel: {
      let sender = state.withLock { state -> Sender? in
        guard let index = state.senders.firstIndex(where: { $0.ticket == ticket }) else {
          return nil
        }
        return state.senders.remove(at: index)
      }
      sender?.continuation.resume(returning: .failure(cancelled()))
    }
    try result.get()
  }

  private func admits(_ byteCount: Int, above queued: Int) -> Bool {
    queued == 0 || byteCount <= outboundBytes - queued
  }

  private func cancelled() -> TransportError {
    TransportError(.cancelled, at: place, "the task that waited to send was cancelled")
  }

  private func ended(_ ending: Connection.Ending) -> TransportError {
    switch ending {
    case .failed(let error): error
    case .local: TransportError(.closed, at: place, "the connection was closed on this side")
    case .remote: TransportError(.closed, at: place, "the peer has closed the connection")
    }
  }
}
