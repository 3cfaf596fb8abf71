package import ByteCoding
import CZstd

/// Zstandard frames (RFC 8878), by libzstd.
package enum Zstandard {
  /// How hard to look for repetitions. Reading back costs the same for all.
  package enum Effort: Int32, Sendable {
    /// For what somebody waits for: hundreds of megabytes a second.
    case quick = 3
    /// For what is done behind somebody's back: tens of megabytes a second.
    case steady = 12
    /// For what is kept for long: a few megabytes a second, and a tenth smaller.
    case thorough = 19
  }

  /// The bytes as one frame. Complexity: O(bytes).
  package static func compress(_ bytes: [UInt8], _ effort: Effort) -> [UInt8] {
    let bound = ZSTD_compressBound(bytes.count)
    return [UInt8](unsafeUninitializedCapacity: bound) { target, count in
      let written = ZSTD_compress(
        target.baseAddress, bound, bytes, bytes.count, effort.rawValue)
      precondition(ZSTD_isError(written) == 0, "there is room for any frame of these bytes")
      count = written
    }
  }

  /// The `count` bytes of a frame.
  ///
  /// - Throws: `invalidValue` when the bytes are no frame, or one of another size. Allocates
  ///   `count` bytes, so the caller checks that number first.
  package static func decompress(
    _ frame: [UInt8], count: Int, _ field: String
  ) throws(ByteDecodingError) -> [UInt8] {
    var written: Int?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { target, filled in
      let result = ZSTD_decompress(target.baseAddress, count, frame, frame.count)
      if ZSTD_isError(result) == 0 { written = result }
      filled = written ?? 0
    }
    // libzstd takes no bytes at all for a frame of nothing.
    guard written == count, !frame.isEmpty else {
      throw ByteDecodingError(.invalidValue, field)
    }
    return bytes
  }
}
