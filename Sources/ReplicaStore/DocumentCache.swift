import Documents

/// How many documents a store keeps open.
package struct DocumentCacheLimits: Sendable {
  package let count: Int
  /// About what they may take in memory.
  package let bytes: Int

  /// What many small documents take that many changes come to is less than opening them again and
  /// again costs.
  package init(count: Int = 16_384, bytes: Int = 48 << 20) {
    self.count = count
    self.bytes = bytes
  }
}

/// How many open documents keep their histories, after a concurrent merge or a look back.
struct HistoryLimits {
  /// However large each of them is.
  var count = 8
  /// What they may take together, whatever their number: to a sixteenth, and but for the last one.
  var bytes = 64 << 20
  /// More of them are kept as long as they are small together.
  var smallCount = 256
  var smallBytes = 4 << 20
}

/// The documents that are open, bounded by number and size; the least recently used go first.
struct DocumentCache {
  var limits = DocumentCacheLimits()
  var historyLimits = HistoryLimits()

  /// What the table `document` says about a document: as of the last fold, but for the deletion.
  struct Row {
    /// 0 while there is none.
    var number: Int64 = 0
    var position: Int64 = 0
    var stateBytes = 0
    var isDeleted = false
    var isBranched = false
    /// The highest number of an operation that whoever folded it understood; nil where it had none
    /// that they did not understand.
    var understood: Int64?
  }

  /// An open document and its row.
  final class Entry {
    let document: Document
    /// The number of its row; 0 while there is none.
    var row: Int64
    /// Bytes of the change blocks since the last fold.
    var tailBytes = 0
    /// How many edits they are.
    var tailCount = 0
    /// These edits, where all of them were made or came while the document was open, and are few;
    /// not of one that is new, as of many that are made few are edited on.
    var knownTail: [IncomingEdit]?
    /// Under which number the next row of the tail goes; nil while that is not known.
    var nextTail: Int64?
    /// Bytes of the state at the last fold.
    var stateBytes: Int
    /// The local position of its last change.
    var position: Int64
    /// What its row says.
    var isNotedAsDeleted: Bool
    var isNotedAsBranched: Bool
    /// Whether anything in it was ever done at once.
    var isBranched: Bool
    /// Whether the folded state has operations that have no effect on it.
    var hasUnknown: Bool
    /// Whether the folded state is that of a release which understood less: the next edit writes
    /// it anew.
    var isDerivedAnew = false
    /// All that was ever done to it, where what is stored of it is damaged: the next edit writes it
    /// anew.
    var rebuilt: DocumentHistory?
    /// What was found at a position.
    var conflicts: (position: Int64, found: [Conflict])?
    var lastUse: UInt64 = 0
    /// What the cache counts it as.
    fileprivate var countedBytes = 0
    /// What the cache counts its history as, and the bound of it then.
    fileprivate var historyBytes = 0
    fileprivate var historyBound = 0
    /// Whether its size is to be looked at again.
    fileprivate var isTouched = false
    fileprivate var isInCache = false

    init(_ document: Document, _ row: Row = Row()) {
      self.document = document
      self.row = row.number
      position = row.position
      stateBytes = row.stateBytes
      isNotedAsDeleted = row.isDeleted
      isNotedAsBranched = row.isBranched
      isBranched = row.isBranched
      hasUnknown = row.understood != nil
    }

    /// So many edits of a tail are kept in memory.
    private static let knownTailMax = 64

    /// Takes edits that come into the tail.
    func knowTail(of edits: [IncomingEdit]) {
      guard let known = knownTail?.count else { return }
      if known + edits.count <= Self.knownTailMax {
        knownTail?.append(contentsOf: edits)
      } else {
        knownTail = nil
      }
    }

    /// About what it takes in memory.
    fileprivate var approximateBytes: Int {
      let tail = knownTail.map { $0.isEmpty ? 0 : tailBytes + $0.count * Self.bytesOfEdit } ?? 0
      return document.approximateBytes + DocumentCache.bytesOfEach + tail
    }

    /// What an edit takes besides what it writes.
    private static let bytesOfEdit = 320
  }

  private var entries: [DocumentID: Entry] = [:]
  private var uses: UInt64 = 0
  /// Those that were used since sizes were looked at.
  private var touched: [Entry] = []
  private(set) var bytes = 0
  /// What an open document takes besides what it counts itself.
  static let bytesOfEach = 2_048
  /// Documents that hold their history, the latest last.
  private var withHistory: [DocumentID] = []
  /// What their histories take, as they were last counted.
  private(set) var historyBytes = 0

  var count: Int { entries.count }

  mutating func entry(_ id: DocumentID) -> Entry? {
    guard let entry = entries[id] else { return nil }
    use(entry)
    return entry
  }

  mutating func insert(_ entry: Entry) {
    if let other = entries.updateValue(entry, forKey: entry.document.id) { forget(other) }
    entry.isInCache = true
    use(entry)
    if entry.document.hasHistory { countHistory(of: entry) }
  }

  private mutating func use(_ entry: Entry) {
    uses += 1
    entry.lastUse = uses
    guard !entry.isTouched else { return }
    entry.isTouched = true
    touched.append(entry)
  }

  mutating func remove(_ id: DocumentID) {
    guard let entry = entries.removeValue(forKey: id) else { return }
    forget(entry)
    if !withHistory.isEmpty { withHistory.removeAll { $0 == id } }
  }

  private mutating func forget(_ entry: Entry) {
    bytes -= entry.countedBytes
    historyBytes -= entry.historyBytes
    (entry.countedBytes, entry.historyBytes, entry.historyBound) = (0, 0, 0)
    entry.isInCache = false
  }

  mutating func removeAll() {
    for entry in entries.values { forget(entry) }
    entries.removeAll()
    withHistory.removeAll()
  }

  /// Keeps the history of the documents that were merged or looked back over last: more of the same
  /// is likely. The last one always stays. Complexity: bounded by ``HistoryLimits``.
  mutating func noteHistory(of id: DocumentID) {
    if let index = withHistory.lastIndex(of: id) { withHistory.remove(at: index) }
    withHistory.append(id)
    if let entry = entries[id] { countHistory(of: entry) }
    releaseHistories()
  }

  /// Counts what the history of a document takes, where it can have grown by a sixteenth since it
  /// was last counted: so counting costs an edit little, however many texts a document has.
  private mutating func countHistory(of entry: Entry) {
    let bound = entry.document.historyBytesBound
    let hasShrunk = bound < entry.historyBound
    guard hasShrunk || bound - entry.historyBound > entry.historyBytes / 16 else { return }
    let now = entry.document.approximateHistoryBytes
    historyBytes += now - entry.historyBytes
    (entry.historyBytes, entry.historyBound) = (now, bound)
    guard bound == 0 else { return }
    // Somebody else has freed it.
    withHistory.removeAll { $0 == entry.document.id }
  }

  private mutating func releaseHistories() {
    while areHistoriesTooMany,
      let index = withHistory.dropLast().firstIndex(where: {
        entries[$0]?.document.isBeingEdited != true
      })
    {
      guard let entry = entries[withHistory.remove(at: index)] else { continue }
      entry.document.releaseHistory()
      countHistory(of: entry)
    }
  }

  private var areHistoriesTooMany: Bool {
    if historyBytes > historyLimits.bytes { return true }
    guard withHistory.count > historyLimits.count else { return false }
    return withHistory.count > historyLimits.smallCount
      || historyBytes > historyLimits.smallBytes
  }

  /// Closes documents until the bounds hold with room to spare. Not within a transaction, which may
  /// have documents in hand that are not written yet. Complexity: O(documents used since the last
  /// time), and where it closes some O(log n) for each of them.
  mutating func trim() {
    for entry in touched {
      entry.isTouched = false
      guard entry.isInCache else { continue }
      let now = entry.approximateBytes
      bytes += now - entry.countedBytes
      entry.countedBytes = now
      if entry.historyBound > 0 || entry.document.hasHistory { countHistory(of: entry) }
    }
    releaseHistories()
    touched.removeAll(keepingCapacity: touched.count < 1_024)
    guard entries.count > limits.count || bytes > limits.bytes else { return }
    // The one that was used last stays, however large it is: it is asked for again.
    // Sorting the entries themselves would count each of their references up and down.
    let order = entries.map { (lastUse: $0.value.lastUse, id: $0.key) }
      .sorted { $0.lastUse < $1.lastUse }
    for place in order.dropLast() {
      guard entries.count > limits.count * 3 / 4 || bytes > limits.bytes * 3 / 4 else { return }
      remove(place.id)
    }
  }
}
