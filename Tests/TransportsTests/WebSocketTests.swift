import Testing

@testable import Transports

extension LinkTests {
  /// Frames written by hand, to a listener that believes to talk to a WebSocket client.
  @Suite struct WebSocketTests {
    static let upgradeRequest =
      "GET /w HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

    /// A frame as a client sends it, masked with a key that is not 0.
    static func frame(
      _ firstByte: UInt8, _ payload: [UInt8], masked: Bool = true, length: UInt64? = nil
    ) -> [UInt8] {
      let mask: UInt8 = masked ? 0x80 : 0
      let length = length ?? UInt64(payload.count)
      var bytes = [firstByte]
      if length < 126 {
        bytes.append(mask | UInt8(length))
      } else if length <= 0xFFFF {
        bytes += [mask | 126, UInt8(length >> 8), UInt8(length & 0xFF)]
      } else {
        bytes.append(mask | 127)
        withUnsafeBytes(of: length.bigEndian) { bytes.append(contentsOf: $0) }
      }
      guard masked else { return bytes + payload }
      let key: [UInt8] = [1, 2, 3, 250]
      return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }

    /// Sends frames after an upgrade, and returns what came back up to the end.
    private func exchange(
      _ frames: [UInt8], limits: TransportLimits = TransportLimits(), answerCount: Int = .max
    ) async throws -> [UInt8] {
      try await withListener(limits: limits, serve: echo) { listener in
        let connection = try await Dialer().connect(to: listener.address(.tcp))
        try await connection.send(Self.upgradeRequest)
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual("\r\n\r\n".utf8),
          let more = try await connection.receive()
        {
          head += more
        }
        #expect(String(decoding: head, as: UTF8.self).contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        try await connection.send(frames)
        let answer = (try? await connection.receive(count: answerCount)) ?? []
        await connection.close()
        return answer
      }
    }

    @Test func fragmentsAndPingsBetweenThemAreAccepted() async throws {
      let frames =
        Self.frame(0x02, Array("ab".utf8)) + Self.frame(0x89, Array("hi".utf8))
        + Self.frame(0x00, []) + Self.frame(0x80, Array("c".utf8)) + Self.frame(0x8A, [])
      let answer = try await exchange(frames, answerCount: 4 + 5)
      // One pong, and one or several messages with the three bytes.
      #expect(answer.prefix(4).elementsEqual([0x8A, 2] + Array("hi".utf8)))
      #expect(answer.dropFirst(4).filter { (0x61...0x63).contains($0) } == Array("abc".utf8))
    }

    @Test func aGoodbyeIsAnswered() async throws {
      let answer = try await exchange(Self.frame(0x88, [0x03, 0xE8] + Array("bye".utf8)))
      #expect(answer == [0x88, 2, 0x03, 0xE8])
      #expect(try await exchange(Self.frame(0x88, [])) == [0x88, 2, 0x03, 0xE8])
      #expect(try await exchange(Self.frame(0x88, [3])).prefix(1) == [0x88])
    }

    private static let breaches: [(frames: [UInt8], code: UInt16)] = [
      (frame(0x82, [1], masked: false), 1002),
      (frame(0x81, [0x61]), 1003),
      (frame(0xC2, [1]), 1002),
      (frame(0x83, [1]), 1002),
      (frame(0x80, [1]), 1002),
      (frame(0x02, [1]) + frame(0x82, [2]), 1002),
      (frame(0x09, [1]), 1002),
      (frame(0x89, [UInt8](repeating: 0, count: 126)), 1002),
      (frame(0x82, [], length: 4_001), 1009),
      (frame(0x82, [], length: .max), 1009),
      (frame(0x82, [], length: UInt64(Int64.max)), 1009),
    ]

    @Test(arguments: breaches)
    func aBreachOfTheProtocolIsNamedAndClosed(frames: [UInt8], code: UInt16) async throws {
      var limits = TransportLimits()
      limits.webSocketFrameBytesMax = 4_000
      let answer = try await exchange(frames, limits: limits)
      let start = answer.firstIndex(of: 0x88) ?? answer.endIndex
      #expect(
        answer[start...].dropFirst(2).prefix(2).elementsEqual([UInt8(code >> 8), UInt8(code & 255)])
      )
    }

    @Test func aFrameOfTheLimitIsAccepted() async throws {
      var limits = TransportLimits()
      limits.webSocketFrameBytesMax = 4_000
      for count in [3_999, 4_000] {
        let payload = [UInt8](repeating: 0xAA, count: count)
        let answer = try await exchange(
          Self.frame(0x82, payload), limits: limits, answerCount: count + 4)
        #expect(answer.suffix(count).elementsEqual(payload))
      }
    }

    @Test func pingsWithoutEndAreAnsweredWithoutPilingUp() async throws {
      let ping = Self.frame(0x89, [UInt8](repeating: 1, count: 100))
      let flood = Array(repeatElement(ping, count: 5_000).joined())
      let answer = try await exchange(
        flood + Self.frame(0x88, [0x03, 0xE8]))
      #expect(answer.prefix(1) == [0x8A])
      #expect(answer.suffix(4) == [0x88, 2, 0x03, 0xE8])
    }

    @Test(arguments: [
      "GET /w HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      upgradeRequest.replacingLastOccurrence(of: "13", with: "12"),
      upgradeRequest.replacingLastOccurrence(of: "Connection: Upgrade", with: "Connection: close"),
      upgradeRequest.replacingLastOccurrence(of: "Upgrade: websocket", with: "Upgrade: h2c"),
      upgradeRequest.replacingLastOccurrence(of: "GET", with: "POST"),
    ])
    func anIncompleteUpgradeIsAnsweredWithAnError(request: String) async throws {
      try await withListener(serve: echo) { listener in
        let connection = try await Dialer().connect(to: listener.address(.tcp))
        try await connection.send(request)
        let answer = try await connection.receiveToEnd()
        #expect(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 400 "))
        await connection.close()
      }
    }

    @Test func aGoodbyeIsNeverCutInsideAScalar() {
      #expect(WebSocketHandler.clipped("ab", toUTF8Count: 2) == "ab")
      #expect(WebSocketHandler.clipped("aé", toUTF8Count: 2) == "a")
      #expect(WebSocketHandler.clipped("🏝️", toUTF8Count: 3) == "")
    }
  }
}

extension String {
  fileprivate func replacingLastOccurrence(of old: String, with new: String) -> String {
    guard let range = ranges(of: old).last else { return self }
    return replacingCharacters(range, new)
  }

  private func replacingCharacters(_ range: Range<String.Index>, _ new: String) -> String {
    String(self[..<range.lowerBound]) + new + self[range.upperBound...]
  }
}
