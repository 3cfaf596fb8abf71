import Causality
import Sealing
import Segments
import TestSupport
import Testing

@testable import SyncProtocol

@Suite("Presence is let through once, and not too often")
struct PresenceFilterTests {
  private let entropy = Entropy.seeded(91)
  private let device: SigningKey
  private let key: WorkspaceKey

  init() {
    device = DeviceKeys(entropy: entropy).signing
    key = WorkspaceKey(entropy: entropy)
  }

  private func note(_ number: UInt64, run: UInt64 = 1, by other: SigningKey? = nil) throws
    -> PresenceNote
  {
    try #require(
      PresenceNote(
        [1], run: run, number: number, lifetimeMilliseconds: 30_000,
        workspace: WorkspaceID(entropy.bytes32()), key: key, keyEpoch: 1, by: other ?? device,
        entropy: entropy))
  }

  @Test("a number that was seen, or a lower one, is not news; another run has its own numbers")
  func numbers() throws {
    var filter = PresenceFilter()
    #expect(try filter.admits(note(5), now: 0))
    #expect(try !filter.admits(note(5), now: 1))
    #expect(try !filter.admits(note(4), now: 2))
    #expect(try filter.admits(note(6), now: 3))
    #expect(try filter.admits(note(1, run: 2), now: 4))
    #expect(try !filter.admits(note(6), now: 5))
  }

  @Test("a device has its burst and ten in a second, whatever its runs, and costs nobody else")
  func rates() throws {
    var filter = PresenceFilter()
    var admitted = 0
    for number in UInt64(1)...100 {
      if try filter.admits(note(number, run: number % 5), now: 0) { admitted += 1 }
    }
    #expect(admitted == Int(PresenceFilter.notesBurst))
    let other = DeviceKeys(entropy: entropy).signing
    #expect(try filter.admits(note(1, by: other), now: 0))
    admitted = 0
    for number in UInt64(101)...200 {
      if try filter.admits(note(number), now: 1_000) { admitted += 1 }
    }
    #expect(admitted == Int(PresenceFilter.notesPerSecond))
  }

  @Test("holds so many sources; when it is full those that were silent for a minute go")
  func bounds() throws {
    var filter = PresenceFilter()
    var now: UInt64 = 0
    for run in 1...UInt64(PresenceFilter.sourcesMax) {
      // As fast as one device may.
      now += 100
      #expect(try filter.admits(note(1, run: run), now: now))
    }
    #expect(filter.count == PresenceFilter.sourcesMax)
    #expect(try filter.admits(note(1, run: 0), now: now + 100))
    #expect(filter.count <= 600)
  }

  @Test("a limit gives back one at a time, and a clock that goes back gives nothing")
  func limit() {
    var limit = RateLimit(perSecond: 2, burst: 3, now: 1_000)
    let times: [UInt64] = [
      1_000, 1_000, 1_000, 1_000, 1_499, 1_500, 500, 1_999, 2_000, .max, .max, .max, .max,
    ]
    var taken: [Bool] = []
    for time in times { taken.append(limit.take(now: time)) }
    #expect(
      taken == [
        true, true, true, false, false, true, false, false, true, true, true, true, false,
      ])
  }
}
