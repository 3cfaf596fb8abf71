import CSodium
import Sealing
import Testing

@Suite struct SecureStreamTests {
  let fixture = LinkFixture(seed: 12)

  private func streams() throws -> (OutgoingStream, IncomingStream) {
    let (near, far) = try fixture.run(fixture.caller(), fixture.callee())
    return (near.outgoing, far.incoming)
  }

  @Test func everyChangedByteEndsTheStream() throws {
    let length = 20 + OutgoingStream.overhead
    for index in 0..<length {
      let (out, into) = try streams()
      var sealed = try out.seal([UInt8](repeating: 7, count: 20))
      #expect(sealed.count == length)
      let whole = sealed
      sealed[index] ^= 2
      #expect(throws: LinkError.notAuthentic) { try into.open(sealed) }
      #expect(throws: LinkError.ended) { try into.open(whole) }
    }
  }

  @Test func lostRepeatedAndReorderedMessagesEndTheStream() throws {
    do {
      let (out, into) = try streams()
      _ = try out.seal([1])
      let second = try out.seal([2])
      #expect(throws: LinkError.notAuthentic) { try into.open(second) }
    }
    do {
      let (out, into) = try streams()
      let first = try out.seal([1])
      _ = try into.open(first)
      #expect(throws: LinkError.notAuthentic) { try into.open(first) }
    }
  }

  @Test func truncatedMessagesEndTheStream() throws {
    for count in 0..<(5 + OutgoingStream.overhead) {
      let (out, into) = try streams()
      let sealed = try out.seal([1, 2, 3, 4, 5])
      #expect(throws: LinkError.self) { try into.open(Array(sealed.prefix(count))) }
    }
  }

  @Test func nothingFollowsTheFinalMessage() throws {
    let (out, into) = try streams()
    #expect(try !into.open(out.seal([1])).isFinal)
    let last = try out.seal([2], final: true)
    let opened = try into.open(last)
    #expect(opened.isFinal && opened.message == [2])
    #expect(throws: LinkError.ended) { try out.seal([3]) }
    #expect(throws: LinkError.ended) { try into.open(last) }
  }

  @Test func longestMessageFitsIntoAFrameAndALongerOneIsRefused() throws {
    let (out, into) = try streams()
    let max = SecureStream.messageBytesMax
    for count in [max - 1, max] {
      let sealed = try out.seal([UInt8](repeating: 1, count: count))
      #expect(sealed.count <= 1 << 20)
      #expect(try into.open(sealed).message.count == count)
    }
    #expect(throws: LinkError.tooLong) { try out.seal([UInt8](repeating: 1, count: max + 1)) }
    // The refusal changed nothing.
    #expect(try into.open(out.seal([5])).message == [5])
    #expect(throws: LinkError.tooLong) {
      try into.open([UInt8](repeating: 0, count: (1 << 20) + 1))
    }
  }

  @Test func keysChangeUnderwayWithoutNotice() throws {
    let (out, into) = try streams()
    var frame: [UInt8] = []
    for number in 0..<(1 << 16) + 3 {
      frame.removeAll(keepingCapacity: true)
      try out.seal([UInt8(number & 0xFF)], appendingTo: &frame)
      let opened = try into.open(frame)
      if opened.message != [UInt8(number & 0xFF)] { Issue.record("message \(number)") }
    }
  }

  @Test func sealedFramesAreAppendedBehindWhatIsThere() throws {
    let (out, into) = try streams()
    var frame: [UInt8] = [1, 2, 3, 4]
    try out.seal([9, 9], appendingTo: &frame)
    #expect(Array(frame.prefix(4)) == [1, 2, 3, 4])
    #expect(try into.open(Array(frame.dropFirst(4))).message == [9, 9])
  }

  /// Both ends set their state up with `init_pull` and a derived header. This holds as long as
  /// libsodium's two ways to set a state up agree.
  @Test func bothWaysToSetUpAStreamGiveTheSameState() {
    let key = [UInt8](repeating: 3, count: 32)
    var header = [UInt8](repeating: 0, count: 24)
    var pushing = crypto_secretstream_xchacha20poly1305_state()
    var pulling = crypto_secretstream_xchacha20poly1305_state()
    #expect(crypto_secretstream_xchacha20poly1305_init_push(&pushing, &header, key) == 0)
    #expect(crypto_secretstream_xchacha20poly1305_init_pull(&pulling, header, key) == 0)
    for count in 0..<5 {
      let message = [UInt8](repeating: 8, count: count * 40)
      var first = [UInt8](repeating: 0, count: message.count + 17)
      var second = first
      _ = crypto_secretstream_xchacha20poly1305_push(
        &pushing, &first, nil, message, UInt64(message.count), nil, 0, UInt8(count == 2 ? 2 : 0))
      _ = crypto_secretstream_xchacha20poly1305_push(
        &pulling, &second, nil, message, UInt64(message.count), nil, 0, UInt8(count == 2 ? 2 : 0))
      #expect(first == second)
    }
  }
}
