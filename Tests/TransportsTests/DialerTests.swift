import Testing

@testable import Transports

extension LinkTests {
  @Suite struct DialerTests {
    @Test func namesAreResolved() async throws {
      try await withListener(serve: echo) { listener in
        let endpoint = Endpoint(host: "localhost", port: listener.boundEndpoint.port)
        let connection = try await Dialer().connect(to: .tcp(endpoint))
        try await connection.send([9])
        #expect(try await connection.receive() == [9])
        await connection.close()
      }
    }

    @Test func anUnknownNameIsUnresolved() async throws {
      #expect(await failure(.tcp(Endpoint(host: "no-such-host.invalid", port: 1))) == .unresolved)
    }

    @Test func whereNobodyListensTheConnectionIsRefused() async throws {
      let listener = try await Listener.bind(Endpoint(host: "127.0.0.1", port: 0))
      await listener.close()
      #expect(await failure(listener.address(.tcp)) == .refused)
      #expect(await failure(listener.address(.webSocket)) == .refused)
    }

    @Test func whatIsNotSpokenIsSaid() async throws {
      #expect(await failure(.path("/tmp/x.skerry")) == .unsupported)
    }

    @Test(arguments: [
      "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\n\r\nhello",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        + "Sec-WebSocket-Accept: bm90IHJpZ2h0\r\n\r\n",
      "SSH-2.0-OpenSSH_9.6\r\n", "\0\0\0\0", "",
    ])
    func aServerThatDoesNotUpgradeIsRefused(answer: String) async throws {
      let server = try RawServer()
      let answering = server.answerOnce(answer)
      let address = Address.webSocket(server.endpoint, path: "/")
      let error = await #expect(throws: TransportError.self) {
        _ = try await Dialer().connect(to: address)
      }
      #expect(error?.code == .upgradeRefused, "\(error?.description ?? "")")
      if answer.contains("404") { #expect(error?.detail.contains("404") == true) }
      await answering.value
    }

    @Test func aServerThatNeverAnswersTheUpgradeIsLeft() async throws {
      let server = try RawServer()
      var limits = TransportLimits()
      limits.handshakeMilliseconds = 100
      let address = Address.webSocket(server.endpoint, path: "/")
      #expect(await failure(address, limits) == .timedOut)
    }

    @Test func connectingCanBeCancelled() async throws {
      let server = try RawServer()
      let address = Address.webSocket(server.endpoint, path: "/")
      let dialing = Task { await failure(address) }
      try await Task.sleep(for: .milliseconds(50))
      dialing.cancel()
      #expect(await dialing.value == .cancelled)
    }

    private func failure(
      _ address: Address, _ limits: TransportLimits = TransportLimits()
    ) async -> TransportError.Code? {
      do {
        _ = try await Dialer(limits: limits).connect(to: address)
        return nil
      } catch {
        return error.code
      }
    }
  }
}
