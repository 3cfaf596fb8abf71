import ByteCoding
import Causality
import Documents
import ReplicaStore
import Sealing
import SegmentStore
import Segments
import SyncProtocol

/// How far back the peer's history of an origin was asked for.
struct ForkSearch {
  /// The first change that was asked for.
  var from: UInt64
  /// How many segments that was back, here.
  var back: Int
  /// When it was asked for, or something of it came last.
  var heardAt: UInt64
  /// The last change that came since then and is here.
  var heldThrough: UInt64?
}

/// A peer that has another history of an origin; nil where it is not known of which.
struct ForkDoubt: Hashable {
  let peer: SigningKey.Public
  let origin: Origin?
}

/// A segment as it was sealed, and the change that it begins with as the peer calls it.
struct TakenSegment {
  let name: ChangeID
  let segment: Segment

  /// The change that it ends with, as the peer calls it.
  var last: UInt64 { name.sequence + segment.lastSequence - segment.firstSequence }
}

// A peer has another history of an origin than this replica. It is asked for, from twice as far
// back each time, until a segment comes that goes on from one that is here; from then on the store
// knows both by names of their own.
extension Engine {
  // MARK: Noticing it while links are up

  /// Tells peers in short what is stored here: as long as nobody writes on, sequences alone would
  /// not show that there are two histories.
  func tellChains() {
    chainsAt = nil
    guard let digest = chainDigest else { return }
    for id in sortedLinks where links[id]?.isRunning == true {
      session(id) { $0.tell(chains: digest, now: now) }
    }
  }

  /// Meets a peer anew whose chains are others, though they are as long: then each is compared.
  func compare(_ theirs: ChainDigest, _ connection: Connection) {
    guard let ours = chainDigest, ours.vector == theirs.vector, ours.hashes != theirs.hashes
    else { return }
    meetAnew(connection, because: nil)
  }

  /// Ends a link so that all chains are compared when it is made again.
  func meetAnew(_ connection: Connection, because origin: Origin?) {
    // What a peer names that is not here is its own affair.
    let isKnown = origin.map { stored[$0] > 0 } ?? true
    doubts = doubts.filter { now < $0.value + limits.doubtMilliseconds }
    guard isKnown, let doubt = connection.peerKey.map({ ForkDoubt(peer: $0, origin: origin) }),
      doubts[doubt] == nil
    else { return }
    doubts[doubt] = now
    log(
      .warning,
      "\(connection.place) has another history of some origin than this replica; it is met anew")
    part(with: connection.id)
  }

  private var chainDigest: ChainDigest? {
    do throws(StoreError) {
      var vector = ByteWriter()
      var hashes = ByteWriter()
      let leftOut = try store.forkedOrigins()
      for tip in try store.storedTips() where !leftOut.contains(tip.origin) {
        tip.origin.write(to: &vector)
        vector.write(varint: tip.position.sequence)
        tip.position.hash.write(to: &hashes)
      }
      return ChainDigest(
        vector: Self.short(Digest.of(vector.bytes, domain: Self.chainsDomain)),
        hashes: Self.short(Digest.of(vector.bytes + hashes.bytes, domain: Self.chainsDomain)))
    } catch {
      log(.error, "\(error)")
      return nil
    }
  }

  private static let chainsDomain = Domain("skerry chains")

  private static func short(_ digest: Digest) -> UInt64 {
    digest.array.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  // MARK: Looking for where two histories part

  /// A peer has another segment under the same numbers.
  func met(forkOf origin: Origin, at sequence: UInt64, _ connection: Connection) {
    log(
      .warning,
      "\(connection.place) has another change \(sequence) of origin \(origin) than this replica: "
        + "one of the two went on after a restored backup or a copy. Its history is asked for")
    if origin == store.identity.origin { ownOriginIsForked(at: sequence, connection) }
    seek(origin, connection)
  }

  /// Asks for more of histories of which segments came that go on from some that are not here.
  func seekForks(
    _ outcome: ReceiveOutcome, among taken: [TakenSegment], _ connection: Connection
  ) {
    for item in taken {
      let (name, change) = (item.name, item.segment.firstChange)
      let refusal = outcome.refused.first { $0.segment == change }?.reason
      guard case .detached = refusal else {
        if refusal == nil {
          connection.seeking[change.origin]?.heldThrough = item.segment.lastSequence
        }
        continue
      }
      if let held = connection.seeking[change.origin]?.heldThrough, held + 1 == change.sequence {
        leaveOut(
          forkOf: change.origin, "its segments do not follow each other at change \(held)",
          connection)
      } else if name.origin != change.origin {
        // It comes from who has both histories: under that name, all of it is there.
        guard stored[name.origin] + 1 < name.sequence else { continue }
        let want = Want(origin: name.origin, from: stored[name.origin] + 1)
        session(connection.id) { $0.missing([want], isAgain: true, now: now) }
      } else if let search = connection.seeking[change.origin] {
        // What lies behind the first one that was asked for says nothing new.
        if change.sequence <= search.from { seek(change.origin, connection) }
      } else {
        seek(change.origin, connection)
      }
    }
    for chain in outcome.parted { connection.seeking[chain] = nil }
  }

  /// Acknowledges what is stored under another name than the peer knows it by.
  func acknowledgeOtherwise(
    _ taken: [TakenSegment], _ outcome: ReceiveOutcome, _ connection: Connection
  ) {
    for item in taken {
      let (origin, sealed) = (item.name.origin, item.segment.firstChange)
      let isOtherwise =
        origin != sealed.origin || connection.seeking[origin] != nil
        || forks[origin] != nil && item.last > stored[origin]
      guard isOtherwise, !outcome.refused.contains(where: { $0.segment == sealed }) else {
        continue
      }
      session(connection.id) { $0.storedOtherwise(origin, through: item.last, now: now) }
    }
  }

  private func seek(_ origin: Origin, _ connection: Connection) {
    let before = connection.seeking[origin]
    let back = before.map { $0.back * 2 + 1 } ?? 0
    do throws(StoreError) {
      let peerEnd = connection.link.session?.peerVector[origin] ?? 0
      let end = ChangeID(origin: origin, sequence: max(1, min(peerEnd, stored[origin])))
      let floor = try store.segmentFloor()[origin]
      let from = try store.segmentStart(before: end, by: back) ?? floor + 1
      guard before.map({ from < $0.from }) ?? true else {
        return leaveOut(
          forkOf: origin, "where the two histories of origin \(origin) part is not held here",
          connection)
      }
      connection.seeking[origin] = ForkSearch(from: from, back: back, heardAt: now)
      session(connection.id) { $0.askForFork(of: origin, from: from, now: now) }
    } catch {
      log(.error, "\(error)")
    }
  }

  /// Gives up on peers that do not answer.
  func tickForks() {
    for id in sortedLinks {
      guard let connection = links[id], !connection.seeking.isEmpty else { continue }
      let silent = connection.seeking.filter {
        now >= $0.value.heardAt + limits.forkSearchMilliseconds
      }
      for origin in silent.keys.sorted() {
        leaveOut(
          forkOf: origin,
          "\(connection.place) does not send what its history of origin \(origin) goes on from",
          connection)
      }
    }
  }

  var forkDeadline: UInt64 {
    var deadline = UInt64.max
    for connection in links.values {
      for search in connection.seeking.values {
        deadline = min(deadline, search.heardAt + limits.forkSearchMilliseconds)
      }
    }
    return deadline
  }

  /// The two histories cannot be brought together here.
  func leaveOut(forkOf origin: Origin, _ reason: String, _ connection: Connection) {
    connection.seeking[origin] = nil
    let failure = LinkFailure(.forked, "\(reason). The origin is left out on this link")
    connection.complaint = failure
    note(failure, of: connection)
    log(.error, "from \(connection.place): \(failure.sentence)")
    emit(.reported(connection.id, failure))
    session(connection.id) { $0.report(Status(.forked, origin: origin, reason), now: now) }
  }

  // MARK: When both are here

  /// Takes note of chains that are forked in the store since the last time.
  ///
  /// - Parameter before: who belonged to the workspace before, when this process has done it: what
  ///   it says about the branches is told on.
  func noteForks(since before: Membership?) {
    do throws(StoreError) {
      let all = try store.forkedChains()
      let fresh = all.filter { forks[$0.origin] != $0.sequence }
      guard !fresh.isEmpty else { return }
      forks = Self.ends(of: all)
      planner.stored(Self.unaskable(all), now: now)
      for entry in fresh {
        stored.set(entry.origin, to: entry.sequence)
        log(
          .warning,
          "origin \(entry.origin) has several histories behind change \(entry.sequence): all are "
            + "kept, under names of their own")
      }
      for id in sortedLinks { session(id) { $0.parted(fresh, now: now) } }
      advance(
        try store.storedTips().map { Self.tip($0.origin, $0.position) }, isFirstHand: true)
      if let before {
        forward(store.membership.records.filter { !before.contains($0.hash) }, except: nil)
      }
    } catch {
      log(.error, "\(error)")
    }
  }

  static func ends(of forks: [VersionVector.Entry]) -> [Origin: UInt64] {
    Dictionary(forks.map { ($0.origin, $0.sequence) }, uniquingKeysWith: { first, _ in first })
  }

  /// What peers that do not know of a fork have behind it is not to be asked for: it is here under
  /// another name, or will be.
  static func unaskable(_ forks: [VersionVector.Entry]) -> VersionVector {
    VersionVector(
      forks.map { VersionVector.Entry(origin: $0.origin, sequence: UInt64(Int64.max)) })
  }
}
