/// The beginning of a log.
struct LogHeader: Equatable {
  private(set) var bytes: [UInt8]
  /// What stands there is something else.
  private(set) var wasMended = false

  var isBigEndian: Bool { bytes[3] & 1 == 1 }
  var pageBytes: Int { bytes[8..<12].reduce(0) { $0 << 8 | Int($1) } }
  var salts: [UInt8] { Array(bytes[16..<24]) }
  var checksum: LogChecksum { LogChecksum(bytes[24..<32]) }

  /// Nil when more is wrong with it than one bit.
  ///
  /// - Parameter salts: of the first frame. Different bits can do the same to the checksum.
  init?(mending found: [UInt8], _ salts: [UInt8]) {
    bytes = found
    guard !isValid else { return }
    for bit in 0..<(bytes.count * 8) {
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      if isValid, self.salts == salts {
        wasMended = true
        return
      }
      bytes[bit / 8] = found[bit / 8]
    }
    return nil
  }

  /// The header behind which the first frame begins with this checksum; nil when there is none. But
  /// for the number of checkpoints all of it is known, so that one in 2^32 checksums is one.
  init?(leadingTo sum: LogChecksum, pageBytes: Int, salts: [UInt8], isBigEndian: Bool) {
    let magic: UInt32 = 0x377F_0682
    let words = [magic | (isBigEndian ? 1 : 0), 3_007_000, UInt32(clamping: pageBytes)]
    let known = words.flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
    var before = LogChecksum()
    before.add(known[..<8], isBigEndian: isBigEndian)
    var behind = sum
    behind.remove(salts[...], isBigEndian: isBigEndian)
    let pair = behind.words(after: before, isBigEndian: isBigEndian)
    guard pair[..<4] == known[8...] else { return nil }
    bytes = known[..<8] + pair + salts + sum.bytes
    wasMended = true
    guard isValid else { return nil }
  }

  private var isValid: Bool {
    guard bytes.count == LogSalvage.headerBytes, bytes[0] == 0x37, bytes[1] == 0x7F,
      bytes[2] == 0x06, bytes[3] & 0xFE == 0x82, pageBytes >= 512, pageBytes <= 65_536,
      pageBytes.nonzeroBitCount == 1
    else { return false }
    var sum = LogChecksum()
    sum.add(bytes[..<24], isBigEndian: isBigEndian)
    return sum == checksum
  }
}
