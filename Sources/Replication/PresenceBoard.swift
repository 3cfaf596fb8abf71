import Sabotages
package import Sealing
import Segments
import SyncProtocol

/// What one device shows at the moment, as far as it has come here.
package struct PresentDevice: Equatable, Sendable {
  package var device: SigningKey.Public
  /// One life of a process on that device.
  package var run: UInt64
  /// At most ``PresenceNote/stateBytesMax`` bytes; what they mean is the app's business.
  package var state: [UInt8]

  package init(device: SigningKey.Public, run: UInt64, state: [UInt8]) {
    self.device = device
    self.run = run
    self.state = state
  }
}

/// Who is there: what this process shows, and what has come of others and has not expired, by the
/// clock of whoever asks. Nothing of it is ever stored.
struct PresenceBoard {
  /// How long a note of this process counts, unless it is repeated.
  static let lifetimeMilliseconds: UInt64 = 30_000
  static let repeatMilliseconds: UInt64 = lifetimeMilliseconds / 3
  /// What changes sooner than this after the last note waits; the newest of it is sent.
  static let spacingMilliseconds: UInt64 = 100
  /// Over how many links a note goes at most: around the longest ring that is meant to work.
  static let hopsMax: UInt8 = 64

  struct Entry {
    var note: PresenceNote
    var state: [UInt8]
    /// How often the note may be passed on yet.
    var hops: UInt8
    var expiresAt: UInt64
  }

  private var filter = PresenceFilter()
  private var entries: [PresenceFilter.Source: Entry] = [:]

  /// What this process shows; nil for nothing.
  private(set) var own: [UInt8]?
  /// A number for this process, drawn when it first shows something.
  private(set) var run: UInt64?
  private var number: UInt64 = 0
  private var sentAt: UInt64?
  /// When the next own note is due; nil when there is nothing to say.
  private(set) var dueAt: UInt64?

  init() {}

  /// What another board has shown, shown at once again. Of others it knows nothing yet.
  init(continuing other: PresenceBoard) {
    (own, run, number) = (other.own, other.run, other.number)
    if own != nil { dueAt = 0 }
  }

  // MARK: Of this process

  /// - Returns: false for a state that is too long.
  mutating func show(_ state: [UInt8]?, now: UInt64, entropy: Entropy) -> Bool {
    guard state?.count ?? 0 <= PresenceNote.stateBytesMax else { return false }
    guard state != own else { return true }
    if run == nil { run = entropy.uint64() }
    own = state
    dueAt = max(now, sentAt.map { $0 + Self.spacingMilliseconds } ?? 0)
    return true
  }

  /// The next own note, when one is due; nil otherwise.
  ///
  /// - Parameter seal: makes it of the state, the run, the number and the lifetime.
  mutating func next(
    now: UInt64, _ seal: ([UInt8], UInt64, UInt64, UInt64) -> PresenceNote?
  ) -> PresenceNote? {
    guard let due = dueAt, due <= now, let run else { return nil }
    number += 1
    sentAt = now
    dueAt = own == nil ? nil : now + Self.repeatMilliseconds
    return seal(own ?? [], run, number, own == nil ? 0 : Self.lifetimeMilliseconds)
  }

  /// A note that takes back what others have been shown; nil when they have been shown nothing.
  mutating func goodBye(
    _ seal: ([UInt8], UInt64, UInt64, UInt64) -> PresenceNote?
  ) -> PresenceNote? {
    // What is to be taken back and was not yet is taken back now.
    guard own != nil || dueAt != nil, sentAt != nil, let run else { return nil }
    number += 1
    return seal([], run, number, 0)
  }

  /// Somebody was met who has heard nothing yet.
  mutating func repeatSoon(now: UInt64) {
    guard own != nil else { return }
    let next = max(now, sentAt.map { $0 + Self.spacingMilliseconds } ?? 0)
    dueAt = min(dueAt ?? .max, next)
  }

  // MARK: Of others

  /// Takes a note that was verified.
  ///
  /// - Parameter open: what it says; nil when that cannot be read, and then it is passed on only.
  /// - Returns: whether it is news, to be passed on, and whether what is shown has changed.
  mutating func take(
    _ note: PresenceNote, hops: UInt8, now: UInt64, open: (PresenceNote) -> [UInt8]?
  ) -> (isNews: Bool, hasChanged: Bool) {
    guard note.run != run, filter.admits(note, now: now) else { return (false, false) }
    let source = PresenceFilter.Source(note)
    guard note.lifetimeMilliseconds > 0, let state = open(note) else {
      return (true, entries.removeValue(forKey: source) != nil)
    }
    let hasChanged = entries[source]?.state != state
    entries[source] = Entry(
      note: note, state: state, hops: hops, expiresAt: now + note.lifetimeMilliseconds)
    return (true, hasChanged)
  }

  /// Forgets what has expired. - Returns: whether there was any.
  mutating func expire(now: UInt64) -> Bool {
    if Sabotage.keepPresence.isPlanted { return false }
    let before = entries.count
    entries = entries.filter { now < $0.value.expiresAt }
    return entries.count < before
  }

  /// When something expires next; `.max` for never. Complexity: O(entries).
  var nextExpiry: UInt64 {
    if Sabotage.keepPresence.isPlanted { return .max }
    return entries.values.reduce(.max) { min($0, $1.expiresAt) }
  }

  /// All that counts, sorted by device and run.
  var present: [PresentDevice] {
    entries.sorted { $0.key < $1.key }.map {
      PresentDevice(device: $0.key.device, run: $0.key.run, state: $0.value.state)
    }
  }

  /// The notes of others as they may be passed on, sorted by device and run. What has not been
  /// repeated for half of its life is not: whoever gets it counts from then.
  func notes(now: UInt64) -> [(note: PresenceNote, hops: UInt8)] {
    entries.filter { now + $0.value.note.lifetimeMilliseconds / 2 <= $0.value.expiresAt }
      .sorted { $0.key < $1.key }.map { ($0.value.note, $0.value.hops) }
  }
}
