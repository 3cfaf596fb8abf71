import Sealing
import SyncProtocol
import Testing

@testable import Replication

@Suite("Who is dialled again, and when")
struct DiallerTests {
  /// Links to one peer that each last so long: how long was waited before each of them.
  private func pauses(_ count: Int, lasting: UInt64, from start: UInt64 = 1) -> [UInt64] {
    let place = Place(
      topology: Topology(kind: .mesh, members: ["here", "there"]), selfAddress: "here")
    var dialler = Dialler(place, limits: EngineLimits(), entropy: .seeded(3))
    var now = start
    var pauses: [UInt64] = []
    var ended = now
    for number in 1...count {
      var orders = dialler.plan(now: now)
      while orders.isEmpty {
        var next = UInt64.max
        dialler.lower(&next)
        now = max(now + 1, next)
        orders = dialler.plan(now: now)
      }
      guard case .dial(let dial, _) = orders.first else { break }
      pauses.append(now - ended)
      let link = LinkID(UInt64(number))
      _ = dialler.dialled(dial, link)
      dialler.up(link, now: now)
      now += lasting
      ended = now
      dialler.closed(link, "its disk is full", now: now)
    }
    return pauses
  }

  @Test("who answers and ends each link at once is left alone for longer and longer")
  func shortLinks() {
    let limits = EngineLimits()
    let pauses = pauses(14, lasting: 20).dropFirst()
    #expect(pauses.count == 13)
    #expect(pauses.prefix(1).allSatisfy { $0 <= limits.redialMilliseconds })
    #expect(pauses.suffix(4).allSatisfy { $0 >= limits.redialMillisecondsMax / 2 })
    #expect(pauses.allSatisfy { $0 <= limits.redialMillisecondsMax })
  }

  @Test("whose links last is called back at once")
  func longLinks() {
    let limits = EngineLimits()
    let pauses = pauses(8, lasting: 60_000).dropFirst()
    #expect(pauses.allSatisfy { $0 <= limits.redialMilliseconds })
  }
}
