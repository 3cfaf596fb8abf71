public import Documents
internal import ReplicaStore
private import Synchronization

/// What is shown differently in a document than before.
public struct DocumentUpdate: Sendable {
  /// In the order in which whoever shows the document applies them.
  public let patches: [DocumentPatch]
  /// What the replica covers once they are applied: whether a commit of one's own is among them.
  public let version: VersionVector
}

/// How a document comes to be shown as it is, and every change of it from then on.
///
/// Whoever begins with nothing and applies the patches of each update in their order shows the
/// document: the first update leads from an empty document to the one that is there. Later ones
/// come when something is shown differently, whoever has edited: this process, another one, or a
/// peer; edits of one's own come back here too. Each says exactly what is different, so that a
/// selection stays where it is (``TextPatch/moving(_:side:)``,
/// ``DocumentPatch/Action/moving(_:side:)``). What happens while nobody asks for the next update
/// comes with that one, at once.
///
/// Cost: an update after edits of this process takes O(keys and elements of the document) and the
/// length of its texts; after those of others also O(history of the document).
public struct DocumentUpdates: AsyncSequence, Sendable {
  public typealias Element = DocumentUpdate
  public typealias Failure = ReplicaError

  let core: ReplicaCore
  let document: DocumentID

  public func makeAsyncIterator() -> Iterator {
    Iterator(watch: Watch(core, document), notices: core.subscribe().makeAsyncIterator())
  }

  public struct Iterator: AsyncIteratorProtocol {
    let watch: Watch
    var notices: AsyncStream<ChangeNotice>.Iterator
    private var isFirst = true

    init(watch: Watch, notices: AsyncStream<ChangeNotice>.Iterator) {
      self.watch = watch
      self.notices = notices
    }

    /// Waits for the next update; nil once the replica is closed.
    ///
    /// - Throws: `damaged` when the document or its history is.
    public mutating func next(
      isolation actor: isolated (any Actor)? = #isolation
    ) async throws(ReplicaError) -> DocumentUpdate? {
      if isFirst {
        isFirst = false
        return try await watch.first()
      }
      while let notice = await notices.next(isolation: actor) {
        guard !notice.isComplete || notice.documents.contains(watch.document) else { continue }
        if let update = try await watch.update() { return update }
      }
      return nil
    }

    public mutating func next() async throws(ReplicaError) -> DocumentUpdate? {
      try await next(isolation: nil)
    }
  }

  /// Names what was told last, which the replica keeps.
  final class Watch: Sendable {
    let core: ReplicaCore
    let document: DocumentID
    private let number: UInt64

    init(_ core: ReplicaCore, _ document: DocumentID) {
      self.core = core
      self.document = document
      number = core.nextWatch()
    }

    func first() async throws(ReplicaError) -> DocumentUpdate {
      try await core.follow(document, as: number)
    }

    func update() async throws(ReplicaError) -> DocumentUpdate? {
      try await core.update(document, as: number)
    }

    deinit {
      let (core, number) = (core, number)
      Task { await core.endFollowing(number) }
    }
  }
}

extension Replica {
  /// A document as it is and then each change of it, as patches; see ``DocumentUpdates``. The
  /// document may be made later.
  ///
  ///     for try await update in replica.patches(of: note) {
  ///       for patch in update.patches { editor.apply(patch) }
  ///     }
  public func patches(of document: DocumentID) -> DocumentUpdates {
    DocumentUpdates(core: core, document: document)
  }
}

extension ReplicaCore {
  fileprivate nonisolated func nextWatch() -> UInt64 {
    watchNumber.withLock { number in
      number += 1
      return number
    }
  }

  fileprivate func follow(
    _ id: DocumentID, as watch: UInt64
  ) throws(ReplicaError) -> DocumentUpdate {
    let found = try update(id, as: watch)
    if let found { return found }
    return DocumentUpdate(patches: [], version: try opened().store.appliedVector)
  }

  /// Nil when nothing is shown differently.
  ///
  /// Whether others have edited is known from what has arrived, not from the notice that woke the
  /// follower: an edit of one's own may be told after a later one of others has been taken over.
  fileprivate func update(
    _ id: DocumentID, as watch: UInt64
  ) throws(ReplicaError) -> DocumentUpdate? {
    guard let store = state?.store else { return nil }
    lookAround()
    return try ReplicaError.translating {
      try store.read {
        guard let document = try store.document(id) else { return nil }
        let told = watches[watch]
        let before = told?.view ?? DocumentView()
        let patches: [DocumentPatch]
        if told == nil || told?.arrivals == arrivals {
          patches = try document.patches(since: before, in: document.keptHistory)
        } else {
          patches =
            try store.withHistory(of: id) { try $0.patches(since: before, in: $1) } ?? []
        }
        watches[watch] = (document.view, arrivals)
        return patches.isEmpty
          ? nil : DocumentUpdate(patches: patches, version: store.appliedVector)
      }
    }
  }

  fileprivate func endFollowing(_ watch: UInt64) { watches[watch] = nil }
}
