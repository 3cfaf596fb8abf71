import Causality
import RelayTestSupport
import Relaying
import Sealing
import Segments
import SyncProtocol
import TestSupport
import Testing

@Suite("Who may come to the relay")
struct AdmissionTests {
  @Test("a device joins through the relay while the inviter is away, then both exchange")
  func joining() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    let invitation = try ada.invite()
    harbour.connect(ada)
    try harbour.write("before", at: ada)
    harbour.settle()
    harbour.disconnect(ada)

    let bob = try FakeClient.joiner("Bob", invitation, seed: 2)
    harbour.connect(bob)
    harbour.settle()
    #expect(bob.segmentsReceived == 0, "a joiner gets no segments")
    #expect(bob.membership.device(ada.device.publicKey) != nil, "a joiner sees who is a member")
    harbour.disconnect(bob)

    harbour.connect(ada)
    harbour.settle()
    #expect(ada.membership.device(bob.device.publicKey) != nil)
    harbour.connect(bob)
    harbour.settle()
    #expect(bob.membership.device(bob.device.publicKey) != nil)
    harbour.disconnect(bob)
    harbour.connect(bob)
    try harbour.write("after", at: bob)
    harbour.settle()
    #expect(try bob.texts()[ada.origin] == ["before"])
    #expect(try ada.texts()[bob.origin] == ["after"])
  }

  @Test("a joiner that is admitted while its link is up goes on as a member")
  func upgrade() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    let invitation = try ada.invite()
    harbour.connect(ada)
    try harbour.write("before", at: ada)
    harbour.settle()
    let bob = try FakeClient.joiner("Bob", invitation, seed: 2)
    harbour.connect(bob)
    harbour.settle()
    #expect(bob.membership.device(bob.device.publicKey)?.role == .writer)
    #expect(try bob.texts()[ada.origin] == ["before"])
  }

  @Test("a joiner that was admitted while it was away is a member when it comes back")
  func admittedWhileAway() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    let bob = try FakeClient.joiner("Bob", try ada.invite(), seed: 2)
    harbour.connect(ada)
    try harbour.write("before", at: ada)
    harbour.settle()
    harbour.disconnect(ada)
    harbour.connect(bob)
    harbour.settle()
    harbour.disconnect(bob)
    harbour.connect(ada)
    harbour.settle()
    harbour.disconnect(ada)
    #expect(bob.membership.device(bob.device.publicKey) == nil)
    harbour.connect(bob)
    harbour.settle()
    #expect(bob.membership.device(bob.device.publicKey) != nil)
    #expect(try bob.texts()[ada.origin] == ["before"])
    #expect(bob.isLevel)
  }

  @Test("a stranger learns nothing and changes nothing, however much it knows of names")
  func stranger() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    harbour.connect(ada)
    try harbour.write("secret", at: ada)
    harbour.settle()
    let before = harbour.core.status

    // Knows the workspace's id and even its key and records, but is no member.
    let eve = try FakeClient.joiner("Eve", try ada.invite(), seed: 66)
    eve.invitation = nil
    eve.origin = ada.origin
    eve.keep(try eve.seal(Array("forged".utf8)))
    harbour.connect(eve)
    harbour.settle()
    let hello = try #require(eve.link?.session?.peer)
    #expect(hello.recordDigest == Membership(workspace: ada.workspace).digest.array)
    #expect(eve.relayVectorAtHello == nil)
    harbour.pass(milliseconds: 12_000)
    #expect(!harbour.isConnected(eve))
    #expect(eve.statuses.map(\.code) == [.notAMember])
    #expect(eve.recordsReceived == 0)
    #expect(eve.segmentsReceived == 0)
    #expect(harbour.core.status.segmentsStored == before.segmentsStored)
    #expect(harbour.core.status.workspaces == 1)

    // The answer for a workspace that does not exist is the same.
    let nobody = try FakeClient.joiner(
      "Nobody", try FakeClient.founder("x", seed: 5).invite(), seed: 67)
    nobody.invitation = nil
    harbour.connect(nobody)
    harbour.pass(milliseconds: 12_000)
    #expect(nobody.statuses == eve.statuses)
    #expect(nobody.relayVectorAtHello == nil)
    #expect(harbour.core.status.workspaces == 1)
  }

  @Test("an invitation that the relay does not know, has expired or was used opens nothing")
  func invitations() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    let expiring = try ada.invite(expiresMillis: harbour.now.wall + 5_000)
    let single = try ada.invite()
    harbour.connect(ada)
    harbour.settle()
    harbour.now.wall += 5_000
    let late = try FakeClient.joiner("late", expiring, seed: 3)
    harbour.connect(late)
    harbour.settle()
    #expect(late.statuses.map(\.code) == [.joinRefused])

    let bob = try FakeClient.joiner("Bob", single, seed: 4)
    harbour.connect(bob)
    harbour.settle()
    #expect(bob.membership.device(bob.device.publicKey) != nil)
    let eve = try FakeClient.joiner("Eve", single, seed: 5)
    harbour.connect(eve)
    harbour.settle()
    #expect(eve.statuses.map(\.code) == [.joinRefused])
    #expect(eve.recordsReceived == 0)

    let early = try FakeClient.joiner("early", try ada.invite(), seed: 6)
    harbour.connect(early)
    harbour.settle()
    #expect(early.statuses.map(\.code) == [.joinRefused])
    #expect(early.recordsReceived == 0)
  }

  @Test("an invitation leaves one request, and nothing else that its holder sends counts")
  func oneRequest() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    let invitation = try ada.invite()
    ada.admitsRequests = false
    harbour.connect(ada)
    harbour.settle()
    let bob = try FakeClient.joiner("Bob", invitation, seed: 2)
    harbour.connect(bob)
    harbour.settle()
    #expect(ada.membership.requests.count == 1)
    let eve = try FakeClient.joiner("Eve", invitation, seed: 3)
    harbour.connect(eve)
    harbour.settle()
    #expect(ada.membership.requests.count == 1)
    #expect(!harbour.isConnected(eve))
    #expect(harbour.isConnected(bob))

    // Neither request ends the other; Bob's is the one that is answered.
    ada.admitsRequests = true
    harbour.disconnect(ada)
    harbour.connect(ada)
    harbour.settle()
    for request in ada.membership.requests(for: ada.device.publicKey) {
      #expect(request.device == bob.device.publicKey)
    }
  }

  @Test("a new member that the relay has not heard of shows the records that make it one")
  func newMember() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    harbour.connect(ada)
    try harbour.write("first", at: ada)
    harbour.settle()
    harbour.disconnect(ada)
    // Admitted elsewhere.
    let bob = try FakeClient.member("Bob", of: ada, seed: 2)
    harbour.connect(bob)
    try harbour.write("second", at: bob)
    harbour.settle()
    #expect(bob.isLevel)
    #expect(bob.acknowledged[bob.origin] == 1)
    #expect(try bob.texts()[ada.origin] == ["first"])
  }

  @Test("a workspace begins with a founder's own record, not with somebody's claim to it")
  func founding() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    let eve = try FakeClient.founder("Eve", seed: 2)
    // Eve shows her own genesis for Ada's workspace.
    let claim = try FakeClient.joiner("Eve", try ada.invite(), seed: 3)
    claim.invitation = nil
    harbour.connect(claim)
    harbour.settle()
    harbour.send(
      claim.input(now: harbour.now.monotonic) {
        $0.recordsAdded(
          eve.membership.records.map(\.bytes), digest: eve.membership.digest.array,
          now: harbour.now.monotonic)
      }, from: claim)
    harbour.pass(milliseconds: 12_000)
    #expect(!harbour.isConnected(claim))
    #expect(harbour.core.status.workspaces == 0)
    #expect(harbour.folder.files.filter { $0.contains("workspaces/") }.isEmpty)
    harbour.connect(ada)
    harbour.settle()
    #expect(ada.isLevel)
  }

  @Test("a reader's segments are refused; it still receives")
  func readers() throws {
    let harbour = try Harbour()
    let ada = try FakeClient.founder("Ada", seed: 1)
    let reader = try FakeClient.member("reader", of: ada, role: .reader, seed: 2)
    harbour.connect(ada)
    harbour.settle()
    harbour.connect(reader)
    try harbour.write("not allowed", at: reader)
    try harbour.write("allowed", at: ada)
    harbour.settle()
    #expect(reader.statuses.map(\.code) == [.refused])
    #expect(reader.statuses.map(\.origin) == [reader.origin])
    #expect(try reader.texts()[ada.origin] == ["allowed"])
    #expect(ada.segmentsReceived == 0)
    #expect(harbour.core.status.segmentsStored == 1)
  }
}
