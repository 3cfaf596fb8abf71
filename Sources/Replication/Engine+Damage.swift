import ByteCoding
import Causality
import Documents
import ReplicaStore
import Sabotages
import SegmentStore
import SyncProtocol

/// Damaged segments and documents that peers are asked for.
struct DamageFetching {
  /// Who was asked last, by the place of the segment. Only looked up in.
  var asked: [Int64: LinkID] = [:]
  /// Documents that nothing here can make again, as they were asked for. Only looked up in.
  var documents: [DocumentID: Asked] = [:]
  /// What each link is giving: one document at a time. Only looked up in.
  var arriving: [LinkID: Arriving] = [:]
  /// When the next one is to be asked; nil when there is nothing to ask, or nobody.
  var dueAt: UInt64?
  /// Until when those who were asked count as not level: once for each link. Only looked up in.
  var awaitedUntil: [LinkID: UInt64] = [:]
  /// How many were known when it was last told.
  var told = 0

  /// How long a peer may take before another one is asked.
  static let patienceMilliseconds: UInt64 = 10_000
  /// What was of no use is not asked for again before so long.
  static let pauseMillisecondsMax: UInt64 = 600_000

  struct Asked {
    /// Who was asked last.
    var link: LinkID
    /// When another one is.
    var nextAt: UInt64
    /// How long it was waited for the last time that what came was of no use.
    var pause = patienceMilliseconds
  }

  struct Arriving {
    let document: DocumentID
    var parts: [SnapshotPart] = []
    var byteCount = 0
  }
}

extension DamageFetching {
  mutating func wake(at due: UInt64) { dueAt = min(dueAt ?? due, due) }
}

// What is stored and damaged is fetched again from whoever has it.
extension Engine {
  /// At the end of each turn: writes down what reading has found damaged, and asks for it. O(1)
  /// when nothing is new.
  func noteDamage() {
    let count = store.damagedCount
    guard count != fetching.told else { return }
    if count > fetching.told {
      for segment in store.damagedSegments { log(.error, "\(Self.sentence(segment))") }
      for id in store.lostDocuments {
        log(.error, "document \(id) is damaged, and nothing here can make it again")
      }
    }
    do throws(StoreError) {
      try store.saveDamage()
    } catch {
      log(.warning, "what is damaged could not be noted: \(error)")
    }
    fetching.told = store.damagedCount
    fetchDamaged()
    drain()
  }

  /// Asks one peer for each damaged segment; another one each time.
  func fetchDamaged() {
    fetching.dueAt = nil
    for segment in store.damagedSegments {
      let holders = sortedLinks.filter {
        links[$0]?.link.session?.canGiveAgain(segment.origin, segment.sequences) ?? false
      }
      let last = fetching.asked[segment.position]
      guard let next = last.flatMap({ last in holders.first { $0 > last } }) ?? holders.first
      else { continue }
      fetching.asked[segment.position] = next
      wait(for: next)
      session(next) { $0.fetchAgain(segment.origin, segment.sequences, now: now) }
    }
    fetchLost()
  }

  /// A peer was asked, and has some time to give.
  private func wait(for id: LinkID) {
    let due = now + DamageFetching.patienceMilliseconds
    fetching.wake(at: due)
    if fetching.awaitedUntil[id] == nil { fetching.awaitedUntil[id] = due }
  }

  /// Whether a link is to give something that is damaged here, and may still do so.
  func isGiving(_ id: LinkID) -> Bool {
    guard let due = fetching.awaitedUntil[id], now < due else { return false }
    return fetching.arriving[id] != nil
      || store.damagedSegments.contains { fetching.asked[$0.position] == id }
  }

  // MARK: Documents

  /// Asks peers, one document of each at a time, for what nothing here can make again; of each
  /// document another peer each time.
  private func fetchLost() {
    let lost = store.lostDocuments
    guard !lost.isEmpty, !Sabotage.leaveLostDocuments.isPlanted else { return }
    var free = sortedLinks.filter {
      fetching.arriving[$0] == nil && links[$0]?.link.session?.givesDocuments ?? false
    }
    for id in lost {
      let asked = fetching.documents[id]
      if let asked, now < asked.nextAt {
        fetching.wake(at: asked.nextAt)
        continue
      }
      if let asked, fetching.arriving[asked.link]?.document == id {
        // It has given nothing for too long.
        fetching.arriving[asked.link] = nil
      }
      guard let next = asked.flatMap({ asked in free.first { $0 > asked.link } }) ?? free.first
      else { continue }
      free.removeAll { $0 == next }
      let due = now + DamageFetching.patienceMilliseconds
      fetching.documents[id] = DamageFetching.Asked(
        link: next, nextAt: due, pause: asked?.pause ?? DamageFetching.patienceMilliseconds)
      fetching.arriving[next] = DamageFetching.Arriving(document: id)
      wait(for: next)
      session(next) { $0.wantDocument(id.bytes, now: now) }
    }
  }

  /// Gives a document that a peer has lost: one to each in a turn, and none while the last one has
  /// not left. Who asked for more asks again.
  func giveDocument(_ bytes: [UInt8], _ connection: Connection) {
    guard let id = DocumentID(bytes: bytes), connection.queuedBytes < limits.turnBytes,
      connection.gaveDocumentIn != turn
    else { return }
    connection.gaveDocumentIn = turn
    do throws(StoreError) {
      let parts = try store.documentParts(of: id).map { $0.encoded() }
      session(connection.id) { $0.giveDocument(parts, now: now) }
    } catch {
      fail(connection, error)
    }
  }

  /// Takes a part of the document that a peer was asked for; with the last one it is made again.
  func keepDocument(_ bytes: [UInt8], isLast: Bool, _ connection: Connection) {
    let link = connection.id
    guard let id = fetching.arriving[link]?.document else { return }
    do throws(ByteDecodingError) {
      if !bytes.isEmpty {
        let part = try SnapshotPart(decoding: bytes)
        guard !part.pieces.isEmpty else {
          throw ByteDecodingError(.invalidValue, "part of a document")
        }
        fetching.arriving[link]?.parts.append(part)
        fetching.arriving[link]?.byteCount += bytes.count
      } else if !isLast {
        throw ByteDecodingError(.invalidValue, "part of a document")
      }
    } catch {
      return giveUp(id, connection, "it cannot be read (\(error))")
    }
    guard let arriving = fetching.arriving[link],
      arriving.byteCount <= 2 * ReplicaStore.givenDocumentBytesMax
    else { return giveUp(id, connection, "it is too large") }
    guard isLast else {
      fetching.documents[id]?.nextAt = now + DamageFetching.patienceMilliseconds
      return
    }
    fetching.arriving[link] = nil
    guard !arriving.parts.isEmpty else { return giveUp(id, connection, nil) }
    do throws(StoreError) {
      let changed = try store.takeLost(id, from: arriving.parts)
      fetching.documents[id] = nil
      fetching.told = store.damagedCount
      fetching.dueAt = now
      guard let changed else { return }
      log(.warning, "document \(id), which was damaged, was fetched again from \(connection.place)")
      cannotGiveSnapshots = false
      emit(.changed(changed, isComplete: true))
    } catch {
      switch error {
      case .refused, .damaged: giveUp(id, connection, "\(error)")
      default: fail(connection, error)
      }
    }
  }

  /// What a peer gave of a document is of no use, for the reason given: nil when it gave nothing.
  private func giveUp(_ id: DocumentID, _ connection: Connection, _ reason: String?) {
    if let reason {
      log(.warning, "document \(id) cannot be had from \(connection.place): \(reason)")
    }
    fetching.arriving[connection.id] = nil
    guard var asked = fetching.documents[id] else { return }
    asked.nextAt = now + asked.pause
    asked.pause = min(2 * asked.pause, DamageFetching.pauseMillisecondsMax)
    fetching.documents[id] = asked
    fetching.wake(at: asked.nextAt)
  }

  // MARK: Segments

  /// Segments that were damaged are whole again.
  func tellMended(_ segments: [ChangeID]) {
    for change in segments {
      log(
        .warning,
        "the damaged segment with change \(change.sequence) of \(change.origin) was fetched again")
    }
    do throws(StoreError) { try store.lookAtLost() } catch { log(.error, "\(error)") }
    fetching.told = store.damagedCount
    if store.damagedCount == 0 { fetching = DamageFetching() }
    let origins = segments.map(\.origin)
    for id in sortedLinks { session(id) { $0.mended(origins, now: now) } }
  }

  private static func sentence(_ segment: DamagedSegment) -> String {
    SegmentStoreError.damaged(
      origin: segment.origin, sequences: segment.sequences, position: segment.position
    ).description
  }
}
