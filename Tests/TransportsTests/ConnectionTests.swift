import Synchronization
import Testing

@testable import Transports

extension LinkTests {
  @Suite struct ConnectionTests {
    @Test(arguments: LinkKind.allCases)
    func whatIsSentComesBack(kind: LinkKind) async throws {
      try await withListener(identity: kind.identity(), serve: echo) { listener in
        let connection = try await listener.dial(kind)
        #expect(connection.kind == kind.kind)
        try await connection.send("hello, ")
        try await connection.send("skerry")
        #expect(try await connection.receive(count: 13) == Array("hello, skerry".utf8))
        #expect(connection.ending == nil)
        await connection.close("enough")
        #expect(connection.ending == .local("enough"))
        #expect(try await connection.receive() == nil)
        await #expect(throws: TransportError.self) { try await connection.send("more") }
      }
    }

    @Test(arguments: [
      (LinkKind.tcp, 50_000_000), (.webSocket, 12_000_000), (.secureWebSocket, 12_000_000),
    ])
    func muchGoesBothWaysPastASlowConsumer(kind: LinkKind, total: Int) async throws {
      try await withListener(identity: kind.identity(), serve: echo) { listener in
        let connection = try await listener.dial(kind)
        let sending = Task {
          var sent = 0
          var size = 1
          while sent < total {
            let count = min(size, total - sent)
            try await connection.send(Pattern.shared.bytes(at: sent, count: count))
            sent += count
            size = size % 300_000 + 70_001
          }
        }
        var received = 0
        var largest = 0
        while received < total, let bytes = try await connection.receive() {
          #expect(Pattern.shared.matches(bytes, at: received))
          received += bytes.count
          largest = max(largest, bytes.count)
          if received < 2_000_000 { try await Task.sleep(for: .milliseconds(2)) }
        }
        try await sending.value
        #expect(received == total)
        // What waited was bounded: the limit, one more read, and one frame where there are frames.
        #expect(largest <= 256 * 1024 + 2 * 1024 * 1024)
        await connection.close()
      }
    }

    @Test(arguments: LinkKind.allCases)
    func aSenderWaitsForAConsumerThatDoesNotRead(kind: LinkKind) async throws {
      try await withListener(identity: kind.identity(), serve: neverRead) { listener in
        let connection = try await listener.dial(kind, limits: .hasty)
        let chunk = [UInt8](repeating: 7, count: 100_000)
        let progress = Progress()
        let sending = Task {
          do {
            while true {
              try await connection.send(chunk)
              progress.add(chunk.count)
            }
          } catch let error as TransportError {
            return error.code
          }
        }
        var before = -1
        while progress.total != before {
          before = progress.total
          try await Task.sleep(for: .milliseconds(200))
        }
        // The kernel's buffers on both sides, and ours.
        #expect(before < 40_000_000)
        sending.cancel()
        #expect(try await sending.value == .cancelled)
        #expect(connection.ending == nil)
        // A half-open peer cannot hold up a close for longer than its limit.
        let start = ContinuousClock.now
        await connection.close()
        #expect(ContinuousClock.now - start < .seconds(5))
      }
    }

    @Test(arguments: LinkKind.allCases)
    func whatWasSentBeforeAClosingArrives(kind: LinkKind) async throws {
      let total = 3_000_000
      let sendAll: @Sendable (Connection) async -> Void = { connection in
        _ = try? await connection.receive(count: 1)
        try? await connection.send(Pattern.shared.bytes(at: 0, count: total))
        await connection.close("that was all")
      }
      try await withListener(identity: kind.identity(), serve: sendAll) { listener in
        let connection = try await listener.dial(kind)
        // More than the other side ever reads, so that a careless close would reset the connection.
        try await connection.send([UInt8](repeating: 1, count: 100_000))
        let bytes = try await connection.receiveToEnd()
        #expect(bytes.count == total)
        #expect(Pattern.shared.matches(bytes, at: 0))
        #expect(connection.ending == .remote(kind != .tcp ? "that was all" : ""))
        await connection.close()
        #expect(connection.ending == .remote(kind != .tcp ? "that was all" : ""))
      }
    }

    @Test(arguments: LinkKind.allCases)
    func aCutInTheMiddleOfAMessageIsTheEnd(kind: LinkKind) async throws {
      let listener = try await Listener.bind(
        Endpoint(host: "127.0.0.1", port: 0), identity: kind.identity())
      var dialed: Connection? = try await listener.dial(kind)
      try await dialed?.send([0, 0, 1])
      var links = listener.connections.makeAsyncIterator()
      let accepted = try #require(await links.next())
      #expect(try await accepted.receive(count: 3) == [0, 0, 1])
      // Dropped without goodbye, as when a process is killed.
      dialed = nil
      do {
        #expect(try await accepted.receive() == nil)
        #expect(accepted.ending == .remote(""))
      } catch {
        #expect(error.code == .reset)
      }
      await #expect(throws: TransportError.self) { try await accepted.send([1]) }
      await listener.close()
    }

    @Test func aWaitingConsumerCanBeCancelledAndTheConnectionGoesOn() async throws {
      try await withListener(serve: echo) { listener in
        let connection = try await Dialer().connect(to: listener.address(.tcp))
        let waiting = Task { try await connection.receive() }
        try await Task.sleep(for: .milliseconds(20))
        waiting.cancel()
        let error = await #expect(throws: TransportError.self) { try await waiting.value }
        #expect(error?.code == .cancelled)
        try await connection.send("still here")
        #expect(try await connection.receive(count: 10).count == 10)
        await connection.close()
      }
    }

    @Test func closingWakesEverybodyWhoWaits() async throws {
      try await withListener(serve: neverRead) { listener in
        let connection = try await Dialer(limits: .hasty).connect(to: listener.address(.tcp))
        let senders = (0..<5).map { _ in
          Task {
            while true { try await connection.send([UInt8](repeating: 0, count: 1_000_000)) }
          }
        }
        let receiver = Task { try await connection.receive() }
        try await Task.sleep(for: .milliseconds(300))
        await connection.close()
        for sender in senders {
          let error = await #expect(throws: TransportError.self) { try await sender.value }
          #expect(error?.code == .closed)
        }
        #expect(try await receiver.value == nil)
      }
    }

    @Test func manySendersAtOnceAreEachKeptWhole() async throws {
      try await withListener(serve: echo) { listener in
        let connection = try await Dialer().connect(to: listener.address(.webSocket))
        try await withThrowingTaskGroup(of: Void.self) { group in
          for mark in 0..<UInt8(20) {
            group.addTask {
              for _ in 0..<20 { try await connection.send([UInt8](repeating: mark, count: 5_000)) }
            }
          }
          let bytes = try await connection.receive(count: 20 * 20 * 5_000)
          #expect(bytes.count == 20 * 20 * 5_000)
          for start in stride(from: 0, to: bytes.count, by: 5_000) {
            let piece = bytes[start..<start + 5_000]
            #expect(piece.elementsEqual(repeatElement(bytes[start], count: 5_000)))
          }
          try await group.waitForAll()
        }
        await connection.close()
      }
    }

    @Test func inboundIsASequence() async throws {
      let count: @Sendable (Connection) async -> Void = { connection in
        _ = try? await connection.receive()
        for _ in 0..<100 { try? await connection.send([1, 2, 3]) }
        await connection.close()
      }
      try await withListener(serve: count) { listener in
        let connection = try await Dialer().connect(to: listener.address(.tcp))
        try await connection.send([0])
        var count = 0
        for try await bytes in connection.inbound { count += bytes.count }
        #expect(count == 300)
      }
    }

    /// Counts across tasks.
    private final class Progress: Sendable {
      private let count = Mutex(0)

      var total: Int { count.withLock { $0 } }

      func add(_ more: Int) {
        count.withLock { $0 += more }
      }
    }
  }
}
