import TestSupport
import Testing

@testable import Transports

extension LinkTests {
  @Suite struct ListenerTests {
    private let loopback = Endpoint(host: "127.0.0.1", port: 0)

    @Test func portZeroBecomesARealPort() async throws {
      let listener = try await Listener.bind(loopback)
      #expect(listener.boundEndpoint.host == "127.0.0.1")
      #expect(listener.boundEndpoint.port > 0)
      let error = await #expect(throws: TransportError.self) {
        _ = try await Listener.bind(listener.boundEndpoint)
      }
      #expect(error?.code == .cannotListen)
      #expect(error?.detail.contains("already in use") == true)
      await listener.close()
      let again = try await Listener.bind(listener.boundEndpoint)
      await again.close()
    }

    @Test func anAddressOfAnotherMachineCannotBeListenedOn() async throws {
      let error = await #expect(throws: TransportError.self) {
        _ = try await Listener.bind(Endpoint(host: "192.0.2.1", port: 0))
      }
      #expect(error?.code == .cannotListen)
    }

    @Test func bothKindsComeToOnePortOverIPv6() async throws {
      let endpoint = Endpoint(host: "::1", port: 0)
      guard let probe = try? await Listener.bind(endpoint) else { return }
      await probe.close()
      try await withListener(on: endpoint, serve: echo) { listener in
        #expect(listener.boundEndpoint.description.hasPrefix("[::1]:"))
        for kind in [Connection.Kind.tcp, .webSocket, .tcp] {
          let connection = try await Dialer().connect(to: listener.address(kind))
          try await connection.send("GE")
          if kind == .webSocket {
            #expect(try await connection.receive(count: 2) == Array("GE".utf8))
          }
          await connection.close()
        }
      }
    }

    @Test func aStreamThatBeginsLikeHTTPAndIsNotIsAStream() async throws {
      try await withListener(serve: echo) { listener in
        let connection = try await Dialer().connect(to: listener.address(.tcp))
        for piece in ["G", "E", "T", "s"] {
          try await connection.send(piece)
          try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try await connection.receive(count: 4) == Array("GETs".utf8))
        await connection.close()
      }
    }

    @Test func manyConnectionsAtOnce() async throws {
      try await withListener(serve: echo) { listener in
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<200 {
            group.addTask {
              let kind = number.isMultiple(of: 2) ? Connection.Kind.tcp : .webSocket
              let connection = try await Dialer().connect(to: listener.address(kind))
              try await connection.send(Pattern.shared.bytes(at: number, count: 10_000))
              let bytes = try await connection.receive(count: 10_000)
              #expect(Pattern.shared.matches(bytes, at: number))
              await connection.close()
            }
          }
          try await group.waitForAll()
        }
        #expect(listener.statistics.accepted == 200)
        try await eventually("all are closed") { listener.statistics.open == 0 }
      }
    }

    @Test func oneMoreThanTheLimitIsRefusedAndThePlaceIsGivenBack() async throws {
      var limits = TransportLimits()
      limits.connectionsMax = 3
      try await withListener(limits: limits, serve: echo) { listener in
        var held: [Connection] = []
        for _ in 0..<3 {
          let connection = try await Dialer().connect(to: listener.address(.tcp))
          try await connection.send([1])
          #expect(try await connection.receive() == [1])
          held.append(connection)
        }
        let extra = try await Dialer().connect(to: listener.address(.tcp))
        let answer = try? await extra.receive()
        #expect(answer == nil || answer == .some(nil))
        await extra.close()
        #expect(listener.statistics.refusedByLimit == 1)
        #expect(listener.statistics.open == 3)

        await held.removeLast().close()
        try await eventually("the place is free") { listener.statistics.open == 2 }
        let next = try await Dialer().connect(to: listener.address(.tcp))
        try await next.send([2])
        #expect(try await next.receive() == [2])
        await next.close()
        for connection in held { await connection.close() }
      }
    }

    @Test(arguments: ["", "GET", "GET / HTTP/1.1\r\nHost: x\r\n"])
    func whoeverDoesNotFinishTheHandshakeIsClosed(opening: String) async throws {
      var limits = TransportLimits()
      limits.handshakeMilliseconds = 100
      try await withListener(limits: limits, serve: echo) { listener in
        let silent = try await Dialer().connect(to: listener.address(.tcp))
        try? await silent.send(opening)
        _ = try? await silent.receive()
        #expect(silent.ending != nil)
        try await eventually("it is gone") { listener.statistics.open == 0 }
        #expect(listener.statistics.failedHandshakes == 1)
      }
    }

    @Test func silenceIsAllowedOnceTheHandshakeIsDone() async throws {
      var limits = TransportLimits()
      limits.handshakeMilliseconds = 1_000
      try await withListener(limits: limits, serve: echo) { listener in
        // On a busy machine the handshake itself may come too late, which is not what is tested.
        var quiet: Connection
        repeat {
          quiet = try await Dialer().connect(to: listener.address(.tcp))
          try? await quiet.send([0])
        } while (try? await quiet.receive()) != [0]
        try await Task.sleep(for: .milliseconds(1_500))
        try await quiet.send([1])
        #expect(try await quiet.receive() == [1])
        await quiet.close()
      }
    }

    @Test func plainRequestsAreAnswered() async throws {
      let respond: @Sendable (PlainRequest) async -> PlainResponse = { request in
        request.target == "/health?x"
          ? PlainResponse(status: 200, contentType: "text/plain", body: "\(request.method) fine")
          : PlainResponse(status: 503, body: "not fine")
      }
      try await withListener(respond: respond, serve: echo) { listener in
        let healthy = try await ask(listener, "GET /health?x HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(healthy.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(healthy.hasSuffix("\r\n\r\nGET fine"))
        let head = try await ask(listener, "HEAD /health?x HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n") && head.hasSuffix("\r\n\r\n"))
        for (request, status) in [
          ("GET / HTTP/1.0\r\n\r\n", " 503 "),
          ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n", " 400 "),
          ("GET \u{1}\r\n\r\n", " 400 "),
        ] {
          let answer = try await ask(listener, request)
          #expect(answer.contains(status))
        }
      }
      try await withListener(serve: echo) { listener in
        let answer = try await ask(listener, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(answer.contains(" 404 Not Found"))
      }
    }

    private func ask(_ listener: Listener, _ request: String) async throws -> String {
      let connection = try await Dialer().connect(to: listener.address(.tcp))
      try await connection.send(request)
      let answer = try await connection.receiveToEnd()
      await connection.close()
      return String(decoding: answer, as: UTF8.self)
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func garbageHurtsOnlyItsOwnConnection(seed: UInt64) async throws {
      try await withListener(serve: echo) { listener in
        let healthy = try await Dialer().connect(to: listener.address(.webSocket))
        try await withThrowingTaskGroup(of: Void.self) { group in
          for stranger in 0..<30 {
            group.addTask {
              var random = SeededGenerator(seed: seed &* 1_000 &+ UInt64(stranger))
              let openings = [
                "", "GET ", "GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
                WebSocketTests.upgradeRequest, WebSocketTests.upgradeRequest + "\u{2}\u{7F}",
              ]
              let connection = try await Dialer().connect(to: listener.address(.tcp))
              do {
                try await connection.send(openings[stranger % openings.count])
                for _ in 0..<20 {
                  let count = Int.random(in: 0...2_000, using: &random)
                  try await connection.send(
                    (0..<count).map { _ in .random(in: 0...255, using: &random) })
                }
              } catch {}
              await connection.close()
            }
          }
          for number in 0..<50 {
            try await healthy.send(Pattern.shared.bytes(at: number, count: 1_000))
            let bytes = try await healthy.receive(count: 1_000)
            #expect(Pattern.shared.matches(bytes, at: number))
          }
          try await group.waitForAll()
        }
        await healthy.close()
        try await eventually("nothing is left open") { listener.statistics.open == 0 }
      }
    }

    /// Requests that are nearly right: cut in two, with bytes changed, bodies where none belong.
    @Test(arguments: [UInt64(1), 2])
    func bentRequestsHurtNobody(seed: UInt64) async throws {
      var random = SeededGenerator(seed: seed)
      let plain = WebSocketTests.upgradeRequest
      let bent = [
        plain.replacing("Host: a", with: "Host: a\r\nContent-Length: 5") + "hello",
        plain.replacing("Host: a", with: "Host: a\r\nTransfer-Encoding: chunked")
          + "5\r\nhello\r\n0\r\n\r\n",
        plain + plain, "GET / HTTP/1.1\r\nHost: a\r\n\r\n" + plain,
        plain.replacing("Upgrade: websocket", with: "Upgrade: websocket, h2c, websocket"),
        plain.replacing("Host: a", with: String(repeating: "X: y\r\n", count: 2_000) + "Host: a"),
        plain.replacing("Host: a", with: "X: " + String(repeating: "y", count: 200_000)),
        "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 99999999999999999999\r\n\r\n",
      ]
      var limits = TransportLimits()
      limits.handshakeMilliseconds = 300
      limits.closeMilliseconds = 100
      try await withListener(limits: limits, serve: echo) { listener in
        for number in 0..<120 {
          var bytes = Array((bent + [plain])[number % (bent.count + 1)].utf8)
          if number >= 2 * bent.count {
            for _ in 0..<Int.random(in: 1...3, using: &random) {
              bytes[.random(in: 0..<min(300, bytes.count), using: &random)] =
                .random(in: 0...255, using: &random)
            }
          }
          let connection = try await Dialer(limits: limits).connect(to: listener.address(.tcp))
          let cut = Int.random(in: 0...bytes.count, using: &random)
          try? await connection.send(Array(bytes[..<cut]))
          try? await connection.send(Array(bytes[cut...]))
          if number.isMultiple(of: 4) { _ = try? await connection.receive() }
          await connection.close()
        }
        let healthy = try await Dialer().connect(to: listener.address(.webSocket))
        try await healthy.send([1])
        #expect(try await healthy.receive() == [1])
        await healthy.close()
        try await eventually("nothing is left open") { listener.statistics.open == 0 }
      }
    }

    @Test func linksOutliveTheListenerThatAcceptedThem() async throws {
      let listener = try await Listener.bind(loopback)
      let dialed = try await Dialer().connect(to: listener.address(.tcp))
      try await dialed.send([1])
      var links = listener.connections.makeAsyncIterator()
      let accepted = try #require(await links.next())
      await listener.close()
      #expect(await links.next() == nil)
      try await accepted.send([2])
      #expect(try await dialed.receive() == [2])
      let error = await #expect(throws: TransportError.self) {
        _ = try await Dialer().connect(to: listener.address(.tcp))
      }
      #expect(error?.code == .refused)
      await dialed.close()
      await accepted.close()
    }
  }
}
