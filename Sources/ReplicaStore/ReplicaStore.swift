package import Causality
package import ChangeCoding
import Documents
package import SQLiteBridge
import Sabotages
package import SegmentStore
package import Segments

/// The whole store of a replica: segments, documents, members and identity in one SQLite file.
///
/// Every write is one `BEGIN IMMEDIATE` transaction and durable when it returns. Several processes
/// may use the file: each transaction first looks whether another one has committed and drops what
/// it knew too early. What is in memory besides (open documents, segments that wait) can be lost at
/// any moment and is read again; after an error all of it is.
///
/// A store has one owner at a time. It has no clock and draws no randomness.
package final class ReplicaStore {
  let connection: SQLiteConnection
  /// The operations that have an effect on what it shows.
  let language: OperationLanguage
  /// The segments and the membership records, and what is remembered of peers. Its writes belong in
  /// ``write(_:)``.
  package let segments: SegmentStore
  package internal(set) var identity: StoreIdentity
  /// Who belongs to the workspace, as of the last transaction.
  package internal(set) var membership: Membership

  var state = StoreState()
  var cache = DocumentCache()
  /// Segments that are stored and not applied.
  var lanes = Lanes()
  /// Bytes of segments that were decoded in the transaction under way.
  var decodedBytes = 0
  /// The first private change of each origin, while segments are applied.
  var privateFirsts: [Origin: UInt64] = [:]
  /// The own changes that no segment holds, nil while they are not known.
  var knownPrivateChanges: PrivateChanges?
  /// How many commits have found them damaged beyond mending since that can have changed.
  var vainLooksAtPrivateChanges = 0
  /// Where stored chains end, of origins that were asked for.
  var chains: [Origin: SegmentStore.Chain] = [:]
  /// The versions at which documents were folded, by number; nil while they are not known.
  var knownFloors: [Int64: VersionVector]?
  /// What names of changes mean where origins are forked, nil where none is; not known while the
  /// outer one is nil.
  var knownBranchNames: BranchNames??
  /// How many branches and statements about them there were when documents were last opened.
  var seenBranches: [Int] = []
  /// Documents that were read in another way since somebody asked.
  var documentsReadAnew: Set<DocumentID> = []
  /// Segments that groups have sealed and nobody has taken.
  var sealedAtOnce: [Segment] = []
  /// How often changes were renamed by this process: who follows the renamings need not look
  /// before it grows.
  package internal(set) var renamingCount = 0
  /// For what is committed here.
  var encoder = ChangeBlock.Encoder()
  /// What the derived tables lack.
  var projection = ProjectionMemory()
  /// Documents that cannot be edited as what is stored of them is damaged, and why.
  var brokenDocuments: [DocumentID: String] = [:]
  /// Those of them that the call under way has met.
  var sparedDocuments: [DocumentID: String] = [:]
  /// What has just made a transaction fail.
  var damagedDocument: (id: DocumentID, reason: String)?
  /// Documents that were made again from their changes and are still to be written, and why.
  var rebuiltDocuments: [DocumentID: String] = [:]
  /// Changes that are counted as applied and that their documents do not have yet.
  var changesUnderWay: Set<ChangeID> = []
  /// When what is put together, see ``tidy()``.
  package var tidyLimits = TidyLimits()
  /// Documents whose histories lie in many chunks.
  var scatteredHistories: Set<DocumentID> = []
  /// Those of them that have waited for a quiet moment for so long that they do no more.
  var overdueHistories: Set<DocumentID> = []
  /// The segments that are known to be damaged.
  var damage = KnownDamage()

  var isStale = true
  /// The position of the last commit that this store has seen or made.
  var committedPosition: Int64 = 0
  var seenDataVersion: Int64 = -1
  /// The version of the file of which everything is in memory.
  var currentAtVersion: UInt64?
  var seenSegmentPosition: Int64 = 0
  var seenRecordPosition: Int64 = -1
  /// How often snapshots have replaced what the store shows.
  var seenInstallation: UInt64 = 0
  var external: ExternalChanges?
  /// Whether somebody asks ``refresh()`` what others have done, or nothing is gathered for it.
  package var gathersNews = true
  /// Lanes that had something ready, or may have had, were given up.
  var mayHaveReady = false

  init(
    _ connection: SQLiteConnection, identity: StoreIdentity,
    language: OperationLanguage = .current
  ) throws(StoreError) {
    self.connection = connection
    self.language = language
    self.identity = identity
    segments = SegmentStore(connection)
    membership = Membership(workspace: identity.workspace)
    try reading { () throws(StoreError) in }
  }

  /// Opens the store of a file that exists.
  ///
  /// - Parameter language: what a release understands; what an earlier one did not, and this one
  ///   does, comes to life as documents are opened.
  /// - Throws: `.missing`, `.notAStore`, `.tooNew`, `.damaged`, `.readOnly`, `.database`.
  package static func open(
    _ options: SQLiteOptions, language: OperationLanguage = .current
  ) throws(StoreError) -> ReplicaStore {
    let store = try openWithoutApplying(options, language: language)
    if store.options.access != .read {
      try store.saveMended()
      try store.applyWaiting()
    }
    return store
  }

  static func openWithoutApplying(
    _ options: SQLiteOptions, language: OperationLanguage
  ) throws(StoreError) -> ReplicaStore {
    var options = options
    if options.access == .create { options.access = .write }
    let connection: SQLiteConnection
    do throws(SQLiteError) {
      connection = try SQLiteConnection(options, schema: StoreSchema.schema)
    } catch {
      throw openingError(error, options)
    }
    guard let identity = try StoreIdentity.load(from: connection) else {
      if try BackupNote.load(from: connection) != nil { throw .isBackup(path: connection.path) }
      throw .notAStore(path: connection.path)
    }
    return try ReplicaStore(connection, identity: identity, language: language)
  }

  /// Closes the file. The store cannot be used after.
  package func close() {
    invalidate()
    connection.close()
  }

  package var options: SQLiteOptions { connection.options }

  /// How much it keeps open between transactions.
  package var cacheLimits: DocumentCacheLimits {
    get { cache.limits }
    set { cache.limits = newValue }
  }

  // MARK: What it shows

  /// The changes that the documents show, as of the last transaction or refresh.
  package var appliedVector: VersionVector { state.applied }
  /// The maximal applied changes, sorted.
  package var heads: [ChangeID] { state.heads }
  /// How many changes were applied: the local order of changes.
  package var position: Int64 { state.position }

  /// For each origin the end of its stored chain, sorted by origin: what peers are told. Own
  /// changes that are not sealed yet are not in it.
  package func storedTips() throws(StoreError) -> [(origin: Origin, position: ChainPosition)] {
    try stored { () throws(SegmentStoreError) in try segments.heads() }
  }

  // MARK: Transactions

  /// Runs `body` in one durable transaction, on the newest state of the file. When it throws,
  /// nothing of it remains, neither in the file nor in memory.
  @discardableResult
  package func write<Result>(
    _ body: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    guard options.access != .read else { throw .readOnly }
    var hasBegun = false
    let (origin, damageBefore) = (identity.origin, damage)
    do throws(StoreError) {
      let result = try connection.transaction { () throws(StoreError) in
        // Taking the write lock shows what others have committed.
        if isStale || connection.seenVersion != currentAtVersion { try refreshInTransaction() }
        hasBegun = true
        if hasMended { try writeMended() }
        return try body()
      }
      if connection.mendedLog != nil { connection.forgetMendedLog() }
      currentAtVersion = connection.seenVersion
      committedPosition = state.position
      cache.trim()
      return result
    } catch {
      if hasBegun, !Sabotage.keepMemoryAfterFailure.isPlanted {
        invalidate()
        identity.origin = origin
        // What was mended is damaged again; what was found is.
        damage.formUnion(damageBefore)
        // A commit that failed may be on the disk all the same: what it did then is news here, as
        // if another process had done it.
        seenDataVersion = .max
      }
      throw error
    }
  }

  /// Runs several reads on one unchanging view. Within a transaction it is part of it.
  @discardableResult
  package func read<Result>(_ body: () throws -> Result) throws -> Result {
    let result = try reading { () throws(StoreError) in Swift.Result { try body() } }
    return try result.get()
  }

  func reading<Result>(
    _ body: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    if connection.isInTransaction {
      // Where nothing is written, nothing that is open is waited for.
      defer { if connection.options.access == .read { cache.trim() } }
      return try body()
    }
    let result = try connection.transaction(.read) { () throws(StoreError) in
      try refreshInTransaction()
      return try body()
    }
    cache.trim()
    return result
  }

  /// Forgets everything in memory; the next transaction reads it again.
  func invalidate() {
    isStale = true
    seenRecordPosition = -1
    cache.removeAll()
    if lanes.areLoaded { mayHaveReady = true }
    lanes.removeAll()
    chains = [:]
    forgetPrivateChanges()
    knownFloors = nil
    knownBranchNames = nil
    sealedAtOnce = []
    rebuiltDocuments = [:]
    changesUnderWay = []
    scatteredHistories = []
    overdueHistories = []
    projection = ProjectionMemory()
  }

  /// Forgets what is known of documents and of what is applied, within a transaction that has
  /// replaced it.
  func forgetWhatIsKnown() {
    cache.removeAll()
    lanes.removeAll()
    chains = [:]
    privateFirsts = [:]
    forgetPrivateChanges()
    knownFloors = nil
    knownBranchNames = nil
    brokenDocuments = [:]
    rebuiltDocuments = [:]
    changesUnderWay = []
    scatteredHistories = []
    overdueHistories = []
    projection = ProjectionMemory()
  }

  /// Whether what is in memory is what the file holds, as nobody else has committed since.
  func isCurrent() throws(StoreError) -> Bool {
    if connection.isInTransaction { return true }
    guard !isStale else { return false }
    return try sql { () throws(SQLiteError) in try connection.dataVersion() } == seenDataVersion
  }

  /// Whether the last read saw the very commit that everything in memory is of. Costs no statement.
  var isUpToDate: Bool {
    !isStale && currentAtVersion != nil && connection.seenVersion == currentAtVersion
  }

  /// Notes that this process itself has kept membership records.
  func noteOwnRecords() throws(StoreError) {
    seenRecordPosition = try sql { () throws(SQLiteError) in
      try connection.queryInteger("SELECT max(position) FROM membership_record") ?? 0
    }
  }

  /// Where the stored chain of an origin ends. Within a transaction.
  func chainEnd(of origin: Origin) throws(StoreError) -> ChainPosition {
    if let known = chains[origin] { return known.position }
    let found = try stored { () throws(SegmentStoreError) in try segments.chain(of: origin) }
    chains[origin] = found
    return found?.position ?? .start
  }

  /// Puts a segment behind the stored ones of its origin.
  func append(_ segment: Segment) throws(SegmentStoreError) -> AppendedSegment {
    let origin = segment.origin
    var chain = chains[origin]
    if chain == nil { chain = try segments.chain(of: origin) }
    let appended = try segments.append(segment, to: &chain)
    chains[origin] = chain
    if case .stored(let position) = appended { noteOwnSegments(through: position) }
    return appended
  }

  /// Notes that this process itself has stored segments.
  func noteOwnSegments(through position: Int64) {
    seenSegmentPosition = max(seenSegmentPosition, position)
  }

  // MARK: Errors

  func sql<Result>(
    _ body: () throws(SQLiteError) -> Result
  ) throws(StoreError) -> Result {
    do throws(SQLiteError) { return try body() } catch { throw StoreError(error) }
  }

  func stored<Result>(
    _ body: () throws(SegmentStoreError) -> Result
  ) throws(StoreError) -> Result {
    do throws(SegmentStoreError) { return try body() } catch { throw noted(error) }
  }

  static func documentID(
    _ column: Int, of row: borrowing SQLiteRows
  ) throws(SQLiteError) -> DocumentID {
    guard let id = DocumentID(bytes: try row.blob(column, count: DocumentID.byteCount)) else {
      throw SQLiteError(code: .unexpectedValue, message: "column \(column) holds no document id")
    }
    return id
  }
}
