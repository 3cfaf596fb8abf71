import ByteCoding
import Sealing
import Segments
import Testing

@Suite("Presence notes")
struct PresenceNoteTests {
  private let entropy = Entropy.seeded(74)
  private let device: SigningKey
  private let key: WorkspaceKey
  private let workspace: WorkspaceID

  init() {
    device = DeviceKeys(entropy: entropy).signing
    key = WorkspaceKey(entropy: entropy)
    workspace = WorkspaceID(entropy.bytes32())
  }

  private func note(_ state: [UInt8], lifetime: UInt64 = 30_000) -> PresenceNote? {
    PresenceNote(
      state, run: 7, number: 9, lifetimeMilliseconds: lifetime, workspace: workspace, key: key,
      keyEpoch: 1, by: device, entropy: entropy)
  }

  @Test func comesBackFromItsBytesAndOpensForMembersOnly() throws {
    let state = Array("cursor at 7".utf8)
    let made = try #require(note(state))
    let read = try PresenceNote(parsing: made.bytes)
    #expect(read == made)
    #expect(read.device == device.publicKey && read.workspace == workspace)
    #expect(read.run == 7 && read.number == 9 && read.lifetimeMilliseconds == 30_000)
    #expect(try read.open(with: key) == state)
    #expect(throws: SealingError.self) { try read.open(with: WorkspaceKey(entropy: entropy)) }
    // What it says does not stand in it.
    #expect(String(decoding: made.bytes, as: UTF8.self).contains("cursor") == false)
  }

  @Test func everyChangedByteAndEveryOtherLengthIsRefused() throws {
    let made = try #require(note([1, 2, 3]))
    for index in made.bytes.indices {
      var changed = made.bytes
      changed[index] ^= 1 << UInt8(index % 8)
      #expect(throws: ByteDecodingError.self, "byte \(index)") {
        try PresenceNote(parsing: changed)
      }
      #expect(throws: ByteDecodingError.self, "\(index) bytes") {
        try PresenceNote(parsing: Array(made.bytes.prefix(index)))
      }
    }
    #expect(throws: ByteDecodingError.self) { try PresenceNote(parsing: made.bytes + [0]) }
  }

  @Test(arguments: [-1, 0, 1])
  func saysAtMostSoMuchForAtMostSoLong(difference: Int) throws {
    let state = [UInt8](repeating: 7, count: PresenceNote.stateBytesMax + difference)
    let lifetime = UInt64(Int(PresenceNote.lifetimeMillisecondsMax) + difference)
    #expect((note([], lifetime: lifetime) != nil) == (difference <= 0))
    guard difference <= 0 else {
      #expect(note(state) == nil)
      return
    }
    let made = try #require(note(state))
    #expect(made.bytes.count <= PresenceNote.bytesMax)
    #expect(try PresenceNote(parsing: made.bytes).open(with: key) == state)
  }

  @Test func hidesHowLongItIs() throws {
    func count(_ state: Int) throws -> Int {
      try #require(note([UInt8](repeating: 0, count: state))).bytes.count
    }
    #expect(try count(1_000) == count(1_005))
    #expect(try count(100) < count(1_000))
  }
}
