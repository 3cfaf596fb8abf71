import Sabotages
package import Sealing
package import Segments

/// Lets each presence note through once, the newest of each source, and no more of a device than
/// anybody needs: so loops stop, and nobody drowns the others.
///
/// ```
/// note ─► is it newer than the last of its device and run? ─► has the device any left this second?
/// ```
package struct PresenceFilter: Sendable {
  /// Who shows something: a device, and one life of a process on it.
  package struct Source: Hashable, Comparable, Sendable {
    package let device: SigningKey.Public
    package let run: UInt64

    package init(_ note: PresenceNote) {
      device = note.device
      run = note.run
    }

    package static func < (left: Source, right: Source) -> Bool {
      left.device == right.device ? left.run < right.run : left.device < right.device
    }
  }

  /// Notes of one device, all its runs together.
  package static let notesPerSecond: UInt64 = 10
  package static let notesBurst: UInt64 = 20
  package static let sourcesMax = 4_096
  /// How long a source is remembered that says nothing more: a note that was kept back and played
  /// again within that time is known.
  package static let memoryMilliseconds: UInt64 = 3_600_000

  private struct Record {
    var number: UInt64
    var heardAt: UInt64
  }

  /// Only looked up in, and swept.
  private var last: [Source: Record] = [:]
  private var limits: [SigningKey.Public: RateLimit] = [:]

  package init() {}

  /// How many sources are remembered.
  package var count: Int { last.count }

  /// Whether a note is known to be old. Complexity: O(1).
  package func knows(_ note: PresenceNote) -> Bool {
    last[Source(note)].map { $0.number >= note.number } ?? false
  }

  /// Whether a note of a member is news and may pass. Complexity: O(1), and O(sources) when there
  /// are too many.
  package mutating func admits(_ note: PresenceNote, now: UInt64) -> Bool {
    let source = Source(note)
    let isKnown = last[source].map { $0.number >= note.number } ?? false
    if isKnown, !Sabotage.takeOldPresence.isPlanted { return false }
    var limit =
      limits[note.device]
      ?? RateLimit(perSecond: Self.notesPerSecond, burst: Self.notesBurst, now: now)
    let isLeft = limit.take(now: now)
    limits[note.device] = limit
    guard isLeft else { return false }
    if last[source] == nil, last.count >= Self.sourcesMax {
      sweep(now: now, olderThan: Self.memoryMilliseconds)
      // Rather forget what can only be played again than turn somebody away.
      if last.count >= Self.sourcesMax {
        sweep(now: now, olderThan: PresenceNote.lifetimeMillisecondsMax)
      }
      guard last.count < Self.sourcesMax else { return false }
    }
    last[source] = Record(number: note.number, heardAt: now)
    return true
  }

  private mutating func sweep(now: UInt64, olderThan age: UInt64) {
    last = last.filter { now < $0.value.heardAt + age }
    limits = limits.filter { !$0.value.isRested(now: now) }
  }
}
