/// How ids of sixteen bytes are read: two big-endian halves.
public enum Identifier128 {
  /// The halves; nil for any other number of bytes than sixteen.
  @inlinable
  public static func halves(
    of bytes: some Collection<UInt8>
  ) -> (high: UInt64, low: UInt64)? {
    guard bytes.count == 16 else { return nil }
    var halves: (high: UInt64, low: UInt64) = (0, 0)
    var place = 0
    for byte in bytes {
      if place < 8 {
        halves.high = halves.high << 8 | UInt64(byte)
      } else {
        halves.low = halves.low << 8 | UInt64(byte)
      }
      place += 1
    }
    return halves
  }
}
