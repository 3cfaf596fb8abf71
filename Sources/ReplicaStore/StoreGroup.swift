package import Causality
import ChangeCoding
package import Documents
import SQLiteBridge
import Sabotages
package import Sealing
import Segments

/// What a transaction did.
package struct StoreCommit<Value> {
  package let value: Value
  /// Nil when nothing was edited.
  package let change: ChangeID?
  /// What the store shows with this transaction.
  package let version: VersionVector
  /// The documents that it edited, sorted.
  package let documents: [DocumentID]
  /// How many operations it made: characters typed, fields set, and so on.
  package let operationCount: Int
}

extension StoreCommit: Sendable where Value: Sendable {}

extension ReplicaStore {
  /// Commits many transactions at once: one SQLite transaction, one sync of the disk.
  ///
  /// When it returns, everything whose result was a success is durable. When it throws, nothing of
  /// the group has happened, whatever the single results said.
  ///
  /// - Parameter isSealing: seals what is committed in the same transaction, where nothing stands
  ///   against it: what ``seal(entropy:)`` would do at once, with one sync of the disk less. See
  ///   ``takeSealedAtOnce()``.
  /// - Throws: `.notPermitted` on a device that may only read, `.readOnly`, `.database`,
  ///   `.damaged`.
  @discardableResult
  package func group<Result>(
    now: Timestamp, entropy: Entropy, isSealing: Bool = false, _ body: (StoreGroup) -> Result
  ) throws(StoreError) -> Result {
    do throws(StoreError) {
      return try write { () throws(StoreError) in
        guard role >= .writer else {
          throw .notPermitted("This device may read the workspace but not write to it.")
        }
        if Sabotage.refuseWhileWaiting.isPlanted, try waitingCount() > 0 {
          throw .notPermitted("Changes of others wait.")
        }
        let group = StoreGroup(self, now: now, entropy: entropy, isSealing: isSealing)
        let result = body(group)
        try group.finish()
        return result
      }
    } catch {
      guard Sabotage.useTransactionAfterError.isPlanted else { throw error }
      return body(StoreGroup(self, now: now, entropy: entropy, isSealing: false))
    }
  }
}

/// Transactions that are committed together. Valid inside ``ReplicaStore/group(now:entropy:_:)``.
package final class StoreGroup {
  private let store: ReplicaStore
  private let now: Timestamp
  private let entropy: Entropy
  private let isSealing: Bool
  /// Applied in memory, not yet in the file.
  private var pending: [AppliedChange] = []
  private var pendingBytes = 0
  /// The last large change, which was encoded to know its size.
  private var encoded: (change: ChangeID, bytes: [UInt8])?
  private var pendingDocuments: Set<DocumentID> = []
  /// Documents that have in memory what a transaction did that does not count.
  private var spoiled: [DocumentID] = []
  /// What made the whole group fail.
  private var failure: StoreError?

  /// A row of unsealed changes stays below this unless a single change is larger.
  private static let rowBytesMax = 256 << 10

  init(_ store: ReplicaStore, now: Timestamp, entropy: Entropy, isSealing: Bool) {
    self.store = store
    self.now = now
    self.entropy = entropy
    self.isSealing = isSealing
  }

  /// Runs one transaction. When `body` throws, it has changed nothing and the group goes on; its
  /// error is the result's.
  package func transaction<Value>(
    _ body: (StoreTransaction) throws -> Value
  ) -> Result<StoreCommit<Value>, any Error> {
    if let failure { return .failure(failure) }
    let change = ChangeID(
      origin: store.identity.origin, sequence: store.state.applied[store.identity.origin] + 1)
    var lamport = store.state.lamportMax + 1
    if Sabotage.countOwnLamportOnly.isPlanted { lamport = store.lamportOfOwn + 1 }
    let transaction = StoreTransaction(
      store, change: change, lamport: lamport, time: now, entropy: entropy
    ) { [self] () throws(StoreError) in
      flush()
      if let failure { throw failure }
    }
    if Sabotage.trustWallClock.isPlanted { transaction.stamp = UInt64(clamping: now.milliseconds) }
    do {
      let value = try body(transaction)
      let edits = try transaction.finish()
      let committed = try take(edits, as: change, lamport: transaction.lamport)
      do throws(StoreError) {
        try transaction.writeDrafts()
      } catch {
        failure = error
        throw error
      }
      return .success(
        StoreCommit(
          value: value, change: committed ? change : nil, version: store.state.applied,
          documents: edits.map(\.document),
          operationCount: edits.reduce(0) { $0 + $1.eventCount }))
    } catch {
      undo(transaction)
      return .failure(error)
    }
  }

  /// Writes what is left. Afterwards all that succeeded is in the file.
  func finish() throws(StoreError) {
    flush(isLast: true)
    if let failure { throw failure }
  }

  // MARK: Steps

  private func take(
    _ edits: [DocumentEdit], as id: ChangeID, lamport: UInt64
  ) throws(StoreError) -> Bool {
    guard !edits.isEmpty else { return false }
    let change = Change(
      id: id, lamport: lamport, time: now,
      dependencies: store.state.heads.filter { $0.origin != id.origin }, edits: edits)
    let bytes = try size(of: change)
    if pendingBytes + bytes > Self.rowBytesMax {
      flush()
      if let failure { throw failure }
    }
    do throws(StoreError) {
      pending.append(try store.advance(to: change))
      store.changesUnderWay.insert(id)
    } catch {
      failure = error
      throw error
    }
    pendingBytes += bytes
    for edit in edits { pendingDocuments.insert(edit.document) }
    return true
  }

  /// About how many bytes a change takes; exactly where it comes near the limit.
  private func size(of change: Change) throws(StoreError) -> Int {
    guard ChangeBlock.fits(change) else {
      throw .notPermitted(
        "A transaction has at most \(ChangeBlock.operationCountMax) operations and as many list "
          + "elements; split it up.")
    }
    var bytes = 64
    for edit in change.edits {
      bytes += 48 + edit.operations.reduce(0) { $0 + $1.approximateBytes }
    }
    encoded = nil
    guard bytes > Segment.bodyBytesMax / 4 else { return bytes }
    let block = ChangeBlock.encode([change])
    guard block.count <= Segment.bodyBytesMax else {
      throw .tooLarge(bytes: block.count, limit: Segment.bodyBytesMax)
    }
    encoded = (change.id, block)
    return block.count
  }

  /// Takes back what a transaction did in memory: its documents are opened again from the file,
  /// into which what earlier transactions did to them is written first.
  private func undo(_ transaction: StoreTransaction) {
    let spoiled = transaction.abandon()
    self.spoiled = spoiled
    if failure == nil, !pendingDocuments.isDisjoint(with: spoiled) { flush() }
    self.spoiled = []
    for id in spoiled { store.cache.remove(id) }
  }

  private func flush(isLast: Bool = false) {
    guard failure == nil, !pending.isEmpty else { return }
    do throws(StoreError) {
      let changes = pending.map(\.change)
      if areApart, !(isLast && isSealing) {
        // As each lies in the tail of its document, so that it is encoded once.
        for place in pending.indices {
          pending[place].pieces = changes[place].edits.map { edit in
            var piece = changes[place]
            piece.edits = [edit]
            return store.encoder.encode(piece)
          }
        }
        try keepUnsealed(changes, KeptBlock.list(pending.flatMap(\.pieces)))
        try store.record(pending, areUnsealed: true, leavingTails: spoiled)
      } else {
        let block = EncodedBlock(count: changes.count, bytes: bytes(of: changes))
        pending[0].block = block
        let isSealed =
          isLast && isSealing ? try store.sealAtOnce(changes, block, entropy: entropy) : false
        if !isSealed { try keepUnsealed(changes, block.bytes) }
        try store.record(pending, areUnsealed: !isSealed, leavingTails: spoiled)
      }
    } catch {
      failure = error
    }
    pending.removeAll(keepingCapacity: true)
    pendingBytes = 0
    pendingDocuments.removeAll(keepingCapacity: true)
    store.changesUnderWay.removeAll(keepingCapacity: true)
  }

  /// Whether there are several edits, each of a document of its own. Where a change builds on many
  /// others, naming them with each of its edits would cost more than encoding those twice.
  private var areApart: Bool {
    var (count, repeated) = (0, 0)
    for item in pending {
      count += item.change.edits.count
      repeated += (item.change.edits.count - 1) * item.change.dependencies.count
    }
    return count > 1 && count == pendingDocuments.count && count <= KeptBlock.listedMax
      && repeated <= pendingBytes / (4 * Self.bytesOfDependency)
  }

  /// About what it takes to name a change that another one builds on.
  private static let bytesOfDependency = 24

  private func bytes(of changes: [Change]) -> [UInt8] {
    guard changes.count == 1, let known = encoded, known.change == changes[0].id else {
      return store.encoder.encode(changes)
    }
    encoded = nil
    return known.bytes
  }

  private func keepUnsealed(
    _ changes: [Change], _ block: [UInt8]
  ) throws(StoreError) {
    guard let first = changes.first?.id.sequence, let last = changes.last?.id.sequence else {
      return
    }
    // What is put behind rows of which the keys have rotted would not be found there again.
    _ = try store.privateChangesToFollow()
    try store.sql { () throws(SQLiteError) in
      try store.insertUnsealed(first, last, block)
    }
    store.knownPrivateChanges?.commit(first...last, bytes: block.count)
  }
}

extension Operation {
  /// About how many bytes it takes, rather too many.
  fileprivate var approximateBytes: Int {
    switch action {
    case .set(let key, let value, let replaces):
      40 + key.text.utf8.count + Self.bytes(value) + 32 * replaces.count
    case .make(let key, _, _, let replaces), .delete(let key, let replaces):
      40 + key.text.utf8.count + 32 * replaces.count
    case .insertText(_, let text): 32 + text.utf8.count
    case .insertElements(_, let elements):
      elements.reduce(32) { $0 + Self.bytes($1) }
    case .setElement(_, let element, let replaces):
      64 + Self.bytes(element) + 32 * replaces.count
    case .resolve(let events): 32 + 32 * events.count
    case .mark(_, _, let name, let value, _): 96 + name.text.utf8.count + Self.bytes(value)
    case .unknown(_, _, let bytes): 32 + bytes.count
    case .createNode, .moveNode, .deleteNode: 128
    case .increment, .remove, .deleteDocument: 32
    }
  }

  private static func bytes(_ element: Element) -> Int {
    switch element {
    case .value(let value): bytes(value)
    case .container: 8
    case .moved: 32
    }
  }

  private static func bytes(_ value: Value) -> Int {
    switch value {
    case .string(let text): 16 + text.utf8.count
    case .bytes(let bytes): 16 + bytes.count
    default: 16
    }
  }
}
