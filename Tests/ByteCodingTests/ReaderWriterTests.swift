import TestSupport
import Testing

@testable import ByteCoding

private func expectError<Value>(
  _ code: ByteDecodingError.Code, _ bytes: [UInt8],
  _ read: (inout ByteReader) throws -> Value,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(throws: ByteDecodingError(code, ""), sourceLocation: sourceLocation) {
    var reader = ByteReader(bytes)
    _ = try read(&reader)
  }
}

@Suite struct VarintTests {
  /// Around each change of length.
  private static let interesting: [UInt64] = {
    var values: [UInt64] = [0, 1, .max]
    for group in 1..<10 {
      let least = UInt64(1) << UInt64(7 * group)
      values += [least - 1, least]
    }
    return values
  }()

  @Test(arguments: interesting)
  func aVarintComesBackInItsShortestForm(value: UInt64) throws {
    var writer = ByteWriter()
    writer.write(varint: value)
    #expect(writer.count == max(1, (64 - value.leadingZeroBitCount + 6) / 7))
    var reader = ByteReader(writer.bytes)
    #expect(try reader.readVarint("x") == value)
    #expect(reader.isAtEnd)
    for length in 0..<writer.count {
      expectError(.truncated, Array(writer.bytes.prefix(length))) { try $0.readVarint("x") }
    }
  }

  @Test func theGoldenBytesStay() {
    var writer = ByteWriter()
    writer.write(varint: 300)
    writer.write(signed: -1)
    writer.write(signed: 64)
    writer.write(fixed: UInt16(0x0102))
    writer.write(fixed: UInt32(0x0304_0506))
    writer.write(fixed: UInt64(0x0708_090A_0B0C_0D0E))
    writer.write(string: "é")
    writer.write(bool: true)
    #expect(
      Hexadecimal.encode(writer.bytes) == "ac02" + "01" + "8001" + "0102" + "03040506"
        + "0708090a0b0c0d0e" + "02c3a9" + "01")
  }

  @Test func longerFormsAndMoreThan64BitsAreRefused() {
    expectError(.notCanonical, [0x80, 0]) { try $0.readVarint("x") }
    expectError(.notCanonical, [0xFF, 0x80, 0]) { try $0.readVarint("x") }
    let nine = [UInt8](repeating: 0xFF, count: 9)
    expectError(.invalidValue, nine + [2]) { try $0.readVarint("x") }
    expectError(.invalidValue, nine + [0x81]) { try $0.readVarint("x") }
    expectError(.invalidValue, nine + [0xFF, 1]) { try $0.readVarint("x") }
  }

  @Test(arguments: [0, 1, -1, 63, -64, 64, .max, .min] as [Int64])
  func signedNumbersComeBack(value: Int64) throws {
    var writer = ByteWriter()
    writer.write(signed: value)
    var reader = ByteReader(writer.bytes)
    #expect(try reader.readSigned("x") == value)
  }
}

@Suite struct ByteReaderTests {
  @Test func fixedNumbersSortAsTheirBytes() {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<200 {
      let pair = [random.next() >> 3, random.next()]
      let bytes = pair.map { value in
        var writer = ByteWriter()
        writer.write(fixed: value)
        return writer.bytes
      }
      #expect((pair[0] < pair[1]) == bytes[0].lexicographicallyPrecedes(bytes[1]))
    }
  }

  @Test(arguments: [9, 10, 11])
  func aCountIsHeldToItsLimit(count: UInt8) throws {
    let bytes = [count] + [UInt8](repeating: 0, count: 20)
    if count > 10 {
      expectError(.limitExceeded, bytes) { try $0.readCount("x", limit: 10) }
    } else {
      var reader = ByteReader(bytes)
      #expect(try reader.readCount("x", limit: 10) == Int(count))
    }
  }

  @Test(arguments: [4, 5, 6])
  func aCountIsHeldToWhatIsLeft(count: UInt8) throws {
    let bytes = [count] + [UInt8](repeating: 0, count: 10)
    if count > 5 {
      expectError(.truncated, bytes) { try $0.readCount("x", minimumBytesEach: 2) }
    } else {
      var reader = ByteReader(bytes)
      #expect(try reader.readCount("x", minimumBytesEach: 2) == Int(count))
    }
  }

  @Test func aHugeLengthIsRefusedBeforeAnythingIsKept() {
    var writer = ByteWriter()
    writer.write(varint: .max)
    expectError(.limitExceeded, writer.bytes) { try $0.readLengthPrefixed("x") }
    expectError(.limitExceeded, writer.bytes) { try $0.readString("x") }
    var other = ByteWriter()
    other.write(varint: UInt64(Int.max))
    expectError(.truncated, other.bytes) { try $0.readLengthPrefixed("x") }
  }

  @Test func whatHasTwoFormsIsRefused() {
    expectError(.invalidValue, [2]) { try $0.readBool("x") }
    expectError(.invalidValue, [9]) { try $0.readInt("x", in: 1...8) }
    expectError(.invalidUTF8, [2, 0xC3, 0x28]) { try $0.readString("x") }
    expectError(.invalidUTF8, [3, 0xED, 0xA0, 0x80]) { try $0.readString("x") }
    expectError(.trailingBytes, [1]) { try $0.finish("x") }
    expectError(.truncated, [1, 2, 3]) { try $0.readRaw(4, "x") }
    expectError(.truncated, [1, 2, 3]) { try $0.readRaw(-1, "x") }
    expectError(.truncated, [1, 2, 3]) { try $0.readFixed32("x") }
    expectError(.truncated, []) { try $0.readByte("x") }
  }

  @Test func aSliceEndsWhereItWasCut() throws {
    var reader = ByteReader([1, 2, 3, 4])
    var slice = try reader.readSlice(2, "x")
    #expect(try slice.readRaw(2, "x") == [1, 2])
    #expect(slice.isAtEnd)
    #expect(throws: ByteDecodingError(.truncated, "")) { try slice.readByte("x") }
    #expect(try reader.readByte("x") == 3)
    #expect(reader.remaining == 1)
    #expect(throws: ByteDecodingError(.truncated, "")) { try reader.readSlice(2, "x") }
  }

  @Test func anErrorSaysWhatAndWhere() {
    var reader = ByteReader([5, 0x80])
    _ = try? reader.readByte("first")
    do {
      _ = try reader.readVarint("second")
      Issue.record("nothing was thrown")
    } catch {
      #expect(error.field == "second")
      #expect(error.offset == 1)
      #expect(error.description == "second ends too early (byte 1)")
    }
  }

  /// Whatever the bytes are, reading them ends, and what was read is written back as it was.
  @Test(arguments: UInt64(1)...20)
  func randomBytesAreReadBackOrRefused(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<500 {
      let bytes = (0..<Int.random(in: 0...24, using: &random)).map { _ in
        Bool.random(using: &random)
          ? UInt8.random(in: 0...255, using: &random) : UInt8.random(in: 0...4, using: &random)
      }
      var reader = ByteReader(bytes)
      var writer = ByteWriter()
      do {
        while !reader.isAtEnd {
          switch Int.random(in: 0..<5, using: &random) {
          case 0: writer.write(varint: try reader.readVarint("x"))
          case 1: writer.write(signed: try reader.readSigned("x"))
          case 2: writer.write(lengthPrefixed: try reader.readLengthPrefixed("x"))
          case 3: writer.write(string: try reader.readString("x"))
          default: writer.write(bool: try reader.readBool("x"))
          }
        }
        #expect(writer.bytes == bytes, "seed \(seed)")
      } catch {
        #expect(writer.bytes == Array(bytes.prefix(writer.count)), "seed \(seed)")
      }
    }
  }
}

@Suite struct TextFormTests {
  /// RFC 4648, section 10, without padding.
  @Test(arguments: [
    ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
    ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
  ])
  func base64urlFollowsTheRFC(plain: String, text: String) throws {
    #expect(Base64URL.encode(Array(plain.utf8)) == text)
    #expect(try Base64URL.decode(text) == Array(plain.utf8))
  }

  @Test func base64urlHasOneForm() {
    #expect(Base64URL.encode([0xFB, 0xFF]) == "-_8")
    #expect(throws: ByteDecodingError(.notCanonical, "")) { try Base64URL.decode("-_9") }
    #expect(throws: ByteDecodingError(.notCanonical, "")) { try Base64URL.decode("A") }
    for text in ["Zg==", "Z g", "Zg\n", "+/8", "é"] {
      #expect(throws: ByteDecodingError(.invalidValue, "")) { try Base64URL.decode(text) }
    }
  }

  @Test(arguments: UInt64(1)...10)
  func bytesComeBackFromBothForms(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let bytes = (0..<Int.random(in: 0...70, using: &random)).map { _ in
      UInt8.random(in: 0...255, using: &random)
    }
    #expect(try Base64URL.decode(Base64URL.encode(bytes)) == bytes)
    #expect(Hexadecimal.decode(Hexadecimal.encode(bytes)) == bytes)
    #expect(Hexadecimal.decode(Hexadecimal.encode(bytes).uppercased()) == bytes)
  }

  @Test func whatIsNotHexadecimalIsNil() {
    for text in ["0", "0g", "é0", " 0", "0x00"] { #expect(Hexadecimal.decode(text) == nil) }
  }
}

@Suite struct CRC32CTests {
  /// RFC 3720, appendix B.4, and the check value of the polynomial.
  @Test func theKnownChecksumsComeOut() {
    #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.checksum(Array(0...31)) == 0x46DD_794E)
    #expect(CRC32C.checksum([]) == 0)
  }

  @Test func anySequenceGivesWhatAnArrayGives() {
    var random = SeededGenerator(seed: 1)
    for length in 0..<70 {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(CRC32C.checksum(bytes) == CRC32C.checksum(AnySequence(bytes)))
    }
  }

  /// Many bytes are folded, in parts of 16 KB; fewer go through the tables, as the known ones do.
  @Test func manyBytesGiveWhatTheTablesGive() {
    var random = SeededGenerator(seed: 2)
    let (folded, far) = (CRC32C.foldedMin, CRC32C.farMin)
    let part = 16 << 10
    let reach = 209 * 8
    for start in [
      folded, folded + 64, far, far + 64, reach + part, reach + part + 64, reach + 2 * part,
    ] {
      for length in start - 1...start + 1 {
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* $0 &+ length) }
        let expected = bytes.withUnsafeBytes { ~CRC32C.lookUp(.max, over: $0) }
        #expect(CRC32C.checksum(bytes) == expected, "\(length) bytes")
      }
    }
    for _ in 0..<10 {
      let bytes = (0..<Int.random(in: folded...2 * far, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      let expected = bytes.withUnsafeBytes { ~CRC32C.lookUp(.max, over: $0) }
      #expect(CRC32C.checksum(bytes) == expected, "\(bytes.count) bytes")
    }
  }

  @Test func everyChangedBitIsFound() {
    let bytes = Array("a damaged segment".utf8)
    let checksum = CRC32C.checksum(bytes)
    for index in bytes.indices {
      for bit in 0..<8 {
        var changed = bytes
        changed[index] ^= 1 << bit
        #expect(CRC32C.checksum(changed) != checksum)
      }
    }
  }
}
