import CSodium

/// One direction of a link after its handshake: `crypto_secretstream_xchacha20poly1305`.
///
/// Each message becomes one frame payload, 17 bytes longer. Messages cannot be changed, left out,
/// repeated or reordered without the receiver noticing, and a stream that ends without its final
/// message was cut.
///
/// Both ends start from a key *and* a stream header that the handshake derived for this link and
/// direction, so no header is sent.
package enum SecureStream {
  /// What sealing adds to a message.
  package static let overhead = 17
  /// The longest message, so that a sealed one fits into a frame of 1 MiB.
  package static let messageBytesMax = 1 << 20 - overhead
  /// A new key after so many messages, so that a key taken from memory opens little of the past.
  static let messagesPerKeyMax = 1 << 16
  /// The key and the header of a stream.
  static let secretByteCount = 56

  static let tagMessage: UInt8 = 0
  static let tagRekey: UInt8 = 2
  static let tagFinal: UInt8 = 3
}

/// The state that both directions keep, overwritten with zeros at the end.
private final class StreamState {
  let state: UnsafeMutableRawPointer
  var hasEnded = false

  init(secret: SecretBytes) {
    precondition(secret.count == SecureStream.secretByteCount)
    let count = CipherSuites.streamStateByteCount
    state = .allocate(byteCount: count, alignment: 8)
    state.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    CipherSuites.current.streamStart(state, header: secret.pointer + 32, key: secret.pointer)
  }

  deinit {
    sodium_memzero(state, CipherSuites.streamStateByteCount)
    state.deallocate()
  }
}

/// The sending direction.
package final class OutgoingStream {
  package static let overhead = SecureStream.overhead

  private let stream: StreamState
  private var messages = 0

  init(secret: SecretBytes) {
    stream = StreamState(secret: secret)
  }

  /// Seals the next message; `final` says that none follows.
  ///
  /// - Throws: `tooLong`, which changes nothing; `ended` after the final message.
  package func seal(_ message: [UInt8], final: Bool = false) throws(LinkError) -> [UInt8] {
    var sealed: [UInt8] = []
    try seal(message, final: final, appendingTo: &sealed)
    return sealed
  }

  /// Seals the next message behind what `frame` holds already.
  ///
  /// - Throws: `tooLong`, which changes nothing; `ended` after the final message.
  package func seal(
    _ message: [UInt8], final: Bool = false, appendingTo frame: inout [UInt8]
  ) throws(LinkError) {
    guard !stream.hasEnded else { throw .ended }
    guard message.count <= SecureStream.messageBytesMax else { throw .tooLong }
    messages += 1
    var tag = SecureStream.tagMessage
    if final {
      tag = SecureStream.tagFinal
      stream.hasEnded = true
    } else if messages == SecureStream.messagesPerKeyMax {
      tag = SecureStream.tagRekey
      messages = 0
    }
    let start = frame.count
    frame.append(contentsOf: repeatElement(0, count: message.count + SecureStream.overhead))
    frame.withUnsafeMutableBytes { buffer in
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[start...])
      CipherSuites.current.streamSeal(
        stream.state, message, message.count, tag: tag, into: target.octets)
    }
  }
}

/// The receiving direction.
package final class IncomingStream {
  private let stream: StreamState

  init(secret: SecretBytes) {
    stream = StreamState(secret: secret)
  }

  /// Opens the next frame payload.
  ///
  /// - Throws: `malformed`, `tooLong`, `notAuthentic`, after each of which the stream is ended;
  ///   `ended` from then on and after the final message.
  package func open(
    _ payload: [UInt8]
  ) throws(LinkError) -> (message: [UInt8], isFinal: Bool) {
    guard !stream.hasEnded else { throw .ended }
    stream.hasEnded = true
    guard payload.count >= SecureStream.overhead else { throw .malformed }
    let count = payload.count - SecureStream.overhead
    guard count <= SecureStream.messageBytesMax else { throw .tooLong }
    var message = [UInt8](repeating: 0, count: count)
    let tag = message.withUnsafeMutableBytes { buffer in
      CipherSuites.current.streamOpen(stream.state, payload, payload.count, into: buffer.octets)
    }
    guard let tag else { throw .notAuthentic }
    switch tag {
    case SecureStream.tagMessage, SecureStream.tagRekey:
      stream.hasEnded = false
      return (message, false)
    case SecureStream.tagFinal: return (message, true)
    default: throw .malformed
    }
  }
}
