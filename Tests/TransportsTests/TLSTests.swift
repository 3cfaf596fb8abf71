import TestSupport
import Testing

@testable import Transports

extension LinkTests {
  @Suite("TLS") struct TLSTests {
    private let root = TLSFiles.shared.root

    private func failure(
      _ address: Address, trust: String?, limits: TransportLimits = TransportLimits()
    ) async -> TransportError? {
      do throws(TransportError) {
        let connection = try await Dialer(limits: limits, trust: Trust(file: trust))
          .connect(to: address)
        await connection.close()
        return nil
      } catch {
        return error
      }
    }

    private func secure(_ listener: Listener, host: String = "127.0.0.1") -> Address {
      .secureWebSocket(Endpoint(host: host, port: listener.boundEndpoint.port), path: "/")
    }

    @Test("the name that is dialled has to be in the certificate: a host's or an IP address")
    func names() async throws {
      let identity = try TLSFiles.shared.identity(.local)
      try await withListener(identity: identity, serve: echo) { listener in
        #expect(await failure(secure(listener), trust: root) == nil)
        #expect(await failure(secure(listener, host: "localhost"), trust: root) == nil)
      }
      let elsewhere = try TLSFiles.shared.identity(.elsewhere)
      try await withListener(identity: elsewhere, serve: echo) { listener in
        for host in ["127.0.0.1", "localhost"] {
          let error = await failure(secure(listener, host: host), trust: root)
          #expect(error?.code == .wrongName)
          #expect(error?.detail.contains("another name than '\(host)'") == true)
        }
      }
    }

    @Test("what is wrong with a certificate is said")
    func complaints() async throws {
      for (shown, trust, word) in [
        (TestCertificate.expired, root, "expired on 2020-01-01"),
        (.early, root, "not valid before 2119-01-01"),
        (.local, nil, "signed by nobody who is trusted here"),
      ] as [(TestCertificate, String?, String)] {
        let identity = try TLSFiles.shared.identity(shown)
        try await withListener(identity: identity, serve: echo) { listener in
          let error = await failure(secure(listener), trust: trust)
          #expect(error?.code == .untrusted)
          #expect(error?.detail.contains(word) == true, "\(error?.detail ?? "no error")")
          #expect(listener.statistics.accepted == 0)
        }
      }
    }

    @Test("who speaks TLS where none is spoken is told so, and the other way round")
    func oneSided() async throws {
      try await withListener(serve: echo) { listener in
        let error = await failure(secure(listener), trust: root)
        try await eventually("nothing is left open") { listener.statistics.open == 0 }
        #expect(error?.code == .insecure)
        #expect(error?.detail.contains("does not speak TLS") == true, "\(error?.detail ?? "")")
        #expect(listener.statistics.failedHandshakes == 1)
      }
      let identity = try TLSFiles.shared.identity(.local)
      try await withListener(identity: identity, serve: echo) { listener in
        let error = await failure(listener.address(.webSocket), trust: nil)
        #expect(error?.code == .upgradeRefused)
        #expect(error?.detail.contains("use wss://") == true, "\(error?.detail ?? "")")
        let raw = try await Dialer().connect(to: listener.address(.tcp))
        try await raw.send([0, 0, 0, 4, 1, 2, 3, 4])
        let answer = try? await raw.receiveToEnd()
        #expect(answer == nil || answer == [])
        #expect(listener.statistics.accepted == 0)
        await raw.close()
        try await eventually("nothing is left open") { listener.statistics.open == 0 }
      }
    }

    @Test(
      "an answer that is not TLS is told apart from one that does not come",
      arguments: [
        "SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "\0\0\0\0\0\0\0\0\0", "",
      ])
    func strangers(answer: String) async throws {
      let server = try RawServer()
      let answering = server.answerOnce(answer)
      let error = await failure(.secureWebSocket(server.endpoint, path: "/"), trust: root)
      #expect(error?.code == .insecure)
      #expect(error?.detail.contains("ws://") == true, "\(error?.detail ?? "")")
      await answering.value
    }

    @Test("a handshake that is not completed is given up, on either side")
    func silence() async throws {
      var limits = TransportLimits()
      limits.handshakeMilliseconds = 100
      let server = try RawServer()
      let address = Address.secureWebSocket(server.endpoint, path: "/")
      #expect(await failure(address, trust: root, limits: limits)?.code == .timedOut)

      let identity = try TLSFiles.shared.identity(.local)
      try await withListener(limits: limits, identity: identity, serve: echo) { listener in
        // The beginning of a greeting, and no more of it.
        let silent = try await Dialer().connect(to: listener.address(.tcp))
        try await silent.send([0x16, 3, 1, 0, 200, 1])
        _ = try? await silent.receive()
        try await eventually("it is gone") { listener.statistics.open == 0 }
        #expect(listener.statistics.failedHandshakes == 1)
      }
    }

    @Test("connections are counted and limited like those without TLS")
    func limit() async throws {
      var limits = TransportLimits()
      limits.connectionsMax = 1
      let identity = try TLSFiles.shared.identity(.local)
      try await withListener(limits: limits, identity: identity, serve: echo) { listener in
        let held = try await listener.dial(.secureWebSocket)
        let refused = await failure(secure(listener), trust: root)?.code
        #expect(refused == .insecure || refused == .reset)
        #expect(listener.statistics.refusedByLimit == 1)
        try await held.send([1])
        #expect(try await held.receive() == [1])
        await held.close()
        try await eventually("the place is free") { listener.statistics.open == 0 }
        #expect(await failure(secure(listener), trust: root) == nil)
      }
    }

    @Test("noise in the place of TLS hurts only its own connection", arguments: [UInt64(1), 2])
    func noise(seed: UInt64) async throws {
      var random = SeededGenerator(seed: seed)
      var limits = TransportLimits()
      limits.handshakeMilliseconds = 500
      let identity = try TLSFiles.shared.identity(.local)
      try await withListener(limits: limits, identity: identity, serve: echo) { listener in
        let healthy = try await listener.dial(.secureWebSocket)
        for number in 0..<40 {
          let stranger = try await Dialer(limits: .hasty).connect(to: listener.address(.tcp))
          var bytes = (0..<Int.random(in: 1...500, using: &random)).map { _ in
            UInt8.random(in: 0...255, using: &random)
          }
          if number % 2 == 0 { bytes = [0x16, 3, 1, 1, 0] + bytes }
          try? await stranger.send(bytes)
          await stranger.close()
          try await healthy.send([UInt8(number)])
          #expect(try await healthy.receive() == [UInt8(number)])
        }
        await healthy.close()
        try await eventually("nothing is left open") { listener.statistics.open == 0 }
      }
    }

    // MARK: Files

    @Test("a certificate that was renewed counts from the next link on; links that are up live on")
    func reread() async throws {
      let folder = TemporaryFolder()
      let files = TestCertificate.local.write(to: folder, as: "relay")
      let identity = try ListenerIdentity(
        certificateFile: files.certificate, keyFile: files.key)
      #expect(identity.validity.contains("valid until 2120-01-01"))
      try await withListener(identity: identity, serve: echo) { listener in
        let old = try await listener.dial(.secureWebSocket)
        try await old.send([1])
        #expect(try await old.receive() == [1])

        _ = TestCertificate.elsewhere.write(to: folder, as: "relay")
        try identity.reread()
        #expect(await failure(secure(listener), trust: root)?.code == .wrongName)
        try await old.send([2])
        #expect(try await old.receive() == [2])

        // A certificate with the key of another one, half a file, none at all: the last stays.
        folder.write(Array(TestCertificate.local.key.utf8), to: "relay.key")
        #expect(throws: TransportError.self) { try identity.reread() }
        folder.truncate("relay.pem", to: 200)
        #expect(throws: TransportError.self) { try identity.reread() }
        #expect(await failure(secure(listener), trust: root)?.code == .wrongName)

        _ = TestCertificate.renewed.write(to: folder, as: "relay")
        try identity.reread()
        #expect(identity.validity.contains("valid until 2119-01-01"))
        #expect(await failure(secure(listener), trust: root) == nil)
        try await old.send([3])
        #expect(try await old.receive() == [3])
        await old.close()
      }
    }

    @Test("files that cannot be used are named with what is wrong")
    func files() throws {
      let folder = TemporaryFolder()
      let (certificate, key) = TestCertificate.local.write(to: folder, as: "a")
      let other = TestCertificate.renewed.write(to: folder, as: "b")
      func complaint(_ certificate: String, _ key: String) -> TransportError? {
        #expect(throws: TransportError.self) {
          try ListenerIdentity(certificateFile: certificate, keyFile: key)
        }
      }
      let missing = folder.file("none.pem")
      for (error, file, word) in [
        (complaint(missing, key), missing, "no such file"),
        (complaint(key, key), key, "does not hold certificates"),
        (complaint(certificate, certificate), certificate, "does not hold a private key"),
        (complaint(certificate, other.key), other.key, "not that of the certificate"),
      ] {
        #expect(error?.code == .badCertificate)
        #expect(error?.place == file)
        #expect(error?.detail.contains(word) == true, "\(error?.detail ?? "")")
      }
      #expect(throws: TransportError.self) { try Trust(file: missing).check() }
      #expect(throws: TransportError.self) { try Trust(file: key).check() }
      #expect(throws: Never.self) { try Trust(file: root).check() }
    }

    @Test("a certificate counts from its first second to its last")
    func validity() {
      for (now, verdict) in [
        (99, .hasNotBegun(until: "1970-01-01")), (100, .isValid(until: "1970-01-03")),
        (200_000, .isValid(until: "1970-01-03")), (200_001, .hasExpired(on: "1970-01-03")),
      ] as [(Int, Validity.Verdict)] {
        #expect(Validity(begins: 100, ends: 200_000, now: now).verdict == verdict)
      }
      #expect(Validity.day(951_782_400) == "2000-02-29")
    }
  }
}
