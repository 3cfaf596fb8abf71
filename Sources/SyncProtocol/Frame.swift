/// A frame: four big-endian bytes of length, then that many bytes of payload, of which there is at
/// least one.
package enum Frame {
  /// The longest payload, in bytes.
  package static let payloadBytesMax = 1 << 20
  static let headerBytes = 4

  /// The frame around `payload`.
  ///
  /// - Precondition: 1 to `payloadBytesMax` bytes: whoever makes payloads holds them to the limit.
  package static func encode(_ payload: [UInt8]) -> [UInt8] {
    precondition(
      !payload.isEmpty && payload.count <= payloadBytesMax, "a payload of \(payload.count) bytes")
    var bytes = begin(payloadCount: payload.count)
    bytes.append(contentsOf: payload)
    return bytes
  }

  /// A frame to which its payload of 1 to `payloadBytesMax` bytes is still to be appended.
  static func begin(payloadCount: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(headerBytes + payloadCount)
    withUnsafeBytes(of: UInt32(payloadCount).bigEndian) { bytes.append(contentsOf: $0) }
    return bytes
  }
}

/// Why a stream of bytes is not a stream of frames.
package enum FrameError: Error, Equatable, Sendable, CustomStringConvertible {
  case empty
  case tooLong(bytes: Int, limit: Int)

  package var description: String {
    switch self {
    case .empty: "a frame without content"
    case .tooLong(let bytes, let limit):
      "a frame of \(bytes) bytes where at most \(limit) are allowed"
    }
  }
}

/// Cuts a stream of bytes, which arrives in pieces of any size, into the payloads of its frames.
///
/// Memory: what was appended and not yet taken. A reader that takes all payloads after each
/// append holds less than one frame between appends; a length above the limit is refused when its
/// four bytes are there, before anything is kept for it.
package struct FrameDecoder: Sendable {
  /// The longest payload that is accepted from here on; lower while the peer is a stranger.
  package var payloadBytesMax: Int
  private var buffer: [UInt8] = []
  /// The first byte of `buffer` that was not taken yet.
  private var head = 0

  package init(payloadBytesMax: Int = Frame.payloadBytesMax) {
    self.payloadBytesMax = payloadBytesMax
  }

  /// Bytes that were appended and not yet taken.
  package var bufferedBytes: Int { buffer.count - head }

  package mutating func append(_ bytes: [UInt8]) {
    if head == buffer.count {
      buffer = bytes
      head = 0
      return
    }
    // What was taken is dropped when it is at least half, so each byte is moved O(1) times.
    if head >= buffer.count - head {
      buffer.removeFirst(head)
      head = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// The payload of the next complete frame; nil when more bytes are needed.
  package mutating func next() throws(FrameError) -> [UInt8]? {
    guard bufferedBytes >= Frame.headerBytes else { return nil }
    var length = 0
    for index in head..<(head + Frame.headerBytes) { length = length << 8 | Int(buffer[index]) }
    guard length > 0 else { throw .empty }
    guard length <= payloadBytesMax else { throw .tooLong(bytes: length, limit: payloadBytesMax) }
    guard bufferedBytes - Frame.headerBytes >= length else { return nil }
    let start = head + Frame.headerBytes
    head = start + length
    return Array(buffer[start..<head])
  }
}
