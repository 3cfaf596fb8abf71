package import Causality
package import ChangeCoding
package import SQLiteBridge
import Sabotages
package import Sealing
import SegmentStore
import Segments

/// A new origin of a store, and why it was taken.
package struct Incarnation: Equatable, Sendable {
  package let origin: Origin
  /// Under which the store wrote before.
  package let previous: Origin
  /// A sentence.
  package let reason: String
}

/// Changes that were given new names, as another incarnation of the store had used the old ones.
package struct RenamedChanges: Equatable, Sendable {
  package let origin: Origin
  package let sequences: ClosedRange<UInt64>
  /// The new name of the first of them; the others follow.
  package let first: ChangeID
}

// Identity is never reused. A store cannot see that its file was copied or put back, so it keeps to
// this: what it has written and sealed for nobody yet is *private*, and nobody else can build on
// it. As soon as anything tells that another incarnation writes under the same origin, the store
// goes on under a new one; private changes that the other has as well keep their names, and the
// others get new ones and are written again, the same edits on the same parents.
extension ReplicaStore {
  static let placementSetting = "placement"
  /// Set while a device that is no member yet cannot claim the origin that it needs.
  static let suspicionSetting = "origin suspect"

  static let movedReason =
    "the file is at another place than where it was last written: it was copied, restored or moved"
  static let twinReason =
    "another replica writes under the same origin: the store was copied or restored from a backup"

  /// Opens the store of a file, knowing where it is.
  ///
  /// - Parameter placement: opaque; equal as long as this is the same file on the same machine.
  ///   When the store was last written at another one, it goes on under a new origin at once.
  package static func open(
    _ options: SQLiteOptions, placement: [UInt8], entropy: Entropy,
    language: OperationLanguage = .current
  ) throws(StoreError) -> ReplicaStore {
    let store = try openWithoutApplying(options, language: language)
    if store.options.access != .read {
      try store.saveMended()
      try store.settle(at: placement, entropy: entropy)
      try store.applyWaiting()
    }
    return store
  }

  /// Notes where the store is, which it must not yet have been told, or goes on under a new origin.
  package func settle(at placement: [UInt8], entropy: Entropy) throws(StoreError) {
    let before = try stored { () throws(SegmentStoreError) in
      try segments.setting(Self.placementSetting)
    }
    guard before != placement, !Sabotage.reuseSequence.isPlanted else { return }
    try write { () throws(StoreError) in
      try stored { () throws(SegmentStoreError) in
        try segments.setSetting(Self.placementSetting, to: placement)
      }
      if before != nil { try renew(because: Self.movedReason, entropy: entropy) }
    }
  }

  /// The origins under which the store has gone on, the first one first.
  package func incarnations() throws(StoreError) -> [Incarnation] {
    try reading { () throws(StoreError) in
      try sql { () throws(SQLiteError) in
        var found: [Incarnation] = []
        var rows = try connection.query(
          "SELECT origin, previous, reason FROM incarnation ORDER BY id")
        while try rows.next() {
          found.append(
            Incarnation(
              origin: try Self.origin(0, of: rows), previous: try Self.origin(1, of: rows),
              reason: try rows.text(2)))
        }
        return found
      }
    }
  }

  /// The changes that have other names than they were committed under, in the order of renaming: a
  /// change may have been renamed again.
  package func renamedChanges() throws(StoreError) -> [RenamedChanges] {
    try reading { () throws(StoreError) in
      try sql { () throws(SQLiteError) in
        var found: [RenamedChanges] = []
        var rows = try connection.query(
          "SELECT origin, first, last, target, target_first FROM renaming ORDER BY id")
        while try rows.next() {
          let (first, last) = (try rows.counter(1), try rows.counter(2))
          found.append(
            RenamedChanges(
              origin: try Self.origin(0, of: rows), sequences: first...max(first, last),
              first: ChangeID(
                origin: try Self.origin(3, of: rows), sequence: try rows.counter(4))))
        }
        return found
      }
    }
  }

  /// The sentences that people must read about the identity of this store.
  package func identityNotes() throws(StoreError) -> [String] {
    var notes = try incarnations().map {
      "It goes on as origin \($0.origin) instead of \($0.previous): \($0.reason)."
    }
    for renamed in try renamedChanges() {
      let (first, last) = (renamed.sequences.lowerBound, renamed.sequences.upperBound)
      notes.append(
        "Changes \(first) to \(last) of origin \(renamed.origin) are now those of "
          + "\(renamed.first.origin) from \(renamed.first.sequence) on.")
    }
    let kept = try privateChanges().inheritedCount
    if kept > 0 {
      notes.append(
        "\(kept) changes that were never sealed are kept back until a peer has shown whether "
          + "somebody else has sent them.")
    }
    if try privateChanges().isSuspect {
      notes.append("It takes a new origin as soon as this device is a member.")
    }
    if try isReturning() {
      notes.append(
        "It was put back from before history that others may have folded: what is written here is "
          + "sent when it has met a replica, not only a relay, and taken a snapshot.")
    }
    return notes + (try forkNotes()) + (try returnNotes()) + (try mendedNotes())
  }

  /// Goes on under a new origin, as a copied or restored store must. What was written under the old
  /// one and is in no segment stays private until it is sealed, see ``seal(entropy:)``.
  ///
  /// - Throws: `.membership` for a device that is no member.
  package func claimOrigin(
    because reason: String? = nil, entropy: Entropy
  ) throws(StoreError) {
    try write { () throws(StoreError) in
      try begin(because: reason ?? Self.twinReason, entropy: entropy)
    }
  }

  /// Goes on under a new origin, as somebody holds another history of the one in use, and notes it.
  package func leaveForkedOrigin(at sequence: UInt64, entropy: Entropy) throws(StoreError) {
    try write { () throws(StoreError) in
      try noteFork(of: identity.origin, at: sequence)
      try begin(because: Self.twinReason, entropy: entropy)
    }
  }

  // MARK: Within a transaction

  /// Takes a new origin, or notes that it must be done when the device is a member.
  func renew(because reason: String, entropy: Entropy) throws(StoreError) {
    if isAdmitted {
      try begin(because: reason, entropy: entropy)
    } else {
      try stored { () throws(SegmentStoreError) in
        try segments.setSetting(Self.suspicionSetting, to: [1])
      }
      forgetPrivateChanges()
    }
  }

  /// What must be done before anything is sealed.
  ///
  /// - Returns: false while nothing may be sealed.
  func prepareToSeal(entropy: Entropy) throws(StoreError) -> Bool {
    if try privateChanges().isSuspect {
      guard isAdmitted else { return false }
      try begin(because: Self.movedReason, entropy: entropy)
    }
    guard try hasInherited() else { return true }
    guard isAdmitted else { return false }
    let tail = try privateTail()
    // Others of the same time may come before them under their new names, or behind.
    documentsReadAnew.formUnion(
      try reauthor(tail, because: Self.movedReason, entropy: entropy))
    return true
  }

  /// Claims a new origin. The private changes stay where they are, under the old one.
  func begin(because reason: String, entropy: Entropy) throws(StoreError) {
    let previous = identity.origin
    try writeOwnOrigin()
    let isBetween = try orderKeeper()
    let claimed: (record: MembershipRecord, origin: Origin)
    do throws(MembershipError) {
      claimed = try membership.claimOrigin(
        device: identity.device, entropy: entropy, where: isBetween)
    } catch {
      throw .membership(error)
    }
    _ = try insert([claimed.record])
    try stored { () throws(SegmentStoreError) in
      try segments.setSetting(Self.suspicionSetting, to: nil)
    }
    try sql { () throws(SQLiteError) in
      try connection.execute(
        """
        INSERT INTO inherited (origin, first_sequence, last_sequence, block)
        SELECT ?, first_sequence, last_sequence, block FROM unsealed ORDER BY first_sequence
        """, .blob(previous.bytes))
      try connection.execute("DELETE FROM unsealed")
      try connection.execute(
        "INSERT INTO incarnation (origin, previous, reason) VALUES (?, ?, ?)",
        .blob(claimed.origin.bytes), .blob(previous.bytes), .text(reason))
    }
    identity.origin = claimed.origin
    try sql { () throws(SQLiteError) in try identity.updateOrigin(in: connection) }
    forgetPrivateChanges()
  }

  /// Ties between concurrent edits go by the order of their origins, and the edits of a text count
  /// on how they went: so the new origin stands to all others as the ones that it follows, where
  /// that can be had.
  private func orderKeeper() throws(StoreError) -> (Origin) -> Bool {
    let own = Set(try privateOrigins().keys).union([identity.origin])
    let others = state.applied.entries.map(\.origin).filter { !own.contains($0) }
    guard let lowest = own.min(), let highest = own.max() else { return { _ in true } }
    let below = others.last { $0 < lowest }
    let above = others.first { $0 > highest }
    return { candidate in
      (below.map { $0 < candidate } ?? true) && (above.map { candidate < $0 } ?? true)
    }
  }

  /// The first private change of each origin that has some.
  func privateOrigins() throws(StoreError) -> [Origin: UInt64] {
    try privateChanges().firsts(under: identity.origin)
  }

  /// Notes that the stored chain of an origin and another one that its owner has signed differ.
  func noteFork(of origin: Origin, at sequence: UInt64) throws(StoreError) {
    try sql { () throws(SQLiteError) in
      try connection.execute(
        "INSERT INTO fork (origin, sequence) VALUES (?, ?) ON CONFLICT DO NOTHING",
        .blob(origin.bytes), SQLiteValue(clampedCounter: sequence))
    }
  }

  /// The origins of which two histories were met that cannot be brought together here.
  package func forkedOrigins() throws(StoreError) -> Set<Origin> {
    try reading { () throws(StoreError) in Set(try forks().map(\.origin)) }
  }

  /// The origins of which two histories were met, sorted.
  func forks() throws(StoreError) -> [StalledOrigin] {
    try sql { () throws(SQLiteError) in
      var found: [StalledOrigin] = []
      var rows = try connection.query("SELECT origin, sequence FROM fork ORDER BY origin")
      while try rows.next() {
        let sequence = try rows.counter(1)
        found.append(
          StalledOrigin(
            origin: try Self.origin(0, of: rows), sequence: sequence,
            reason: "two different histories of it exist from change \(sequence) on, as its store "
              + "was copied or restored; the one that came first is kept here, the other one is "
              + "with whoever took that first, and what was folded since keeps them apart"))
      }
      return found
    }
  }

  static func origin(
    _ column: Int, of row: borrowing SQLiteRows
  ) throws(SQLiteError) -> Origin {
    guard let origin = Origin(bytes: try row.blob(column, count: Origin.byteCount)) else {
      throw SQLiteError(code: .unexpectedValue, message: "column \(column) holds no origin")
    }
    return origin
  }
}
