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
  /// Who was asked last for documents that nothing here can make again. Only looked up in.
  var askedForDocuments: [DocumentID: LinkID] = [:]
  /// What has come of the document that each link gives.
  var parts: [LinkID: [SnapshotPart]] = [:]
  /// When the next one is to be asked; nil when there is nothing to ask, or nobody.
  var dueAt: UInt64?
  /// How many were known when it was last told.
  var told = 0

  /// How long a peer may take before another one is asked.
  static let patienceMilliseconds: UInt64 = 10_000
  /// How many documents are asked for at once.
  static let documentsMax = 16
  /// Of one document that is larger, no more is kept.
  static let documentBytesMax = 256 << 20
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
      let holders = sortedLinks.filter { id in
        guard let session = links[id]?.link.session, session.isRunning else { return false }
        return session.peerVector[segment.origin] >= segment.sequences.upperBound
      }
      let last = fetching.asked[segment.position]
      guard let next = last.flatMap({ last in holders.first { $0 > last } }) ?? holders.first
      else { continue }
      fetching.asked[segment.position] = next
      fetching.dueAt = now + DamageFetching.patienceMilliseconds
      session(next) { $0.fetchAgain(segment.origin, segment.sequences, now: now) }
    }
    fetchLost()
  }

  // MARK: Documents

  /// Asks one peer for each document that nothing here can make again; another one each time.
  private func fetchLost() {
    let lost = store.lostDocuments
    guard !lost.isEmpty, !Sabotage.leaveLostDocuments.isPlanted else { return }
    let holders = sortedLinks.filter { links[$0]?.link.session?.givesDocuments ?? false }
    for id in lost.prefix(DamageFetching.documentsMax) {
      let last = fetching.askedForDocuments[id]
      guard let next = last.flatMap({ last in holders.first { $0 > last } }) ?? holders.first
      else { continue }
      fetching.askedForDocuments[id] = next
      fetching.dueAt = now + DamageFetching.patienceMilliseconds
      session(next) { $0.wantDocument(id.bytes, now: now) }
    }
  }

  func giveDocument(_ bytes: [UInt8], _ connection: Connection) {
    guard let id = DocumentID(bytes: bytes) else { return }
    do throws(StoreError) {
      let parts = try store.documentParts(of: id).map { $0.encoded() }
      session(connection.id) { $0.giveDocument(parts, now: now) }
    } catch {
      fail(connection, error)
    }
  }

  /// Takes a part of a document that was asked for; with the last one the document is made again.
  func keepDocument(_ bytes: [UInt8], isLast: Bool, _ connection: Connection) {
    let link = connection.id
    guard fetching.askedForDocuments.values.contains(link) else { return }
    var parts = fetching.parts[link] ?? []
    do throws(ByteDecodingError) {
      if !bytes.isEmpty { parts.append(try SnapshotPart(decoding: bytes)) }
    } catch {
      fetching.parts[link] = nil
      return log(.warning, "what \(connection.place) gives of a document cannot be read: \(error)")
    }
    let isTooLong = parts.reduce(0) { $0 + $1.byteCount } > DamageFetching.documentBytesMax
    fetching.parts[link] = isLast || isTooLong ? nil : parts
    guard isLast, !isTooLong, let id = parts.lazy.compactMap(\.document).first else { return }
    do throws(StoreError) {
      guard let changed = try store.takeLost(id, from: parts) else { return }
      log(.warning, "document \(id), which was damaged, was fetched again from \(connection.place)")
      fetching.askedForDocuments[id] = nil
      fetching.told = store.damagedCount
      cannotGiveSnapshots = false
      emit(.changed(changed, isComplete: true))
    } catch {
      switch error {
      case .refused, .damaged:
        log(.warning, "document \(id) cannot be had from \(connection.place): \(error)")
      default: fail(connection, error)
      }
    }
  }

  // MARK: Segments

  /// Segments that were damaged are whole again.
  func tellMended(_ segments: [ChangeID]) {
    for change in segments {
      log(
        .warning,
        "the damaged segment with change \(change.sequence) of \(change.origin) was fetched again")
    }
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
