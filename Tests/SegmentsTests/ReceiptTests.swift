import ByteCoding
import Causality
import Sealing
import Segments
import Testing

@Suite("Receipts")
struct ReceiptTests {
  private func vector(_ count: Int) -> VersionVector {
    VersionVector(
      (0..<count).map {
        VersionVector.Entry(origin: Origin(high: 7, low: UInt64($0)), sequence: UInt64($0 + 1))
      })
  }

  private func receipt(
    _ fixture: borrowing MembershipFixture, _ count: Int = 3
  ) throws -> Receipt {
    try #require(
      Receipt(
        vector(count), number: 4, workspace: fixture.membership.workspace,
        by: fixture.founder.signing))
  }

  @Test func comesBackFromItsBytes() throws {
    let fixture = try MembershipFixture(seed: 71)
    let receipt = try receipt(fixture)
    let read = try Receipt(parsing: receipt.bytes)
    #expect(read.bytes == receipt.bytes && read.device == receipt.device)
    #expect(read.number == 4 && read.seen == vector(3))
    #expect(read.workspace == fixture.membership.workspace)
  }

  @Test func everyChangedByteAndEveryOtherLengthIsRefused() throws {
    let receipt = try receipt(MembershipFixture(seed: 72))
    for index in receipt.bytes.indices {
      var changed = receipt.bytes
      changed[index] ^= 1 << UInt8(index % 8)
      #expect(throws: ByteDecodingError.self, "byte \(index)") { try Receipt(parsing: changed) }
      #expect(throws: ByteDecodingError.self, "\(index) bytes") {
        try Receipt(parsing: Array(receipt.bytes.prefix(index)))
      }
    }
    #expect(throws: ByteDecodingError.self) { try Receipt(parsing: receipt.bytes + [0]) }
  }

  @Test(arguments: [Receipt.originsMax - 1, Receipt.originsMax, Receipt.originsMax + 1])
  func holdsSoManyOrigins(count: Int) throws {
    let fixture = try MembershipFixture(seed: 73)
    let receipt = Receipt(
      vector(count), number: 1, workspace: fixture.membership.workspace,
      by: fixture.founder.signing)
    guard count <= Receipt.originsMax else {
      #expect(receipt == nil)
      return
    }
    let made = try #require(receipt)
    #expect(made.bytes.count <= Receipt.bytesMax)
    #expect(try Receipt(parsing: made.bytes).seen.entries.count == count)
  }

  @Test func aSetHasOneDigestInAnyOrder() throws {
    let fixture = try MembershipFixture(seed: 74)
    let all = [try receipt(fixture, 1).bytes, try receipt(fixture, 2).bytes]
    #expect(Receipt.digest(of: all) == Receipt.digest(of: all.reversed()))
    #expect(Receipt.digest(of: all) != Receipt.digest(of: [all[0]]))
    #expect(Receipt.digest(of: []) == 0)
  }
}
