import Causality
import RelayTestSupport
import Sealing
import Segments
import SyncProtocol
import Testing

@Suite("Presence over a relay")
struct RelayPresenceTests {
  private func note(
    _ number: UInt64, of client: FakeClient, by device: SigningKey? = nil
  ) throws -> [UInt8] {
    try #require(
      PresenceNote(
        Array("at line 7".utf8), run: 1, number: number, lifetimeMilliseconds: 30_000,
        workspace: client.workspace, key: client.workspaceKey, keyEpoch: 1,
        by: device ?? client.device.signing, entropy: .seeded(number))
    ).bytes
  }

  @Test("a member's note reaches the other members once, one hop less, and not its sender")
  func forwards() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    let others = try (2...3).map { try FakeClient.member("\($0)", of: ada, seed: $0) }
    for client in [ada] + others {
      harbour.connect(client)
      harbour.settle()
    }
    let bytes = try note(1, of: ada)
    for _ in 0..<3 {
      harbour.send(ada.input(now: 0) { $0.tell(presence: bytes, hops: 5, now: 0) }, from: ada)
      harbour.settle()
    }
    for other in others {
      #expect(other.presence.map(\.hops) == [4])
      let read = try PresenceNote(parsing: #require(other.presence.first?.note))
      #expect(try read.open(with: other.workspaceKey) == Array("at line 7".utf8))
    }
    #expect(ada.presence.isEmpty)
    // None of it is in the store: a member who comes later gets nothing.
    let late = try FakeClient.member("late", of: ada, seed: 9)
    harbour.connect(late)
    harbour.settle()
    #expect(late.presence.isEmpty)
  }

  @Test("notes without hops, of strangers, and too many of one device go nowhere")
  func refuses() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    let bob = try FakeClient.member("Bob", of: ada, seed: 2)
    for client in [ada, bob] {
      harbour.connect(client)
      harbour.settle()
    }
    let stranger = DeviceKeys(entropy: .seeded(77)).signing
    let useless = [
      (try note(1, of: ada), UInt8(0)), (try note(2, of: ada, by: stranger), 5), ([1, 2, 3], 5),
    ]
    for (bytes, hops) in useless {
      harbour.send(ada.input(now: 0) { $0.tell(presence: bytes, hops: hops, now: 0) }, from: ada)
      harbour.settle()
    }
    #expect(bob.presence.isEmpty)
    for number in UInt64(3)...102 {
      let bytes = try note(number, of: ada)
      harbour.send(ada.input(now: 0) { $0.tell(presence: bytes, hops: 5, now: 0) }, from: ada)
      harbour.settle()
    }
    #expect((20...60).contains(bob.presence.count), "\(bob.presence.count)")
    #expect(harbour.isConnected(ada) && harbour.isConnected(bob))
  }
}
